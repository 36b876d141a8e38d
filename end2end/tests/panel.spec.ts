import type { Page } from "@playwright/test";
import { NAME } from "../name";
import { GONE_SERVER } from "./link";
import { looksWell } from "./looks";
import { Panel, showOn, signIn, STEPS } from "./panel";
import { expect, test } from "./support";

test("is folded while all is well, and tells how the link came about and what it takes", async ({ page }) => {
  const panel = new Panel(page);
  await panel.tickwire.connect();
  await panel.tickwire.echo("hello");
  await expect(panel.steps).toHaveCount(0);
  await expect(panel.summary).toContainText(/Connection\s*IPv[46] · UDP · direct/);
  await panel.summary.click();
  await expect(panel.steps).toHaveText(STEPS.map((name) => new RegExp(`^✓${name}, done[\\d.]+ m?s$`)));
  await expect(panel.way).toContainText(/Round trip\s*[\d.]+ ms/);
  await expect(panel.way).toContainText(/Relayed\s*no/);
  const echo = panel.channels.getByRole("row", { name: "echo" });
  await expect(echo).toContainText("ordered, reliable");
  await expect(echo.getByRole("cell")).toHaveText(["5 B", "5 B", "0 B"]);
  await expect(panel.channels.getByRole("row", { name: "clock" })).toContainText("unordered, not sent again");
  await expect(panel.advice).toHaveCount(0);
});

test.describe("does not fight the reader:", () => {
  test("folds by itself when all is well again, unless it is being read", async ({ page }) => {
    const panel = new Panel(page);
    await page.goto("/");
    await page.route("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.advice).toBeVisible();
    await page.unroute("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.tickwire.status).toContainText("Connected");
    await expect(panel.copy).toBeHidden();

    await panel.tickwire.stop.click();
    await page.route("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.advice).toBeVisible();
    await panel.advice.hover();
    await page.unroute("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.tickwire.status).toContainText("Connected");
    await panel.tickwire.echo("all is well");
    await expect(panel.copy).toBeVisible();
  });

  test("stays shut once it was shut", async ({ page }) => {
    const panel = new Panel(page);
    await page.goto("/");
    await page.route("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.advice).toBeVisible();
    await panel.summary.click();
    await expect(panel.advice).toBeHidden();
    await page.unroute("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.tickwire.status).toContainText("Connected");
    await panel.tickwire.stop.click();
    await page.route("/sdp", signIn);
    await panel.tickwire.start.click();
    await expect(panel.summary).toContainText("Answer received: failed");
    await expect(panel.advice).toBeHidden();
  });
});

test.describe("with a server that goes away", () => {
  test.use({ expectedErrors: GONE_SERVER });

  test("opens when a try to come back fails, stays as it is while others do, and folds once one succeeds", async ({ page, serve }) => {
    test.slow();
    const server = await serve();
    const panel = new Panel(page);
    await panel.tickwire.connect(server.url);
    await server.stop("SIGKILL");
    await expect(panel.advice).toContainText("The server does not answer", { timeout: 20_000 });
    await page.screenshot({ path: "artifacts/connection-reconnecting.png" });
    await page.evaluate(() => {
      const advice = document.querySelector(".advice")!;
      (window as any).isSteady = () => advice.isConnected && advice === document.querySelector(".advice");
    });
    await expect(page.getByText(/Try [4-9] /)).toBeVisible({ timeout: 20_000 });
    expect(await page.evaluate(() => (window as any).isSteady())).toBe(true);
    await server.start();
    await expect(panel.tickwire.status).toContainText("Connected", { timeout: 30_000 });
    await expect(panel.copy).toBeHidden();
    await panel.tickwire.echo("back again");
  });
});

const ADDRESS = /\b\d{1,3}(\.\d{1,3}){3}\b|localhost|\[[0-9a-f:]+\]/;

test.describe("the report", () => {
  test.use({ permissions: ["clipboard-read", "clipboard-write"] });
  const copied = (page: Page) => page.evaluate(() => navigator.clipboard.readText());

  test("is copied, with addresses only where they are wanted", async ({ page }) => {
    const panel = new Panel(page);
    await panel.tickwire.connect();
    await panel.summary.click();
    await expect(panel.way).toContainText(/Round trip\s*[\d.]+ ms/);
    await panel.copy.click();
    await expect(page.getByText("Copied.", { exact: true })).toBeVisible();
    const without = await copied(page);
    expect(without).toMatch(/^Tickwire connection report\n\d{4}-\d\d-\d\dT[\d:.]+Z\n\nState +Connected\n/);
    expect(without).toMatch(/Candidate pairs checked done, .*s\n/);
    expect(without).toMatch(/Path +IPv[46], udp, this device /);
    expect(without).toMatch(/clock +unordered, not sent again; sent /);
    expect(without).toMatch(/Page +http, from a loopback address\n/);
    expect(without.replace(/Browser .*/, "")).not.toMatch(ADDRESS);
    await panel.withAddresses.check();
    await panel.copy.click();
    await expect.poll(() => copied(page)).toMatch(/Page +http:\/\/localhost\n/);
    const withAddresses = await copied(page);
    expect(withAddresses).toMatch(/\nServer names +.*127\.0\.0\.1:\d+/);
    expect(withAddresses).toMatch(/\nServer +[\d.[\]:a-f]+:\d+\n/);
  });

  test("says why there is no connection", async ({ page }) => {
    const panel = new Panel(page);
    await page.route("/sdp", signIn);
    await page.goto("/");
    await panel.tickwire.start.click();
    await panel.copy.click();
    await expect(page.getByText("Copied.", { exact: true })).toBeVisible();
    const report = await copied(page);
    expect(report).toMatch(/State +Failed\nLikely cause +Something between here .* status 200\.\nUser +.*\nOperator +/);
    expect(report).toMatch(/Answer received +failed, .*\nCandidate pairs checked waiting\n/);
  });

  test("of an unencrypted page is shown, selected, where the browser does not let the page copy", async ({ page, baseURL }) => {
    const panel = new Panel(page);
    await page.goto(Object.assign(new URL(baseURL!), { hostname: NAME }).href);
    await expect(panel.tickwire.start).toBeEnabled();
    await panel.summary.click();
    await panel.copy.press("Enter");
    await expect(panel.text).toBeFocused();
    await expect(panel.text).toHaveValue(/^Tickwire connection report\n/);
    const selected = await panel.text.evaluate((area: HTMLTextAreaElement) => area.selectionEnd - area.selectionStart);
    expect(selected).toBe((await panel.text.inputValue()).length);
  });

  test("is what is printed, folded or not", async ({ page }) => {
    const panel = new Panel(page);
    await panel.tickwire.connect();
    await showOn(page, "print");
    await expect(panel.step("DTLS handshake")).toBeVisible();
    await expect(panel.channels).toBeHidden();
    await showOn(page, "screen");
    await panel.summary.click();
    await expect(panel.channels.getByRole("row", { name: "pulse" })).toBeVisible();
    await showOn(page, "print");
    await expect(panel.channels).toBeVisible();
    for (const other of [panel.tickwire.log, panel.tickwire.time, panel.tickwire.stop, panel.copy]) {
      await expect(other).toBeHidden();
    }
    await page.screenshot({ path: "artifacts/print.png", fullPage: true });
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`open, in ${colorScheme}`, () => {
    test.use({ colorScheme });

    test("fits each width, and has no accessibility violation", async ({ page }) => {
      test.slow();
      const panel = new Panel(page);
      await page.goto("/");
      await panel.tickwire.start.click();
      await panel.tickwire.echo("hello there");
      await panel.summary.click();
      await expect(panel.way).toContainText(/Round trip\s*[\d.]+ ms/);
      await looksWell(page, `connection-connected-${colorScheme}`);
      await panel.tickwire.stop.click();
      await page.route("/sdp", signIn);
      await panel.tickwire.start.click();
      await expect(panel.advice).toBeVisible();
      await looksWell(page, `connection-failed-${colorScheme}`);
    });
  });
}
