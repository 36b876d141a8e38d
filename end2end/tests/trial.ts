import type { Locator, Page } from "@playwright/test";
import { expect, TickwirePage } from "./support";

/** The panel in which messages are tried. */
export class TrialPanel {
  readonly panel: Locator;
  readonly size: Locator;
  readonly rate: Locator;
  readonly seconds: Locator;
  readonly way: Locator;
  readonly again: Locator;
  readonly limit: Locator;
  readonly ordered: Locator;
  readonly kept: Locator;
  readonly start: Locator;
  readonly stop: Locator;

  constructor(readonly page: Page) {
    this.panel = page.getByRole("region", { name: "Try it" });
    this.size = this.panel.getByRole("textbox", { name: "Size (bytes)" });
    this.rate = this.panel.getByRole("textbox", { name: "Rate (per second)" });
    this.seconds = this.panel.getByRole("textbox", { name: "Duration (seconds)" });
    this.way = this.panel.getByRole("combobox", { name: "Way" });
    this.again = this.panel.getByRole("combobox", { name: "Lost messages are" });
    this.limit = this.panel.getByRole("textbox", { name: /^(Times|For \(milliseconds\))$/ });
    this.ordered = this.panel.getByRole("checkbox", { name: "In order" });
    this.kept = this.panel.getByRole("combobox", { name: "Compare with" });
    this.start = this.panel.getByRole("button", { name: "Start run" });
    this.stop = this.panel.getByRole("button", { name: "Stop run" });
  }

  async load(size: number, rate: number, seconds: number) {
    await this.size.fill(String(size));
    await this.rate.fill(String(rate));
    await this.seconds.fill(String(seconds));
  }

  async neverAgain() {
    await this.again.selectOption("sent again a number of times");
    await this.limit.fill("0");
    await this.ordered.uncheck();
  }

  head(run: "A" | "B"): Locator {
    return this.panel.getByRole("columnheader", { name: new RegExp(`^${run} `) });
  }

  async done(run: "A" | "B", how = "finished") {
    await expect(this.head(run)).toContainText(how, { timeout: 20_000 });
  }

  /** What the table says of a run. */
  cell(run: "A" | "B", name: string): Locator {
    const row = this.panel.getByRole("row").filter({ has: this.page.getByRole("rowheader", { name, exact: true }) });
    return row.getByRole("cell").nth(run === "A" ? 0 : 1);
  }

  async number(run: "A" | "B", name: string): Promise<number> {
    const text = await this.cell(run, name).innerText();
    expect(text).toMatch(/^[\d,]+/);
    return Number(text.match(/^[\d,]+/)![0].replaceAll(",", ""));
  }

  plot(name: string): Locator {
    return this.panel.getByRole("figure", { name }).getByRole("img");
  }
}

export async function openTrial(page: Page, url = "/"): Promise<TrialPanel> {
  await new TickwirePage(page).connect(url);
  return new TrialPanel(page);
}
