import { existsSync } from "node:fs";
import { chromium, firefox, request, type FullConfig } from "@playwright/test";

const browsers = { chromium, firefox };

export default async function ready(config: FullConfig) {
  haveBrowsers(config);
  await answers(config.projects[0].use.baseURL!);
}

/** Says what is missing once, not by the failure of every test. */
function haveBrowsers({ projects }: FullConfig) {
  for (const { name, use } of projects) {
    if (!(name in browsers)) continue;
    const path = use.launchOptions?.executablePath ?? browsers[name as keyof typeof browsers].executablePath();
    if (!existsSync(path)) throw new Error(`The browser tests need ${name}, which is not installed: run scripts/setup.`);
  }
}

/** `cargo leptos end-to-end` starts the server and does not wait for it to answer. */
async function answers(baseURL: string) {
  const context = await request.newContext();
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await context.get(`${baseURL}/health`).catch(() => undefined);
    if (answer?.ok()) break;
    if (Date.now() > deadline) throw new Error(`No server answered at ${baseURL} within 30 s.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await context.dispose();
}
