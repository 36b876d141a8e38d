// Chromium on the reader's host, with the page of a product.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { here } from "./paths.mjs";

const ARGS = [
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
  // The page counts as one from the Internet, and its server as one of the local network.
  "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,LocalNetworkAccessChecksWebTransport",
];

export function chromiumPath() {
  const paths = [process.env.BENCH_CHROMIUM, chromium.executablePath(), "/usr/bin/chromium", "/usr/bin/google-chrome"];
  const path = paths.find((path) => path && existsSync(path));
  if (!path) throw new Error("there is no Chromium: install it, or name one in BENCH_CHROMIUM");
  return path;
}

export class Browser {
  /** `origin` is treated as one of HTTPS, without which there is no WebTransport. */
  static async start({ namespace, product, origin }) {
    const browser = new Browser();
    browser.process = await chromium.launch({
      executablePath: here("lib/chromium-on-host"),
      env: { ...process.env, BENCH_HOST: namespace, BENCH_CHROMIUM: chromiumPath() },
      chromiumSandbox: false,
      args: [...ARGS, `--unsafely-treat-insecure-origin-as-secure=${origin}`],
    });
    browser.version = browser.process.version();
    browser.product = product;
    browser.origin = origin;
    return browser;
  }

  /** A page of the product's own origin, which does not come over the network that is measured. */
  async page() {
    const context = await this.process.newContext();
    const page = await context.newPage();
    await page.route(`${this.origin}/bench/`, (route) =>
      route.fulfill({ contentType: "text/html", body: '<!doctype html><meta charset="utf-8"><title>Reader</title>' }),
    );
    await page.goto(`${this.origin}/bench/`);
    // What a page asks for from here on is not looked at on the way, which would take time.
    await page.unrouteAll();
    await page.addScriptTag({ path: here(`build/page/${this.product}.js`) });
    /** Calls what `measure.js` has by this name. */
    return (name, what) =>
      page.evaluate(([name, what]) => globalThis.bench[name](what), [name, what]);
  }

  stop() {
    return this.process.close();
  }
}
