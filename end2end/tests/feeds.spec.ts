import { readFileSync } from "node:fs";
import { closeChannel, offer, tickInterval, ticks, watchChannels, type Watched } from "./channels";
import { expect, test, TickwirePage } from "./support";

test.beforeEach(({ page }) => watchChannels(page));

test("opens its channels over one connection, each as reliable as its feed needs", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const newestOnly = { negotiated: true, protocol: "tickwire.1", ordered: false, maxRetransmits: 0 };
  const reliable = { negotiated: true, protocol: "tickwire.1", ordered: true };
  const expected = [
    { label: "clock", id: 0, ...newestOnly },
    { label: "echo", id: 1, ...reliable },
    { label: "machine", id: 2, ...newestOnly },
    { label: "pulse", id: 3, ...newestOnly },
    { label: "control", id: 4, ...reliable, protocol: "tickwire.2" },
    { label: "values", id: 5, ...newestOnly, protocol: "tickwire.2" },
  ];
  expect((await offer(page)).channels).toEqual(expected);
  const created = await page.evaluate(() =>
    Object.entries((window as any).watched as Record<string, Watched>).map(([label, { init }]) => ({ label, ...init })),
  );
  expect(created).toEqual(expected);
});

test("the server's time runs between two ticks, and stops with the link", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await expect(tickwire.time).toHaveText(/^\d\d:\d\d:\d\d\.\d$/);
  await tickwire.interval.selectOption("every 10 s");
  const seen = new Set<string>();
  const before = await ticks(page);
  await expect.poll(async () => seen.add(await tickwire.time.innerText()).size).toBeGreaterThan(5);
  expect(await ticks(page)).toBeLessThan(before + 3);

  const [shown, now] = await tickwire.time.evaluate((time) => [time.textContent!, new Date().toISOString()]);
  const apart = Math.abs(Date.parse(`${now.slice(0, 11)}${shown}Z`) - Date.parse(now));
  expect(Math.min(apart, 86_400_000 - apart)).toBeLessThan(1_000);

  await tickwire.stop.click();
  await expect(tickwire.time).toHaveText("–");
  await expect(page.getByText("Stopped: not connected")).toBeVisible();
  for (const name of ["Ahead of this device", "Round trip", "Jitter", "Age of the newest", "Processors"]) {
    await expect(tickwire.reading(name)).toHaveText("–");
  }
});

test("on one machine the clocks agree, within what is said to be uncertain", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const difference = tickwire.reading("Ahead of this device");
  await expect(difference).toHaveText(/^[+−]?\d+\.\d ms ± \d+\.\d ms$/);
  await expect(tickwire.reading("Round trip")).toHaveText(/^\d+\.\d ms$/);
  await expect(tickwire.reading("Jitter")).toHaveText(/^\d+(\.\d)? ms$/);
  await expect(tickwire.reading("Age of the newest")).toHaveText(/^\d+(\.\d)? m?s$/);
  const [ahead, uncertainty] = (await difference.innerText()).match(/[\d.]+/g)!.map(Number);
  expect(ahead).toBeLessThanOrEqual(uncertainty);
  expect(uncertainty).toBeLessThan(50);
});

test("the clock ticks as often as is asked, and again after a new start", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.interval.selectOption("every 100 ms");
  await expect.poll(() => tickInterval(page, 20)).toBeLessThan(200);
  expect(await tickInterval(page, 20)).toBeGreaterThan(50);
  // A busy machine leaves ticks out.
  await tickwire.interval.selectOption("every 10 ms");
  await expect.poll(() => tickInterval(page, 20)).toBeLessThan(50);
  const logged = await tickwire.times.count();
  await expect.poll(() => tickwire.times.count()).toBeGreaterThan(logged + 1);
  const times = (await tickwire.times.locator(".text").allTextContents()).map((line) => Date.parse(line.slice(13)));
  // Once a second, whatever the interval; the first and the last may be off.
  expect(times[times.length - 1] - times[0]).toBeGreaterThan((times.length - 1) * 1_000 - 600);

  await tickwire.stop.click();
  await expect(tickwire.interval).toBeDisabled();
  await tickwire.start.click();
  await expect(tickwire.interval).toBeEnabled();
  await expect(tickwire.interval).toHaveValue("10");
  await expect.poll(() => ticks(page)).toBeGreaterThan(25);
  await expect.poll(() => tickInterval(page, 20)).toBeLessThan(50);
});

test("asks once more where the network lost its question", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await page.evaluate(() => {
    const { channel } = (window as any).watched.clock as Watched;
    const send = channel.send.bind(channel) as (text: string) => void;
    let isLost = false;
    channel.send = ((text: string) => {
      if (isLost || !text.includes("interval")) send(text);
      else isLost = true;
    }) as typeof channel.send;
  });
  await tickwire.interval.selectOption("every 100 ms");
  await expect.poll(() => tickInterval(page, 10)).toBeLessThan(150);
});

test("says what the clock refused, and goes back to the interval that holds", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.interval.evaluate((select: HTMLSelectElement) => (select.options[0].value = "5"));
  await tickwire.interval.selectOption("5");
  // The page may have asked once more before the first answer came.
  const refusals = tickwire.lines.filter({ hasText: /Refused: Expected an interval from 10 to 60000/ });
  await expect(refusals.first()).toBeVisible();
  await expect(tickwire.interval).toHaveValue("1000");
});

test("draws the server's load, and says it in words", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const line = tickwire.chart.locator(".load");
  await expect.poll(async () => (await line.getAttribute("d"))!.split("L").length).toBeGreaterThan(15);
  await expect(line).toHaveAttribute("d", /^M\d+,\d+(L\d+,\d+)+L3000,\d+$/);
  await expect(tickwire.chart).toHaveAccessibleName(
    /^Processors in use over the last 30 seconds: \d+ % now, between \d+ % and \d+ %\.$/,
  );
  await expect(tickwire.reading("Processors")).toHaveText(/^\d+ %$/);
  await expect(tickwire.reading("Memory")).toHaveText(/^\d+\.\d of \d+\.\d GiB$/);
  await expect(tickwire.reading("Sessions")).toHaveText("1");
});

test("an echo comes back as it went: text, and binary that another script sends", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.echo("\u0001 \ufeff {\"type\":\"time\"} \u{10ffff}");
  await page.evaluate(() => ((window as any).watched.echo as Watched).channel.send(new Uint8Array([0, 255, 128])));
  await expect(tickwire.line("3 bytes")).toBeVisible();
});

test("a channel that closes is told, and the others go on", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await expect(tickwire.reading("Memory")).toHaveText(/GiB$/);
  await closeChannel(page, "machine");
  await expect(tickwire.line("The server closed “machine”.")).toBeVisible();
  await expect(tickwire.reading("Memory")).toHaveText("–");
  await expect(tickwire.chart).toHaveAccessibleName(/not known/);
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("still here");

  await closeChannel(page, "clock");
  await expect(tickwire.line("The server closed “clock”.")).toBeVisible();
  await expect(tickwire.time).toHaveText("–");
  await expect(tickwire.status).toContainText("Connected");
  await closeChannel(page, "echo");
  await expect(tickwire.line("The server closed “echo”.")).toBeVisible();
  await expect(tickwire.status).toContainText("Connected");

  // What is read of topics goes with either of its channels.
  await closeChannel(page, "control");
  await expect.poll(() => page.evaluate(() => ((window as any).watched.values as Watched).channel.readyState)).toBe("closed");
  // With the last one the session is over, and another follows.
  await closeChannel(page, "pulse");
  await expect(tickwire.line("Reconnecting… The server ended the connection.")).toBeVisible();
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("on all of them again");
});

test("the client that the README shows is served", async ({ page }) => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const client = readme.match(/```js\n([^]*?)```/)![1];
  await page.goto("/");
  await page.evaluate(`(async () => {
    const said = (window.said = []);
    const console = { log: (what) => said.push(what) };
    ${client}
    window.closeClient = () => pc.close();
  })()`);
  const said = () => page.evaluate(() => (window as any).said as unknown[]);
  await expect.poll(said).toContainEqual("hello");
  await expect.poll(said).toContainEqual({ type: "interval", interval: 100 });
  await expect.poll(said).toContainEqual({ type: "time", time: expect.any(Number) });
  await page.evaluate(() => (window as any).closeClient());
});
