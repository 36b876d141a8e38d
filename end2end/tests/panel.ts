import type { Locator, Page, Route } from "@playwright/test";
import { expect, TickwirePage } from "./support";

/** The panel "Connection", by what a person goes by. */
export class Panel {
  readonly tickwire: TickwirePage;
  readonly summary: Locator;
  readonly advice: Locator;
  readonly steps: Locator;
  readonly way: Locator;
  readonly channels: Locator;
  readonly copy: Locator;
  readonly withAddresses: Locator;
  readonly text: Locator;

  constructor(readonly page: Page) {
    this.tickwire = new TickwirePage(page);
    const panel = page.locator("details.connection");
    this.summary = this.tickwire.connection;
    this.advice = panel.locator(".advice");
    this.steps = panel.getByRole("listitem");
    this.way = panel.locator(".way dl");
    this.channels = panel.getByRole("table", { name: "Channels" });
    this.copy = panel.getByRole("button", { name: "Copy report" });
    this.withAddresses = panel.getByRole("checkbox", { name: "with addresses" });
    this.text = panel.getByRole("textbox", { name: "Report" });
  }

  step(name: string) {
    return this.steps.filter({ hasText: name });
  }

  /** What is said of a failure, and where it stopped. */
  async explains(what: string | RegExp, user: string, operator: string, failed: string) {
    await expect(this.tickwire.status).toContainText("Failed");
    await expect(this.advice).toBeVisible();
    await expect(this.advice.locator("p")).toHaveText(what);
    await expect(this.advice.locator("dd").first()).toContainText(user);
    await expect(this.advice.locator("dd").last()).toContainText(operator);
    await expect(this.step(failed)).toContainText("failed");
    await expect(this.steps.filter({ hasText: "waiting" })).not.toHaveCount(0);
  }
}

/** What Chromium says of an unencrypted page from another machine. */
export const UNTRUSTWORTHY = /Cross-Origin-Opener-Policy header has been ignored/;

/** Serves a server's page at another address, as a proxy in front of it does. */
export async function serveAt(page: Page, origin: string, server: string) {
  await page.route(`${origin}/**`, async (route) => {
    const url = route.request().url().replace(origin, server);
    await route.fulfill({ response: await route.fetch({ url }) });
  });
}

/** A page that asks people to sign in, in place of the server's answer. */
export const signIn = (route: Route) => route.fulfill({ contentType: "text/html", body: "<html>Sign in</html>" });
