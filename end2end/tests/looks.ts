import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** A telephone, a tablet, and a wide window, in pixels. */
const WIDTHS = [320, 768, 1440];

/** What is not to be wider than its place. */
const PARTS = "html, .panel, .connection-body, .tiles dt, .tiles dd, td, th";

/**
 * At each width what is shown has no accessibility violation, and no part of it is wider than its place.
 * Leaves screenshots of this name.
 */
export async function looksWell(page: Page, name: string): Promise<void> {
  const browser = page.context().browser()!.browserType().name();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: `artifacts/${name}-${browser}-${width}.png`, fullPage: true });
    const overflowing = await page.evaluate(
      (parts) =>
        [...document.querySelectorAll(parts)]
          .filter((part) => part.scrollWidth > part.clientWidth)
          .map((part) => part.textContent),
      PARTS,
    );
    expect(overflowing).toEqual([]);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  }
}
