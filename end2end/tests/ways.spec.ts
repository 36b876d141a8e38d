import type { Page } from "@playwright/test";
import { changeNetwork, GONE_SERVER, NO_WAY } from "./link";
import { Panel } from "./panel";
import { link } from "./script";
import { sessions, type OwnServer } from "./server";
import { either, expect, test as base } from "./support";
import { TurnServer } from "./turn";

const test = base.extend<{ turn: TurnServer }>({
  turn: async ({ atEnd }, use, { parallelIndex }) => {
    const turn = await TurnServer.start(parallelIndex);
    atEnd(() => turn.stop());
    await use(turn);
  },
});

/** A page that is connected, by this way. */
async function connected(page: Page, server: OwnServer, way: RegExp) {
  const panel = new Panel(page);
  await page.goto(server.url);
  await panel.tickwire.start.click();
  await expect(panel.tickwire.status).toContainText("Connected");
  await expect(panel.summary).toContainText(way);
  return panel;
}

const BY_TCP = /Connection\s*IPv4 · TCP · direct/;
const BY_UDP = /Connection\s*IPv4 · UDP · direct/;

const BY_WEBSOCKET = /Connection\s*WebSocket/;

const WITHOUT_TCP = { TICKWIRE_PORT_TCP: "false" };
/** A server that waits for data channels for as long as browsers try them. */
const PATIENT = { ...WITHOUT_TCP, TICKWIRE_LIMIT_CHECK_TIMEOUT: "15s" };

const EVENTS_KEY = "the-key-of-a-producer-for-tests";
const EVENTS = `
[api]
keys = ["${EVENTS_KEY}"]
[[topic]]
match = "events"
policy = "log"
keep = 10000
[[topic]]
match = "newest"
`;

/** Lets nothing through but what this one relays. */
function allBut(turn: TurnServer) {
  return (_: Buffer, port: number) => !turn.relaysFrom(port);
}

test("comes by TCP where UDP is blocked", async ({ page, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay({ blocks: () => true, delay: 25, tcp: true });
  const { tickwire } = await connected(page, server, BY_TCP);
  await tickwire.echo("by TCP");
  await expect(page.locator(".way .why")).toContainText("UDP does not get through");
  expect(relay.counts.passed).toBe(0);
});

test("goes by UDP although TCP gets through too", async ({ page, serveBehindRelay }) => {
  const { server } = await serveBehindRelay({ delay: 25, tcp: true });
  const { tickwire } = await connected(page, server, BY_UDP);
  await tickwire.echo("by UDP");
  await expect(page.locator(".way .why")).toBeEmpty();
});

test("goes on by UDP, in the same session, when the network lets it through", async ({ page, serveBehindRelay }) => {
  let isBlocked = true;
  const { server, relay } = await serveBehindRelay({ blocks: () => isBlocked, tcp: true });
  const panel = await connected(page, server, BY_TCP);
  isBlocked = false;
  await changeNetwork(page);
  await expect(panel.summary).toContainText(BY_UDP);
  relay.sever();
  await panel.tickwire.echo("by UDP");
  await expect(panel.tickwire.log).not.toContainText("Reconnecting");
});

test.describe("where nothing but HTTP gets through", () => {
  // Firefox says that ICE has failed.
  test.use({ expectedErrors: either(GONE_SERVER, NO_WAY) });

  test("comes by WebSocket, and goes on by UDP when that gets through", async ({ page, serveBehindRelay }) => {
    let isBlocked = true;
    const { server } = await serveBehindRelay({ blocks: () => isBlocked, delay: 25 }, PATIENT);
    const panel = await connected(page, server, BY_WEBSOCKET);
    await panel.tickwire.echo("by WebSocket");
    await expect(page.locator(".way .why")).toContainText("Neither UDP nor TCP gets through");
    // The data channels are still being tried.
    isBlocked = false;
    await expect(panel.summary).toContainText(BY_UDP);
    await panel.tickwire.echo("by UDP");
    await expect(panel.tickwire.log).not.toContainText("Reconnecting");
    await expect.poll(() => sessions(page.request, server.url)).toBe(1);
  });

  test("tries the WebSocket at once where it was the way through", async ({ page, serveBehindRelay }) => {
    const { server } = await serveBehindRelay({ blocks: () => true }, WITHOUT_TCP);
    // Each WebSocket, and each answer to an offer, in the order in which they come.
    await page.addInitScript(() => {
      const w = window as any;
      w.tried = [];
      w.WebSocket = class extends WebSocket {
        constructor(url: string, protocol: string) {
          super(url, protocol);
          w.tried.push("websocket");
        }
      };
      const { setRemoteDescription } = RTCPeerConnection.prototype;
      RTCPeerConnection.prototype.setRemoteDescription = function (answer: any) {
        w.tried.push("answer");
        return setRemoteDescription.call(this, answer);
      };
    });
    const tried = () => page.evaluate(() => (window as any).tried);
    const { tickwire } = await connected(page, server, BY_WEBSOCKET);
    expect((await tried()).slice(0, 2)).toEqual(["answer", "websocket"]);
    await page.reload();
    await tickwire.start.click();
    await tickwire.echo("again");
    expect((await tried())[0]).toBe("websocket");
  });

  test("comes by WebSocket where the browser has no WebRTC", async ({ page }) => {
    await page.addInitScript(() => delete (window as any).RTCPeerConnection);
    const panel = new Panel(page);
    await page.goto("/");
    await panel.tickwire.start.click();
    await expect(panel.summary).toContainText(BY_WEBSOCKET);
    await panel.tickwire.echo("by WebSocket");
  });

  test("one that ends is followed by another", async ({ page, serveBehindRelay }) => {
    const { server } = await serveBehindRelay({ blocks: () => true }, WITHOUT_TCP);
    const { tickwire } = await connected(page, server, BY_WEBSOCKET);
    await server.stop("SIGKILL");
    await expect(tickwire.status).toContainText("Reconnecting");
    await server.start();
    await expect(tickwire.status).toContainText("Connected");
    await tickwire.echo("again");
    await expect(tickwire.time).toContainText(":");
  });
});

test("opens another connection, for the same session, where one breaks", async ({ page, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay({ blocks: () => true, tcp: true });
  const { tickwire } = await connected(page, server, BY_TCP);
  relay.sever();
  await tickwire.echo("by another connection");
  await expect(tickwire.log).not.toContainText("Reconnecting");
});

test.describe("the JavaScript client", () => {
  /** Connects, and returns by what data comes once it has the snapshot. */
  async function pathOf(page: Page, server: OwnServer) {
    await link(page, server.url);
    return page.evaluate(async () => {
      const w = window as any;
      w.prices = w.tick.subscribe("prices");
      await w.prices.complete;
      return w.tick.path;
    });
  }

  test("comes by WebSocket where nothing else gets through, and goes on by UDP", async ({ page, serveBehindRelay }) => {
    let isBlocked = true;
    const { server } = await serveBehindRelay({ blocks: () => isBlocked, delay: 25 }, PATIENT);
    expect(await pathOf(page, server)).toBe("websocket");
    await page.evaluate(() => {
      const w = window as any;
      w.changes = 0;
      w.prices.onvalue = () => w.changes++;
    });
    // Its data channels are still being tried.
    isBlocked = false;
    const path = () => page.evaluate(() => (window as any).tick.path);
    await expect.poll(path).toBe("udp");
    const seen = () => page.evaluate(() => [(window as any).changes, (window as any).states] as const);
    const [before] = await seen();
    await expect.poll(async () => (await seen())[0]).toBeGreaterThan(before);
    expect((await seen())[1]).toEqual(["open"]);
    await page.evaluate(() => (window as any).tick.close());
  });

  test("misses no entry of a log and has none twice, from one way to another and back", async ({
    page,
    serveBehindRelay,
    atEnd,
  }) => {
    test.slow();
    let isBlocked = true;
    const { server } = await serveBehindRelay({ blocks: () => isBlocked, delay: 25 }, PATIENT, EVENTS);
    await link(page, server.url);
    await page.evaluate(async () => {
      const w = window as any;
      w.entries = [];
      w.longest = 0;
      const events = w.tick.subscribe("events");
      events.onvalue = ({ value, isAfterGap }: any) => w.entries.push(isAfterGap ? "gap" : Number(value));
      const newest = w.tick.subscribe("newest");
      let last: number | undefined;
      newest.onvalue = () => {
        const now = performance.now();
        w.longest = Math.max(w.longest, last === undefined ? 0 : now - last);
        last = now;
      };
      await Promise.all([events.complete, newest.complete]);
    });
    let count = 0;
    let isWriting = true;
    const put = async (topic: string) => {
      const body = JSON.stringify({ key: "k", value: count });
      const headers = { authorization: `Bearer ${EVENTS_KEY}`, "content-type": "application/x-ndjson" };
      expect((await fetch(`${server.url}/topics/${topic}`, { method: "POST", body, headers })).status).toBe(200);
    };
    const write = async () => {
      while (isWriting) {
        count++;
        await Promise.all([put("events"), put("newest")]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const writing = write();
    atEnd(() => (isWriting = false));
    const w = <T>(what: string) => page.evaluate((what) => (window as any)[what], what) as Promise<T>;
    const path = () => page.evaluate(() => (window as any).tick.path);
    const hasMore = async () => {
      const { length } = await w<unknown[]>("entries");
      await expect.poll(async () => (await w<unknown[]>("entries")).length).toBeGreaterThan(length + 20);
    };
    await hasMore();
    expect(await path()).toBe("websocket");
    isBlocked = false;
    await expect.poll(path).toBe("udp");
    await hasMore();
    const description = `${Math.round(await w<number>("longest"))} ms at most between two values of a key`;
    test.info().annotations.push({ type: "from WebSocket to UDP", description });
    expect(await w("states")).toEqual(["open"]);
    isBlocked = true;
    await expect.poll(path, { timeout: 60_000 }).toBe("websocket");
    await hasMore();
    isBlocked = false;
    await expect.poll(path, { timeout: 60_000 }).toBe("udp");
    await hasMore();
    isWriting = false;
    await writing;
    await expect.poll(async () => (await w<unknown[]>("entries")).length).toBe(count);
    expect(await w("entries")).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    await page.evaluate(() => (window as any).tick.close());
  });

  test("comes by TCP where that gets through", async ({ page, serveBehindRelay }) => {
    const { server } = await serveBehindRelay({ blocks: () => true, tcp: true });
    await pathOf(page, server);
    await expect.poll(() => page.evaluate(() => (window as any).tick.path)).toBe("tcp");
    await page.evaluate(() => (window as any).tick.close());
  });
});

test.describe("with a TURN server", () => {
  for (const transport of ["udp", "tcp"] as const) {
    test(`comes through it, by ${transport}`, async ({ page, turn, serveBehindRelay }) => {
      const { server } = await serveBehindRelay({ blocks: allBut(turn) }, { ...WITHOUT_TCP, ...turn.env(transport) });
      // The network between hides from the browser that its way is a relayed one.
      const { tickwire } = await connected(page, server, /Connection\s*IPv4 · UDP/);
      await tickwire.echo("through a relay");
    });
  }

  test("the JavaScript client comes through it too", async ({ page, turn, serveBehindRelay }) => {
    const { server } = await serveBehindRelay({ blocks: allBut(turn) }, { ...WITHOUT_TCP, ...turn.env("udp") });
    await link(page, server.url);
    const keys = await page.evaluate(async () => {
      const prices = (window as any).tick.subscribe("prices");
      await prices.complete;
      return prices.values.size;
    });
    expect(keys).toBe(20);
    await page.evaluate(() => (window as any).tick.close());
  });

  test("goes straight where it can", async ({ page, turn, serveBehindRelay }) => {
    const { server } = await serveBehindRelay({}, turn.env("udp"));
    const { tickwire } = await connected(page, server, BY_UDP);
    await tickwire.echo("straight");
  });
});
