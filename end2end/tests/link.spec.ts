import type { Page, Request } from "@playwright/test";
import { tickTimes, ticks, watchChannels } from "./channels";
import type { Relay } from "./relay";
import { expect, OwnServer, sessions, test, TickwirePage } from "./support";

/** What the browser says of requests to a server that is gone, or has forgotten the session. */
const gone = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 404/;
test.use({ expectedErrors: [gone] });

let server: OwnServer | undefined;
let relay: Relay | undefined;
test.afterEach(async () => {
  await server?.stop("SIGKILL");
  relay?.close();
  server = relay = undefined;
});

/** The requests that the page makes to the signalling. */
function signalling(page: Page): string[] {
  const made: string[] = [];
  page.on("request", (request: Request) => {
    const path = new URL(request.url()).pathname;
    if (path.startsWith("/sdp")) made.push(`${request.method()} ${path.replace(/[0-9a-f]{32}/, "{id}")}`);
  });
  return made;
}

/** The device's network is there again, or is another. */
const changeNetwork = (page: Page) => page.evaluate(() => void window.dispatchEvent(new Event("online")));
/** Somebody looks at the page. */
const look = (page: Page) => page.evaluate(() => void document.dispatchEvent(new Event("visibilitychange")));

test("an ICE restart keeps the session, its channels and the time", async ({ page, request }) => {
  await watchChannels(page);
  await expect.poll(() => sessions(request)).toBe(0);
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect();
  await tickwire.interval.selectOption("every 100 ms");
  await expect.poll(() => ticks(page)).toBeGreaterThan(15);
  for (let round = 1; round <= 3; round++) {
    const restarted = page.waitForResponse((response) => response.request().method() === "PATCH");
    await changeNetwork(page);
    expect((await restarted).status()).toBe(200);
    await expect(tickwire.status).toContainText("Connected");
    const heard = await ticks(page);
    await expect.poll(() => ticks(page)).toBeGreaterThan(heard + 10);
    await tickwire.echo(`after restart ${round}`);
  }
  expect(made).toEqual(["POST /sdp", ...Array(3).fill("PATCH /sdp/{id}")]);
  expect(await sessions(request)).toBe(1);
  const times = (await tickTimes(page)).sort((a, b) => a - b).slice(5);
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  expect(Math.max(...gaps)).toBeLessThan(1_000);
});

test("a server that is killed and started again is found again, and what was typed is kept", async ({ page }) => {
  test.slow();
  server = await OwnServer.start();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  await tickwire.message.fill("typed before");
  await server.stop("SIGKILL");
  await expect(tickwire.status).toContainText("Interrupted", { timeout: 10_000 });
  await expect(tickwire.send).toBeDisabled();
  await tickwire.message.press("End");
  await tickwire.message.pressSequentially(" and after");
  await tickwire.message.press("Enter");
  await expect(tickwire.status).toContainText("Reconnecting", { timeout: 15_000 });
  await server.start();
  await expect(tickwire.status).toContainText("Connected", { timeout: 30_000 });
  await expect(tickwire.message).toHaveValue("typed before and after");
  await expect(tickwire.message).toBeFocused();
  await tickwire.message.press("Enter");
  await expect(tickwire.line("Echo: typed before and after")).toBeVisible();
  await expect(tickwire.times.last()).toBeVisible();
});

test("a server that is back before it was missed has forgotten the session, and opens another", async ({ page }) => {
  server = await OwnServer.start();
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect(server.url);
  await server.stop("SIGKILL");
  await server.start();
  await expect.poll(() => made.slice(0, 3), { timeout: 15_000 }).toEqual(["POST /sdp", "PATCH /sdp/{id}", "POST /sdp"]);
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("on another session");
});

test("a network that is cut for a moment costs no session", async ({ page }) => {
  ({ server, relay } = await OwnServer.startBehindRelay());
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect(server.url);
  await tickwire.echo("before");
  // It is missed within 3 s.
  relay.cut();
  await expect(tickwire.status).toContainText("Interrupted", { timeout: 10_000 });
  await expect.poll(async () => (await health(page)).silent).toBe(1);
  relay.join();
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("after");
  await expect.poll(async () => (await health(page)).silent).toBe(0);
  expect(made.filter((line) => line !== "PATCH /sdp/{id}")).toEqual(["POST /sdp"]);
});

test("a network that is cut for a minute is tried again and again, and works when it is back", async ({ page }) => {
  test.setTimeout(240_000);
  ({ server, relay } = await OwnServer.startBehindRelay());
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  relay.cut();
  // Each try takes 15 s: HTTP gets through, and UDP does not.
  await expect(tickwire.nextTry).toHaveText("Try 4 is under way.", { timeout: 120_000 });
  await expect(tickwire.status).toContainText("UDP between here and the server may be blocked");
  relay.join();
  await expect(tickwire.status).toContainText("Connected", { timeout: 30_000 });
  await tickwire.echo("back");
  await expect.poll(async () => (await health(page)).sessions, { timeout: 60_000 }).toBe(1);
});

async function health(page: Page): Promise<{ sessions: number; silent: number }> {
  return (await page.request.get(`${server!.url}/health`)).json();
}

test("a laptop that slept through a restart of the server wakes up connected", async ({ page }) => {
  test.slow();
  server = await OwnServer.start();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await server.stop("SIGKILL");
  await server.start();
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await expect.poll(() => sessions(page.request, server!.url), { timeout: 30_000 }).toBe(1);
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("good morning");
});

test("stays connected in a tab that nobody looks at", async ({ page, context }) => {
  await watchChannels(page);
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const other = await context.newPage();
  await other.bringToFront();
  const before = await ticks(page);
  await expect.poll(() => ticks(page), { timeout: 30_000 }).toBeGreaterThan(before + 12);
  await page.bringToFront();
  await expect(tickwire.status).toContainText("Connected");
  await expect(tickwire.lines.filter({ hasText: "Interrupted" })).toHaveCount(0);
});

test("twenty tabs come back when their server does", async ({ context }) => {
  test.setTimeout(480_000);
  server = await OwnServer.start();
  const tabs = [];
  for (let tab = 0; tab < 20; tab++) {
    const tickwire = new TickwirePage(await context.newPage());
    await tickwire.connect(server.url);
    tabs.push(tickwire);
  }
  expect(await server.stop("SIGTERM")).toBe(0);
  await server.start();
  for (const [number, tab] of tabs.entries()) {
    await tab.page.bringToFront();
    await expect(tab.status).toContainText("Connected", { timeout: 60_000 });
    await tab.echo(`tab ${number}`);
  }
  expect(await sessions(context.request, server.url)).toBe(20);
});

test.describe("with a clock that stands still", () => {
  /** Connected, and then without a server; the next try waits, and no time passes. */
  async function loseServer(page: Page): Promise<TickwirePage> {
    server = await OwnServer.start();
    await page.clock.install();
    const tickwire = new TickwirePage(page);
    await tickwire.connect(server.url);
    await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
    await server.stop("SIGTERM");
    await expect(tickwire.nextTry).toHaveText("Try 1 in 1 s.");
    return tickwire;
  }

  for (const [name, happens] of [
    ["a network that is there again", changeNetwork],
    ["a look at the page", look],
  ] as const) {
    test(`${name} cuts the wait short`, async ({ page }) => {
      const tickwire = await loseServer(page);
      await server!.start();
      await happens(page);
      await expect(tickwire.status).toContainText("Connected");
    });
  }

  test("waits longer from try to try, and says how long", async ({ page }) => {
    await page.addInitScript(() => (Math.random = () => 0.999));
    const tickwire = await loseServer(page);
    let waited = 1;
    for (const [attempt, seconds] of [[2, 1], [3, 2], [4, 4], [5, 8], [6, 16], [7, 30], [8, 30]]) {
      await page.clock.runFor(1_000 * waited);
      waited = seconds;
      await expect(tickwire.nextTry).toHaveText(`Try ${attempt} in ${seconds} s.`);
      await expect(tickwire.status).toContainText("could not be reached");
    }
    await tickwire.stop.click();
    await expect(tickwire.status).toContainText("Not connected");
    await expect(tickwire.nextTry).toBeEmpty();
  });

  test("a link that was stopped stays stopped, whatever happens", async ({ page }) => {
    const tickwire = await loseServer(page);
    await tickwire.stop.click();
    await server!.start();
    const made = signalling(page);
    await changeNetwork(page);
    await look(page);
    await page.clock.runFor(120_000);
    await expect(tickwire.status).toContainText("Not connected");
    expect(made).toEqual([]);
    await page.clock.resume();
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
  });

  test.describe("and a server that is full", () => {
    test.use({ expectedErrors: [new RegExp(`${gone.source}|status of 503`)] });
    test("is left alone for as long as it asks", async ({ page }) => {
      const tickwire = await loseServer(page);
      const made = signalling(page);
      let isFull = true;
      await page.route("**/sdp", (route) =>
        isFull
          ? route.fulfill({
              status: 503,
              headers: { "retry-after": "40" },
              json: { code: "full", message: "All places are taken." },
            })
          : route.continue(),
      );
      await server!.start();
      await changeNetwork(page);
      await expect(tickwire.nextTry).toHaveText("Try 2 in 40 s.");
      await expect(tickwire.status).toContainText("All places are taken.");
      isFull = false;
      await page.clock.runFor(39_000);
      await changeNetwork(page);
      await look(page);
      await expect(tickwire.nextTry).toHaveText("Try 2 in 1 s.");
      expect(made).toEqual(["POST /sdp"]);
      await page.clock.runFor(1_000);
      await expect(tickwire.status).toContainText("Connected");
      expect(made).toEqual(["POST /sdp", "POST /sdp"]);
    });
  });
});

/** What a link has made and not taken back; the memory is that of the page's WebAssembly. */
interface Left {
  connections: number;
  channels: number;
  /** On connections and channels; on the window, the document and what they have. */
  listeners: number;
  surroundings: number;
  timers: number;
  memory: number;
}

/** Counts what the page makes and takes back. */
async function countWhatIsLeft(page: Page): Promise<() => Promise<Left>> {
  await page.addInitScript(() => {
    const counts: Left = ((window as any).counts = {
      connections: 0,
      channels: 0,
      listeners: 0,
      surroundings: 0,
      timers: 0,
      memory: 0,
    });
    const open = new Set<object>();
    const Original = RTCPeerConnection;
    (window as any).RTCPeerConnection = new Proxy(Original, {
      construct(target, args) {
        const connection = new target(...args);
        counts.connections++;
        open.add(connection);
        return connection;
      },
    });
    const { close, createDataChannel } = Original.prototype;
    Original.prototype.close = function () {
      if (open.delete(this)) counts.connections--;
      close.call(this);
    };
    Original.prototype.createDataChannel = function (...args) {
      const channel = createDataChannel.apply(this, args);
      counts.channels++;
      open.add(channel);
      return channel;
    };
    const closeChannel = RTCDataChannel.prototype.close;
    RTCDataChannel.prototype.close = function () {
      if (open.delete(this)) counts.channels--;
      closeChannel.call(this);
    };
    const count = (target: EventTarget | undefined, change: number) => {
      if (target instanceof Original || target instanceof RTCDataChannel) counts.listeners += change;
      else if (!(target instanceof Element)) counts.surroundings += change;
    };
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (...args: any) {
      count(this, 1);
      return addEventListener.apply(this, args);
    };
    EventTarget.prototype.removeEventListener = function (...args: any) {
      count(this, -1);
      return removeEventListener.apply(this, args);
    };
    const timers = new Set<number>();
    const { setTimeout: set, clearTimeout: clear } = window;
    (window as any).setTimeout = (callback: () => void, wait: number) => {
      const timer = set(() => {
        timers.delete(timer);
        callback();
      }, wait);
      timers.add(timer);
      return timer;
    };
    (window as any).clearTimeout = (timer: number) => {
      timers.delete(timer);
      clear(timer);
    };
    Object.defineProperty(counts, "timers", { get: () => timers.size, enumerable: true });
    // Where closures and what they hold would pile up.
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...args) => {
      const instantiated = await instantiate(...args);
      const { memory } = instantiated.instance.exports as { memory: WebAssembly.Memory };
      Object.defineProperty(counts, "memory", { get: () => memory.buffer.byteLength, enumerable: true });
      return instantiated;
    };
  });
  return () => page.evaluate(() => ({ ...(window as any).counts }));
}

test("leaves nothing behind, however often it is started and stopped", async ({ page, request }) => {
  test.setTimeout(180_000);
  const before = await sessions(request);
  const left = await countWhatIsLeft(page);
  const tickwire = new TickwirePage(page);
  await page.goto("/");
  await expect(tickwire.start).toBeEnabled();
  const idle = await left();
  let memory = 0;
  for (let round = 1; round <= 100; round++) {
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    if (round === 1) expect(await left()).toMatchObject({ connections: 1, channels: 4, listeners: 14 });
    await tickwire.stop.click();
    await expect(tickwire.status).toContainText("Not connected");
    // What it keeps is not what is looked for.
    await tickwire.clear.click();
    if (round === 50) memory = (await left()).memory;
  }
  await expect.poll(() => sessions(request)).toBe(before);
  await expect.poll(left).toEqual({ ...idle, memory });
  expect(memory).toBeGreaterThan(0);
});

test("takes all with it when it is unmounted, a hundred times", async ({ page, request }) => {
  test.setTimeout(300_000);
  const before = await sessions(request);
  const left = await countWhatIsLeft(page);
  const tickwire = new TickwirePage(page);
  await page.goto("/");
  const html = await page.evaluate(async () => (await (await fetch("/")).text()).split(/<body[^>]*>|<\/body>/)[1]);
  const call = (name: "hydrate" | "unmount") =>
    page.evaluate(async (name) => void (await import("/pkg/tickwire.js" as string))[name](), name);
  await expect(tickwire.start).toBeEnabled();
  let first: Left | undefined;
  for (let round = 1; round <= 100; round++) {
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    expect(await left()).toMatchObject({ connections: 1, channels: 4, listeners: 14 });
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
