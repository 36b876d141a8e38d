import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import { NAME } from "./name";

// Debian's browsers where they are installed, Playwright's own where they are not.
const [chromium, firefox] = ["/usr/bin/chromium", "/usr/bin/firefox-esr"].map((path) =>
  existsSync(path) ? path : undefined,
);

/** The tests without a browser. */
const CLIENTS = ["aiortc.spec.ts", "clients.spec.ts", "examples.spec.ts", "fetch.spec.ts"];

export default defineConfig({
  testDir: "tests",
  outputDir: "artifacts/results",
  globalSetup: "./ready.ts",
  // How long a test, and anything awaited in it, may take on a busy machine before it fails. Nothing
  // else depends on it.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  // Most of a test's time is waiting. More would make a busy machine of two processors.
  workers: 2,
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  projects: [
    {
      name: "chromium",
      testIgnore: CLIENTS,
      use: {
        browserName: "chromium",
        launchOptions: {
          executablePath: chromium,
          // Chromium has no sandbox for root; the rest keeps it from calling home.
          chromiumSandbox: process.getuid?.() !== 0,
          args: [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            `--host-resolver-rules=MAP ${NAME} 127.0.0.1`,
          ],
        },
      },
    },
    {
      name: "firefox",
      testIgnore: CLIENTS,
      use: {
        browserName: "firefox",
        // Firefox as it is released, by WebDriver BiDi, with its own settings for WebRTC. Playwright
        // 1.65 asks it for emulation.setMediaFeaturesOverride, which Firefox 153 does not know;
        // 1.64 does not.
        channel: firefox && "moz-firefox",
        launchOptions: {
          executablePath: firefox,
          firefoxUserPrefs: {
            "network.dns.localDomains": NAME,
            // What Firefox does to tabs in the background, and Playwright turns off.
            "layout.testing.top-level-always-active": false,
            "dom.min_background_timeout_value": 1000,
            "dom.min_background_timeout_value_without_budget_throttling": 1000,
            "dom.timeout.enable_budget_timer_throttling": true,
          },
        },
      },
    },
    { name: "clients", testMatch: CLIENTS },
  ],
});
