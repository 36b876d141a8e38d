import { looksWell } from "./looks";
import { expect, test, TickwirePage } from "./support";

test.describe("without JavaScript", () => {
  // The scripts are announced in the head, and not run.
  test.use({ javaScriptEnabled: false, expectedErrors: /preloaded .* but not used/ });
  test("is complete, says what it needs, and offers nothing that would not work", async ({ page }) => {
    const tickwire = new TickwirePage(page);
    await page.goto("/");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tickwire");
    await expect(page.locator("noscript p")).toBeVisible();
    await expect(page.locator("noscript p")).toContainText("needs JavaScript");
    await expect(tickwire.status).toContainText("Not connected");
    for (const control of [tickwire.start, tickwire.interval, tickwire.message, tickwire.send, tickwire.clear]) {
      await expect(control).toBeDisabled();
    }
    await expect(tickwire.time).toHaveText("–");
    await expect(tickwire.interval).toHaveValue("1000");
    await tickwire.terms.click();
    await expect(page.getByText("How long ago the newest tick left the server.")).toBeVisible();
  });
});

test("can be used with the keyboard alone", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await page.goto("/");
  await expect(tickwire.start).toBeEnabled();
  await page.keyboard.press("Tab");
  await expect(tickwire.start).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(tickwire.status).toContainText("Connected");
  await expect(tickwire.stop).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(tickwire.connection).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("combobox", { name: "Brought" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(tickwire.interval).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(tickwire.interval).toHaveValue("100");
  await page.keyboard.press("Tab");
  await expect(tickwire.terms).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("How long ago the newest tick left the server.")).toBeVisible();
  for (const next of [tickwire.clear, tickwire.log, tickwire.message]) {
    await page.keyboard.press("Tab");
    await expect(next).toBeFocused();
  }
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  await expect(tickwire.line("Echo: typed")).toBeVisible();
  await expect(tickwire.message).toBeFocused();
});

test("each line says when, which way and what", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.echo("hello");
  const parts = async (text: string) => {
    const line = tickwire.lines.filter({ has: page.getByText(text, { exact: true }) });
    await expect(line.locator("time")).toHaveText(/^\d\d:\d\d:\d\d\.\d{3}$/);
    return [await line.getByRole("img").getAttribute("aria-label"), await line.locator(".source").innerText()];
  };
  expect(await parts("Echo: hello")).toEqual(["received", "echo"]);
  expect(await parts("hello")).toEqual(["sent", "you"]);
  await expect(tickwire.times.first().locator(".source")).toHaveText("time");
});

test("holds the last 500 lines, follows the newest, and stays where the reader scrolled", async ({ page }) => {
  test.slow();
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const below = async () => {
    const log = (await tickwire.log.boundingBox())!;
    const newest = (await tickwire.lines.last().boundingBox())!;
    return newest.y + newest.height - (log.y + log.height);
  };
  await tickwire.message.evaluate((input: HTMLInputElement) => {
    for (let index = 0; index < 260; index++) {
      input.value = `message ${index}`;
      input.form!.requestSubmit();
    }
  });
  await expect(tickwire.line("Echo: message 259")).toBeVisible();
  await expect(tickwire.lines).toHaveCount(500);
  await expect(tickwire.line("message 0")).toHaveCount(0);
  await expect.poll(below).toBeLessThan(2);

  // Not by the wheel: that scrolls smoothly, and a line that arrives meanwhile ends it on the way.
  await tickwire.log.evaluate((log) => log.scrollBy(0, -600));
  await expect.poll(below).toBeGreaterThan(300);
  const read = tickwire.line("Echo: message 240");
  const place = (await read.boundingBox())!.y;
  await tickwire.echo("while the reader is elsewhere");
  await expect(tickwire.lines.last()).not.toBeInViewport();
  expect(Math.abs((await read.boundingBox())!.y - place)).toBeLessThan(2);

  await tickwire.log.press("End");
  expect(await below()).toBeLessThan(2);
  await tickwire.echo("followed again");
  await expect.poll(below).toBeLessThan(2);

  await tickwire.clear.click();
  await expect(tickwire.line("Echo: followed again")).toHaveCount(0);
});

test("nothing moves while it connects and lines arrive", async ({ page, browserName }) => {
  test.skip(browserName === "firefox", "Firefox does not tell of layout shifts.");
  await page.addInitScript(() => {
    const shifts: number[] = ((window as any).shifts = []);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as any).value);
    }).observe({ type: "layout-shift", buffered: true });
  });
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.interval.selectOption("every 10 ms");
  await tickwire.echo("x".repeat(300));
  await expect(tickwire.times.nth(2)).toBeVisible();
  await expect(tickwire.reading("Jitter")).toHaveText(/ms$/);
  await expect(tickwire.reading("Memory")).toHaveText(/GiB$/);
  await tickwire.stop.click();
  await expect(tickwire.time).toHaveText("–");
  expect(await page.evaluate(() => (window as any).shifts)).toEqual([]);
});

test.describe("at an address where nothing is", () => {
  test.use({ expectedErrors: /404/ });
  test("says so, and leads back", async ({ page }) => {
    const response = await page.goto("/nothing");
    expect(response!.status()).toBe(404);
    await expect(page.getByRole("heading")).toHaveText("Not found");
    await page.getByRole("link").click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tickwire");
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });

    test("fits each width, and has no accessibility violation", async ({ page }) => {
      test.slow();
      const tickwire = new TickwirePage(page);
      await page.goto("/");
      await expect(tickwire.start).toBeEnabled();
      await looksWell(page, `idle-${colorScheme}`);
      await tickwire.start.click();
      await tickwire.echo("hello there");
      await tickwire.echo("שלום עולם 👋🏽");
      await tickwire.echo("a longer message, so that it wraps where the page is narrow: ".repeat(2).trim());
      await expect(tickwire.times.nth(1)).toBeVisible();
      await looksWell(page, `connected-${colorScheme}`);
    });
  });
}
