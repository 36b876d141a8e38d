import { existsSync } from "node:fs";
import { chromium, firefox, type FullConfig } from "@playwright/test";

const browsers = { chromium, firefox };

/** Says what is missing once, not by the failure of every test. */
export default function haveBrowsers({ projects }: FullConfig) {
  for (const { name, use } of projects) {
    if (!(name in browsers)) continue;
    const path = use.launchOptions?.executablePath ?? browsers[name as keyof typeof browsers].executablePath();
    if (!existsSync(path)) throw new Error(`The browser tests need ${name}, which is not installed: run scripts/setup.`);
  }
}
