import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// Debian's browsers where they are installed, Playwright's own where they are not.
const [chromium, firefox] = ["/usr/bin/chromium", "/usr/bin/firefox-esr"].map((path) =>
  existsSync(path) ? path : undefined,
);

export default defineConfig({
  testDir: "tests",
  outputDir: "artifacts/results",
  globalSetup: "./ready.ts",
  // How long a test, and anything awaited in it, may take on a busy machine before it fails. Nothing
  // else depends on it.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  // The tests count the sessions of one server.
  workers: 1,
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  use: {
    baseURL: process.env.BASE_URL ?? "http://localhost:8080",
  },
  projects: [
    {
      name: "chromium",
      use: {
        browserName: "chromium",
        trace: "retain-on-failure",
        launchOptions: {
          executablePath: chromium,
          // Chromium has no sandbox for root; the rest keeps it from calling home.
          chromiumSandbox: process.getuid?.() !== 0,
          args: ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
        },
      },
    },
    {
      name: "firefox",
      // What the page says of failures is the same in both, and by BiDi requests cannot be changed.
      testIgnore: ["relay.spec.ts", "link.spec.ts", "diagnosis.spec.ts", "panel.spec.ts"],
      use: {
        browserName: "firefox",
        // Firefox as it is released, by WebDriver BiDi, with its own settings for WebRTC. Playwright
        // 1.65 asks it for emulation.setMediaFeaturesOverride, which Firefox 153 does not know;
        // 1.64 does not.
        channel: firefox && "moz-firefox",
        // Without pictures: by BiDi each is a screenshot that the page waits for.
        trace: { mode: "retain-on-failure", screenshots: false },
        launchOptions: { executablePath: firefox },
      },
    },
  ],
});
