import type { Locator, Page, Route } from "@playwright/test";
import { expect, TickwirePage } from "./support";

export const STEPS = [
  "Page loaded",
  "Offer sent",
  "Answer received",
  "Candidate pairs checked",
  "DTLS handshake",
  "Channels open",
] as const;

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
  async explains(what: string | RegExp, user: string, operator: string, failed: (typeof STEPS)[number]) {
    await expect(this.tickwire.status).toContainText("Failed");
    await expect(this.advice).toBeVisible();
    await expect(this.advice.locator("p")).toHaveText(what);
    await expect(this.advice.locator("dd").first()).toContainText(user);
    await expect(this.advice.locator("dd").last()).toContainText(operator);
    const at = STEPS.indexOf(failed);
    const standing = (index: number) => (index < at ? "done" : index === at ? "failed" : "waiting");
    await expect(this.steps).toContainText(STEPS.map((name, index) => `${name}, ${standing(index)}`));
  }
}

/** A page that asks people to sign in, in place of the server's answer. */
export const signIn = (route: Route) => route.fulfill({ contentType: "text/html", body: "<html>Sign in</html>" });

/**
 * Shows the page as on paper, or as on a screen. By WebDriver BiDi no medium can be chosen: there
 * what the style says of paper is made to hold on the screen.
 */
export async function showOn(page: Page, medium: "print" | "screen") {
  await page.emulateMedia({ media: medium });
  await page.evaluate((medium) => {
    if (medium === "print" && matchMedia("print").matches) return;
    const [from, to] = medium === "print" ? ["print", "all"] : ["all", "print"];
    for (const rule of [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])) {
      if (rule instanceof CSSMediaRule && rule.media.mediaText === from) rule.media.mediaText = to;
    }
  }, medium);
}
