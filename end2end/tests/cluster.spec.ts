import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { APIRequestContext, Page } from "@playwright/test";
import { GONE_SERVER } from "./link";
import { link } from "./script";
import { freePort, health, sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = process.env.SERVER_BINARY ?? "target/debug/tickwire";

/** Five ports in a row that are free. */
async function freeRow(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const isFree = [1, 2, 3, 4].map(async (more) => {
      const server = createServer().listen(first + more, "127.0.0.1");
      const is = await once(server, "listening").then(
        () => true,
        () => false,
      );
      server.close();
      return is;
    });
    if ((await Promise.all(isFree)).every(Boolean)) return first;
  }
}

/** What `scripts/cluster` has started. */
class Cluster {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly key: string,
  ) {}

  static async start(atEnd: (end: () => unknown) => void, env: Record<string, string> = {}): Promise<Cluster> {
    const port = await freeRow();
    const variables = { ...process.env, ...env, SERVER_BINARY: BINARY };
    const child = spawn("scripts/cluster", [`${port}`], { cwd: ROOT, env: variables, stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "exit");
    atEnd(async () => {
      child.kill("SIGTERM");
      await ended;
    });
    let said = "";
    child.stderr.on("data", (data) => (said += data));
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (data) => {
        said += data;
        if (said.includes("Ctrl-C")) resolve();
      });
      child.once("exit", (code) => reject(new Error(`scripts/cluster ended with ${code}: ${said}`)));
    });
    const found = (what: RegExp) => what.exec(said)![1];
    return new Cluster(port, found(/Logs are in (\S+)\./), found(/Bearer (\w+)/));
  }

  get url() {
    return this.node(0);
  }

  /** The address of a node, from 1 on. */
  node(number: number) {
    return `http://127.0.0.1:${this.port + number}`;
  }

  signal(name: string, signal: NodeJS.Signals) {
    process.kill(Number(readFileSync(join(this.folder, `${name}.pid`), "utf8")), signal);
  }

  /** The node that has a session. */
  async home(request: APIRequestContext): Promise<number> {
    for (const number of [1, 2, 3]) {
      const there = await health(request, this.node(number)).catch(() => ({ sessions: 0 }));
      if (there.sessions > 0) return number;
    }
    return 0;
  }

  /** Puts a value at a node. */
  async put(request: APIRequestContext, number: number, topic: string, key: string, value: string) {
    const url = `${this.node(number)}/topics/${encodeURIComponent(topic)}/${key}`;
    const answer = await request.put(url, { headers: { authorization: `Bearer ${this.key}` }, data: value });
    expect(answer.status(), await answer.text()).toBe(204);
  }
}

/** Reads a topic and a log in the page. */
async function read(page: Page) {
  await page.evaluate(() => {
    const w = window as any;
    w.entries = [];
    w.gauges = w.tick.subscribe("gauges");
    w.gauges.onvalue = () => {};
    const chat = w.tick.subscribe("rooms/7/chat");
    chat.onvalue = ({ value, isAfterGap }: any) => w.entries.push(value + (isAfterGap ? " after a gap" : ""));
  });
}

const newest = (page: Page) => page.evaluate(() => (window as any).gauges.values.get("boiler")?.value);
const entries = (page: Page) => page.evaluate(() => (window as any).entries);

// What is asked of a session whose node is gone is answered with 404.
test.use({ expectedErrors: GONE_SERVER });

test("whose node is killed goes on at another, where all is as it was", async ({ page, request, atEnd }) => {
  const cluster = await Cluster.start(atEnd);
  await cluster.put(request, 1, "gauges", "boiler", "1");
  await cluster.put(request, 2, "rooms/7/chat", "alice", "first");
  await link(page, cluster.url);
  await read(page);
  await expect.poll(() => newest(page)).toBe("1");
  await expect.poll(() => entries(page)).toEqual(["first"]);
  await cluster.put(request, 2, "gauges", "boiler", "2");
  await expect.poll(() => newest(page)).toBe("2");

  const home = await cluster.home(request);
  const [other, another] = [1, 2, 3].filter((it) => it !== home);
  cluster.signal(`node${home}`, "SIGKILL");
  await cluster.put(request, other, "gauges", "boiler", "3");
  await cluster.put(request, another, "rooms/7/chat", "bob", "second");
  await expect.poll(() => newest(page)).toBe("3");
  await expect.poll(() => entries(page)).toEqual(["first", "second"]);
  // What the page publishes comes to all.
  await page.evaluate(() => (window as any).tick.put("gauges", "valve", "open"));
  const valve = `${cluster.node(another)}/topics/gauges/valve`;
  await expect.poll(async () => (await request.get(valve)).text()).toBe("open");
  expect(await page.evaluate(() => (window as any).tick.staleSince)).toBe(undefined);
});

test("whose node drains moves to another, and misses nothing", async ({ page, request, atEnd }) => {
  const cluster = await Cluster.start(atEnd, { TICKWIRE_DRAIN_OVER: "3s" });
  await link(page, cluster.url);
  await read(page);
  await cluster.put(request, 1, "rooms/7/chat", "alice", "0");
  await expect.poll(() => entries(page)).toEqual(["0"]);
  const home = await cluster.home(request);
  const other = 1 + (home % 3);
  cluster.signal(`node${home}`, "SIGTERM");
  const expected = ["0"];
  await expect
    .poll(async () => {
      expected.push(`${expected.length}`);
      await cluster.put(request, other, "rooms/7/chat", "alice", expected.at(-1)!);
      await cluster.put(request, other, "gauges", "boiler", expected.at(-1)!);
      return [0, home].includes(await cluster.home(request));
    })
    .toBe(false);
  await expect.poll(() => entries(page)).toEqual(expected);
  await expect.poll(() => newest(page)).toBe(expected.at(-1));
  expect(await page.evaluate(() => (window as any).states)).toEqual(["open"]);
});

test("the page says since when values may be old, while NATS does not answer", async ({ page, request, atEnd }) => {
  const cluster = await Cluster.start(atEnd);
  const tickwire = new TickwirePage(page);
  await page.goto(cluster.url);
  await tickwire.start.click();
  await expect.poll(() => cluster.home(request)).toBeGreaterThan(0);
  const live = page.getByRole("region", { name: "Live values" });
  await expect(live).toContainText("How old each value is");
  await tickwire.echo("it is there");
  // It takes what is sent, and says nothing.
  cluster.signal("nats", "SIGSTOP");
  await expect(live).toContainText(/cannot be reached since \d\d:\d\d:\d\d\.\d UTC/);
  await expect(live).not.toContainText("How old each value is");
  // All else goes on.
  await tickwire.echo("still there");
  cluster.signal("nats", "SIGCONT");
  await expect(live).toContainText("How old each value is");
  await page.getByRole("button", { name: "Stop" }).click();
  await expect.poll(() => cluster.home(request)).toBe(0);
});

test("a session that moves over a balancer is changed and ended on its node", async ({ page, request, atEnd }) => {
  const cluster = await Cluster.start(atEnd);
  const tickwire = new TickwirePage(page);
  await page.goto(cluster.url);
  // Each request goes to any of the three: to end the session, too.
  for (let time = 0; time < 4; time += 1) {
    await tickwire.start.click();
    await tickwire.echo(`time ${time}`);
    expect(await cluster.home(request)).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Stop" }).click();
    const all = async () => Promise.all([1, 2, 3].map((number) => sessions(request, cluster.node(number))));
    await expect.poll(all).toEqual([0, 0, 0]);
  }
});
