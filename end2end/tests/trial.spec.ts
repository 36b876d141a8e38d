import type { Page } from "@playwright/test";
import { watchChannels } from "./channels";
import { looksWell } from "./looks";
import { sessions } from "./server";
import { expect, test, TickwirePage } from "./support";
import { openTrial } from "./trial";

/** Counts each message of a trial where it leaves the page, and where it arrives. */
async function countMessages(page: Page) {
  await page.addInitScript(() => {
    const counts = ((window as any).counts = { sent: 0, received: 0 });
    const isOne = ({ protocol }: RTCDataChannel, data: any) =>
      protocol === "tickwire.1.counted" && typeof data !== "string";
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (label, init) {
      const channel = create.call(this, label, init);
      channel.addEventListener("message", ({ data }) => {
        if (isOne(channel, data)) counts.received++;
      });
      return channel;
    };
    const send = RTCDataChannel.prototype.send as (data: any) => void;
    RTCDataChannel.prototype.send = function (data: any) {
      send.call(this, data);
      if (isOne(this, data)) counts.sent++;
    };
  });
}

const counts = (page: Page): Promise<{ sent: number; received: number }> =>
  page.evaluate(() => (window as any).counts);

test("a reliable run and one that is not, side by side, as the server has counted them", async ({ page }) => {
  await countMessages(page);
  await watchChannels(page);
  const trial = await openTrial(page);
  await trial.load(200, 100, 2);
  await expect(trial.panel).toContainText("200 messages, 40.0 kB each way");
  await trial.start.click();
  await trial.done("A");
  for (const row of ["Sent", "Received by the server", "Returned"]) {
    await expect(trial.cell("A", row)).toHaveText("200");
  }
  for (const row of ["Lost", "Out of order", "Duplicates", "Not sent"]) {
    await expect(trial.cell("A", row)).toHaveText("0");
  }
  expect(await counts(page)).toEqual({ sent: 200, received: 200 });
  const kept = await trial.panel.getByRole("cell").allInnerTexts();

  await trial.neverAgain();
  await trial.start.click();
  await trial.done("B");
  await expect(trial.cell("B", "Delivery")).toHaveText("Any order, never sent again");
  const [sent, received, returned, lost] = [
    await trial.number("B", "Sent"),
    await trial.number("B", "Received by the server"),
    await trial.number("B", "Returned"),
    await trial.number("B", "Lost"),
  ];
  expect(sent).toBe(200);
  // A busy machine may drop a datagram, on loopback too: then both must know of it.
  expect(returned).toBeLessThanOrEqual(received);
  expect(lost).toBe(sent - returned);
  expect(await counts(page)).toEqual({ sent: 400, received: 200 + returned });
  const init = await page.evaluate(() => (window as any).watched.echo.init);
  expect(init).toMatchObject({ ordered: false, maxRetransmits: 0, protocol: "tickwire.1.counted", negotiated: true });

  // The first is as it was.
  const cells = await trial.panel.getByRole("cell").allInnerTexts();
  expect(cells.filter((_, index) => index % 2 === 0)).toEqual(kept.filter((_, index) => index % 2 === 0));
  for (const percentile of ["p50", "p95", "p99"]) {
    for (const run of ["A", "B"] as const) {
      await expect(trial.cell(run, `Round trip ${percentile}`)).toHaveText(/^\d+(\.\d)? m?s$/);
    }
  }
});

test("data channels and a WebSocket, side by side, with a session of its own for as long as that takes", async ({
  page,
  request,
}) => {
  const trial = await openTrial(page);
  await expect.poll(() => sessions(request)).toBe(1);
  await trial.load(200, 50, 2);
  await trial.neverAgain();
  await trial.start.click();
  await trial.done("A");
  await trial.way.selectOption("a WebSocket");
  // It leaves no choice of these.
  await expect(trial.again).toBeHidden();
  await expect(trial.ordered).toBeHidden();
  await trial.start.click();
  await expect.poll(() => sessions(request)).toBe(2);
  await trial.done("B");
  await expect(trial.cell("A", "Way")).toHaveText("UDP");
  await expect(trial.cell("B", "Way")).toHaveText("WebSocket");
  await expect(trial.cell("B", "Delivery")).toHaveText("In order, sent again until it arrives");
  for (const row of ["Sent", "Received by the server", "Returned"]) {
    await expect(trial.cell("B", row)).toHaveText("100");
  }
  for (const row of ["Lost", "Out of order", "Duplicates"]) {
    await expect(trial.cell("B", row)).toHaveText("0");
  }
  await expect(trial.panel.getByRole("listitem").last()).toHaveText("Run B WebSocket · In order, sent again until it arrives");
  await expect.poll(() => sessions(request)).toBe(1);
});

test("a third run takes the place of the older, or of the one that is not kept", async ({ page }) => {
  const trial = await openTrial(page);
  const run = async (name: "A" | "B", size: number) => {
    await trial.load(size, 20, 1);
    await trial.start.click();
    await expect(trial.cell(name, "Load")).toHaveText(`${size} B, 20 a second, 1 s`);
    await trial.done(name);
  };
  await run("A", 16);
  await run("B", 17);
  await run("A", 18);
  await expect(trial.cell("B", "Load")).toContainText("17 B");
  await trial.kept.selectOption("run A");
  await run("B", 19);
  await run("B", 20);
  await expect(trial.cell("A", "Load")).toContainText("18 B");
  await trial.kept.selectOption("the run before");
  await run("A", 21);
});

test("is stopped in the middle, and tells what it was", async ({ page }) => {
  await countMessages(page);
  const trial = await openTrial(page);
  await trial.load(100, 50, 60);
  await trial.start.click();
  await expect.poll(() => trial.number("A", "Returned")).toBeGreaterThan(20);
  await trial.stop.click();
  await trial.done("A", "stopped");
  const { sent } = await counts(page);
  expect(sent).toBeLessThan(3_000);
  for (const row of ["Sent", "Received by the server", "Returned"]) {
    expect(await trial.number("A", row)).toBe(sent);
  }
  await expect(trial.start).toBeEnabled();
});

test("a connection that ends in the middle ends the run, and a new one can follow", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  const trial = await openTrial(page);
  await trial.load(100, 50, 60);
  await trial.start.click();
  await expect.poll(() => trial.number("A", "Returned")).toBeGreaterThan(5);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await trial.done("A", "failed");
  await expect(trial.start).toBeDisabled();
  await tickwire.start.click();
  await expect(trial.start).toBeEnabled();
  await trial.load(100, 50, 1);
  await trial.start.click();
  await trial.done("B");
  await expect(trial.cell("B", "Returned")).toHaveText("50");
});

test("what the network does not take is not piled up, and told", async ({ page }) => {
  // A browser whose queue never empties.
  await page.addInitScript(() => {
    const amount = Object.getOwnPropertyDescriptor(RTCDataChannel.prototype, "bufferedAmount")!;
    const queued = new WeakMap<RTCDataChannel, number>();
    Object.defineProperty(RTCDataChannel.prototype, "bufferedAmount", {
      get(this: RTCDataChannel) {
        return queued.get(this) ?? amount.get!.call(this);
      },
    });
    const send = RTCDataChannel.prototype.send as (data: any) => void;
    RTCDataChannel.prototype.send = function (data: any) {
      send.call(this, data);
      if (typeof data !== "string") queued.set(this, (queued.get(this) ?? 0) + data.byteLength);
    };
  });
  const trial = await openTrial(page);
  await trial.load(16_384, 100, 1);
  await trial.start.click();
  await trial.done("A");
  await expect(trial.cell("A", "Sent")).toHaveText("16");
  await expect(trial.cell("A", "Returned")).toHaveText("16");
  await expect(trial.cell("A", "Not sent")).toHaveText("84");
  await expect(trial.cell("A", "Queued at most")).toHaveText("262.1 kB");
});

test("the fastest run leaves the page to others", async ({ page }) => {
  await page.addInitScript(() => {
    const seen = ((window as any).seen = { began: 0, longTasks: [] as number[], mostAtOnce: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.longTasks.push(Math.round(entry.duration));
    }).observe({ type: "longtask" });
    // How many messages are sent before the browser gets a word in.
    let atOnce = 0;
    const send = RTCDataChannel.prototype.send as (data: any) => void;
    RTCDataChannel.prototype.send = function (data: any) {
      if (atOnce++ === 0) {
        queueMicrotask(() => {
          seen.mostAtOnce = Math.max(seen.mostAtOnce, atOnce);
          atOnce = 0;
        });
      }
      send.call(this, data);
    };
  });
  const trial = await openTrial(page);
  await trial.load(1_000, 2_000, 8);
  await page.evaluate(() => Object.assign((window as any).seen, { began: performance.now(), longTasks: [] }));
  await trial.start.click();
  // Questions to the page that cost it nothing: those by role take it tens of milliseconds each.
  const phase = (phase: string) =>
    page.waitForFunction((phase) => document.querySelector(".trial .run-0 .phase")!.textContent === phase, phase, {
      timeout: 60_000,
    });
  await phase("sending");
  await page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>("#message")!;
    input.value = "while it runs";
    input.form!.requestSubmit();
  });
  const during = await page.waitForFunction(() => {
    const text = document.querySelector(".lines")!.textContent!;
    return text.includes("Echo: while it runs") && document.querySelector(".trial .run-0 .phase")!.textContent;
  });
  expect(await during.jsonValue()).toBe("sending");
  await phase("finished");
  const { longTasks, mostAtOnce, took } = await page.evaluate(() => {
    const { began, longTasks, mostAtOnce } = (window as any).seen;
    return { longTasks: longTasks as number[], mostAtOnce, took: performance.now() - began };
  });
  test.info().annotations.push({ type: "long tasks", description: longTasks.join(" ") || "none" });
  test.info().annotations.push({ type: "messages at once", description: String(mostAtOnce) });
  expect(mostAtOnce).toBeLessThanOrEqual(64);
  // A run has none of its own. A machine that has other things to do stretches any task; still the
  // page is its reader's for most of the time.
  expect(longTasks.reduce((sum, task) => sum + task, 0)).toBeLessThan(took / 2);
  const sent = await trial.number("A", "Sent");
  expect(sent + (await trial.number("A", "Not sent"))).toBe(16_000);
  expect(await trial.number("A", "Received by the server")).toBe(sent);
  expect(await trial.number("A", "Returned")).toBe(sent);
});

test("over a network that loses and reorders, each run is what was chosen for it", async ({ page, serveBehindRelay }) => {
  test.slow();
  const { server } = await serveBehindRelay({ delay: 10, jitter: 20, loss: 0.05, seed: 3 });
  const trial = await openTrial(page, server.url);
  await trial.load(50, 100, 3);
  await trial.neverAgain();
  await trial.start.click();
  await trial.done("A");
  const row = (run: "A" | "B", name: string) => trial.number(run, name);
  const [sent, received, returned] = [
    await row("A", "Sent"),
    await row("A", "Received by the server"),
    await row("A", "Returned"),
  ];
  expect(sent).toBe(300);
  expect(received).toBeLessThan(sent);
  expect(returned).toBeLessThan(received);
  expect(await trial.cell("A", "Lost").innerText()).toMatch(
    new RegExp(`^${sent - returned} \\(\\d+ %\\): ${sent - received} out, ${received - returned} back$`),
  );
  expect(await row("A", "Out of order")).toBeGreaterThan(0);
  const losses = trial.plot("The slowest round trip").locator(".marks.run-0");
  await expect(losses).toHaveAttribute("d", /^(M\d+,0V1000)+$/);

  await trial.again.selectOption("sent again until they arrive");
  await trial.ordered.check();
  await trial.start.click();
  await trial.done("B");
  for (const name of ["Sent", "Received by the server", "Returned"]) expect(await row("B", name)).toBe(300);
  for (const name of ["Lost", "Out of order"]) expect(await row("B", name)).toBe(0);
  await page.screenshot({ path: "artifacts/trial-lossy.png", fullPage: true });
});

test("says what is expected of each number, and of all together", async ({ page }) => {
  const trial = await openTrial(page);
  await trial.load(15, 0, 61);
  await trial.start.click();
  await expect(trial.size).toHaveAccessibleDescription("Expected a whole number from 16 to 16,384, found “15”.");
  await expect(trial.rate).toHaveAccessibleDescription("Expected a whole number from 1 to 2,000, found “0”.");
  await expect(trial.seconds).toHaveAccessibleDescription("Expected a whole number from 1 to 60, found “61”.");
  await expect(trial.size).toBeFocused();
  await expect(trial.size).toHaveAttribute("aria-invalid", "true");
  await trial.size.fill("100");
  await expect(trial.size).toHaveAccessibleDescription("");
  await expect(trial.rate).toHaveAccessibleDescription(/^Expected/);

  await trial.load(100, 2_000, 60);
  await trial.start.click();
  await expect(trial.seconds).toHaveAccessibleDescription(
    "Expected at most 30,000 messages in a run: 2,000 a second for 60 s are 120,000.",
  );
  await expect(trial.seconds).toBeFocused();
  await trial.load(100, 20, 1);
  await trial.again.selectOption("sent again for a time");
  await trial.limit.fill("long");
  await trial.start.click();
  await expect(trial.limit).toHaveAccessibleDescription("Expected a whole number from 1 to 65,535, found “long”.");
  await expect(trial.limit).toBeFocused();
  await trial.limit.fill("250");
  await trial.limit.press("Enter");
  await trial.done("A");
  await expect(trial.cell("A", "Delivery")).toHaveText("In order, sent again for 250 ms");
});

test("the pictures have axes, units and words", async ({ page }) => {
  const trial = await openTrial(page);
  const names = ["How many round trips took how long", "The slowest round trip", "What waited in this browser"];
  for (const name of names) await expect(trial.plot(name)).toHaveAccessibleName("No run yet.");
  await trial.load(100, 100, 1);
  await trial.start.click();
  await trial.done("A");
  const [distribution, course, queue] = names.map((name) => trial.plot(name));
  await expect(distribution).toHaveAccessibleName(
    /^Run A: round trips of 100 messages, from \d.* m?s to \d.* m?s, half within \d.* m?s, 95 % within \d.* m?s\.$/,
  );
  await expect(course).toHaveAccessibleName(
    /^Run A: the slowest took \d.* m?s, sent \d\.\d s after the start; messages were lost in 0 of 120 moments\.$/,
  );
  await expect(queue).toHaveAccessibleName(/^Run A: at most \d.* k?B waited in this browser\.$/);
  await expect(distribution.locator(".bars.run-0")).toHaveAttribute("d", /^(M\d+,1000v-\d+h\d+V1000Z)+$/);
  await expect(course.locator(".line.run-0")).toHaveAttribute("d", /^M\d+,\d+h1(L\d+,\d+|M\d+,\d+h1)+$/);
  await expect(course.locator(".line.run-1")).toHaveCount(0);
  expect(await distribution.locator(".labels text").count()).toBeGreaterThan(2);
  await expect(distribution.locator(".values").first()).toContainText("%");
  await expect(course.locator(".labels")).toHaveText("0 s0.5 s1 s");
});

test("can be used with the keyboard alone", async ({ page }) => {
  const trial = await openTrial(page);
  await trial.size.focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("50");
  await page.keyboard.press("Tab");
  await expect(trial.rate).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(trial.seconds).toBeFocused();
  await page.keyboard.type("60");
  await page.keyboard.press("Tab");
  await expect(trial.kept).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(trial.way).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(trial.again).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await expect(trial.limit).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(trial.ordered).toBeFocused();
  await page.keyboard.press("Space");
  await page.keyboard.press("Tab");
  await expect(trial.start).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(trial.stop).toBeFocused();
  await expect(trial.cell("A", "Delivery")).toHaveText("Any order, never sent again");
  await expect(trial.head("A")).toContainText("sending");
  await page.keyboard.press("Space");
  await trial.done("A", "stopped");
});

test("nothing moves while a run goes on", async ({ page }) => {
  await page.addInitScript(() => {
    const shifts: number[] = ((window as any).shifts = []);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as any).value);
    }).observe({ type: "layout-shift", buffered: true });
  });
  const trial = await openTrial(page);
  await trial.load(100, 50, 2);
  await trial.start.click();
  await trial.done("A");
  // Some pixels are too little to be seen, as of the marks of an axis when its numbers change or of
  // what is beside the button when that changes its name. A page counts as calm up to 0.1.
  const shifts: number[] = await page.evaluate(() => (window as any).shifts);
  expect(shifts.reduce((sum, shift) => sum + shift, 0)).toBeLessThan(0.002);
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });

    test("fits each width, and has no accessibility violation", async ({ page }) => {
      test.slow();
      const trial = await openTrial(page);
      await trial.load(1_200, 100, 1);
      await trial.start.click();
      await trial.done("A");
      await trial.neverAgain();
      await trial.rate.fill("many");
      await trial.start.click();
      await expect(trial.rate).toHaveAccessibleDescription(/^Expected/);
      await looksWell(page, `trial-${colorScheme}-wrong`);
      await trial.rate.fill("200");
      await trial.start.click();
      await trial.done("B");
      await looksWell(page, `trial-${colorScheme}`);
    });
  });
}
