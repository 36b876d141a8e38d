import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, type Page } from "@playwright/test";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
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
    expect(await violations(page)).toEqual([]);
  }
}

/** What axe finds. As text: handed over as objects, it takes Firefox a minute. */
async function violations(page: Page): Promise<unknown[]> {
  await page.evaluate(AXE);
  return JSON.parse(
    await page.evaluate(async () => {
      const { violations } = await (window as any).axe.run({ resultTypes: ["violations"] });
      return JSON.stringify(violations);
    }),
  );
}
