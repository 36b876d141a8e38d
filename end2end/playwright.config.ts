import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// Debian's Chromium where it is installed, Playwright's own where it is not.
const debian = "/usr/bin/chromium";

export default defineConfig({
  testDir: "tests",
  outputDir: "artifacts/results",
  globalSetup: "./ready.ts",
  // The tests count the sessions of one server.
  workers: 1,
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  use: {
    baseURL: process.env.BASE_URL ?? "http://localhost:8080",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: existsSync(debian) ? debian : undefined,
      // Chromium has no sandbox for root; the rest keeps it from calling home.
      chromiumSandbox: process.getuid?.() !== 0,
      args: ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
