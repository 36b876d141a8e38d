import { countWhatIsLeft, type Left } from "./leftovers";
import { sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

/** By WebDriver BiDi a round takes several times as long as in Chromium. */
const rounds = (browserName: string) => (browserName === "firefox" ? 20 : 100);

test("leaves nothing behind, however often it is started and stopped", async ({ page, request, browserName }) => {
  test.setTimeout(180_000);
  const before = await sessions(request);
  const left = await countWhatIsLeft(page);
  const tickwire = new TickwirePage(page);
  await page.goto("/");
  await expect(tickwire.start).toBeEnabled();
  const idle = await left();
  let memory = 0;
  for (let round = 1; round <= rounds(browserName); round++) {
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    if (round === 1) expect(await left()).toMatchObject({ connections: 1, channels: 6, listeners: 20 });
    await tickwire.stop.click();
    await expect(tickwire.status).toContainText("Not connected");
    // What it keeps is not what is looked for.
    await tickwire.clear.click();
    if (round === rounds(browserName) / 2) memory = (await left()).memory;
  }
  await expect.poll(() => sessions(request)).toBe(before);
  await expect.poll(left).toEqual({ ...idle, memory });
  expect(memory).toBeGreaterThan(0);
});

test("keeps no connection for a server that does not answer its end", async ({ page }) => {
  const left = await countWhatIsLeft(page);
  const tickwire = new TickwirePage(page);
  await page.route("**/sdp/*", (route) => (route.request().method() === "DELETE" ? undefined : route.fallback()));
  await page.goto("/");
  await tickwire.start.click();
  await expect(tickwire.status).toContainText("Connected");
  expect(await left()).toMatchObject({ connections: 1 });
  const asked = page.waitForRequest((request) => request.method() === "DELETE");
  await tickwire.stop.click();
  await asked;
  await expect.poll(left, { timeout: 20_000 }).toMatchObject({ connections: 0, channels: 0, listeners: 0 });
});

test("takes all with it when it is unmounted, however often", async ({ page, request, browserName }) => {
  test.setTimeout(300_000);
  const before = await sessions(request);
  const left = await countWhatIsLeft(page);
  const tickwire = new TickwirePage(page);
  await page.goto("/");
  const html = await page.evaluate(async () => (await (await fetch("/")).text()).split(/<body[^>]*>|<\/body>/)[1]);
  const call = (name: "hydrate" | "unmount") =>
    page.evaluate(async (name) => {
      const script = document.querySelector<HTMLLinkElement>("link[rel=modulepreload]")!.href;
      (await import(script))[name]();
    }, name);
  await expect(tickwire.start).toBeEnabled();
  let first: Left | undefined;
  for (let round = 1; round <= rounds(browserName); round++) {
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    expect(await left()).toMatchObject({ connections: 1, channels: 6, listeners: 20 });
    await call("unmount");
    await expect.poll(left).toMatchObject({ connections: 0, channels: 0, listeners: 0, timers: 0 });
    // What Leptos itself makes once, it has made by now.
    if (round === 2) first = await left();
    await page.evaluate((html) => void (document.body.innerHTML = html), html);
    await call("hydrate");
  }
  await call("unmount");
  await expect.poll(() => sessions(request)).toBe(before);
  await expect.poll(left).toMatchObject({ ...first!, memory: expect.any(Number) });
});
