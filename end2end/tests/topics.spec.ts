import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { APIRequestContext } from "@playwright/test";
import { GONE_SERVER } from "./link";
import { client, link } from "./script";
import { sessions } from "./server";
import { expect, test } from "./support";

test("the JavaScript client has the snapshot, and then what changes", async ({ page, request }) => {
  await link(page);
  const seen = await page.evaluate(async () => {
    const prices = (window as any).tick.subscribe("prices");
    await prices.complete;
    const keys = prices.values.size;
    const changes = [];
    for await (const { key, value, version, age } of prices) {
      changes.push({ key, value, version, age });
      if (changes.length === 40) break;
    }
    return { keys, changes };
  });
  expect(seen.keys).toBe(20);
  const newest = new Map<string, number>();
  for (const { key, value, version, age } of seen.changes) {
    expect(key).toMatch(/^SYM\d\d$/);
    expect(value).toMatch(/^\{"price":"\d+\.\d\d","time":\d+/);
    expect(age).toBeGreaterThanOrEqual(0);
    expect(version).toBeGreaterThan(newest.get(key) ?? 0);
    newest.set(key, version);
  }
  await expect.poll(() => sessions(request)).toBe(1);
  await page.evaluate(() => (window as any).tick.close());
  await expect.poll(() => sessions(request)).toBe(0);
});

test("some keys alone, at most so often", async ({ page }) => {
  await link(page);
  const times = await page.evaluate(async () => {
    const prices = (window as any).tick.subscribe("prices", { keys: ["SYM00"], maxRate: 5 });
    const times: [string, number][] = [];
    for await (const { key } of prices) {
      times.push([key, performance.now()]);
      if (times.length === 6) break;
    }
    return times;
  });
  expect(new Set(times.map(([key]) => key))).toEqual(new Set(["SYM00"]));
  // It changes each 50 ms. Five intervals of 200 ms, less what the first was late.
  expect(times.at(-1)![1] - times[0]![1]).toBeGreaterThan(700);
});

test("a topic that is not there is an error in words, and the others go on", async ({ page }) => {
  await link(page);
  const [code, message, keys] = await page.evaluate(async () => {
    const { tick } = window as any;
    const cause = await tick.subscribe("nothing").complete.catch((cause: unknown) => cause);
    const prices = tick.subscribe("prices");
    await prices.complete;
    return [cause.code, cause.message, prices.values.size];
  });
  expect(code).toBe("no-topic");
  expect(message).toContain('There is no topic "nothing"');
  expect(keys).toBe(20);
});

test.describe("with a server that is killed", () => {
  test.use({ expectedErrors: GONE_SERVER });

  test("a subscription outlives it", async ({ page, serve }) => {
    const server = await serve();
    await link(page, server.url);
    const changes = () => page.evaluate(() => (window as any).changes as number);
    await page.evaluate(async () => {
      const w = window as any;
      w.changes = 0;
      const prices = w.tick.subscribe("prices");
      prices.onvalue = () => w.changes++;
      await prices.complete;
    });
    await server.stop("SIGKILL");
    await expect.poll(() => page.evaluate(() => (window as any).tick.state), { timeout: 30_000 }).toBe("lost");
    await server.start();
    await expect.poll(() => page.evaluate(() => (window as any).tick.state), { timeout: 60_000 }).toBe("open");
    const before = await changes();
    await expect.poll(changes).toBeGreaterThan(before + 20);
  });
});

test.describe("topics of a configuration", () => {
  const KEY = "a-key-of-the-tests-with-enough-characters";
  const CONFIG = `
[api]
keys = ["${KEY}"]
[[topic]]
match = "alarms/{plant}"
policy = "log"
keep = 5
[[topic]]
match = "strokes"
policy = "deadline"
within = "5s"
[[topic]]
match = "rooms/{room}/cursors"
publish = true
[[topic]]
match = "rooms/{room}/chat"
policy = "log"
keep = 100
publish = true
`;

  /** Publishes values of one key after another. */
  const publish = async (request: APIRequestContext, url: string, topic: string, values: number[]) => {
    const data = values.map((value) => JSON.stringify({ key: "k", value })).join("\n");
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/x-ndjson" };
    const answer = await request.post(`${url}/topics/${encodeURIComponent(topic)}`, { data, headers });
    expect(answer.status(), await answer.text()).toBe(200);
  };

  test("a log comes whole, and goes on where a reader was, or tells of a gap", async ({ page, request, serveConfigured }) => {
    const { url } = await serveConfigured(CONFIG);
    await link(page, url);
    /** What comes of the log after `after`, until there is so much. */
    const read = (count: number, after?: unknown) =>
      page.evaluate(
        async ([count, after]) => {
          const alarms = (window as any).tick.subscribe("alarms/north", after ? { after } : {});
          const seen = [];
          for await (const { value, isAfterGap } of alarms) {
            seen.push(isAfterGap ? `gap ${value}` : value);
            if (seen.length === count) break;
          }
          return [seen, alarms.position];
        },
        [count, after] as const,
      );
    await publish(request, url, "alarms/north", [1, 2, 3]);
    const [first, position] = await read(3);
    expect(first).toEqual(["1", "2", "3"]);
    await publish(request, url, "alarms/north", [4, 5]);
    expect((await read(2, position))[0]).toEqual(["4", "5"]);
    await publish(request, url, "alarms/north", [6, 7, 8, 9, 10, 11]);
    expect((await read(5, position))[0]).toEqual(["gap 7", "8", "9", "10", "11"]);
  });

  test("what one client publishes, another reads", async ({ page, context, serveConfigured }) => {
    const { url } = await serveConfigured(CONFIG);
    const other = await context.newPage();
    await link(page, url);
    await link(other, url);
    await other.evaluate(async () => {
      const { tick } = window as any;
      const cursors = ((window as any).cursors = tick.subscribe("rooms/7/cursors"));
      const chat = ((window as any).chat = tick.subscribe("rooms/7/chat"));
      chat.entries = [];
      chat.onvalue = ({ key, value }: { key: string; value: string }) => chat.entries.push(`${key}: ${value}`);
      cursors.onvalue = () => {};
      await Promise.all([cursors.complete, chat.complete]);
    });
    const refused = await page.evaluate(async () => {
      const { tick } = window as any;
      while (tick.state !== "open") await new Promise((resolve) => (tick.options.onstate = resolve));
      for (let x = 0; x <= 500; x++) tick.put("rooms/7/cursors", "alice", { x });
      await tick.add("rooms/7/chat", "alice", "hello");
      const refused = new Promise((resolve) => (tick.options.onrefused = resolve));
      tick.put("alarms/north", "alice", "no");
      return [((await refused) as any).code, (await tick.add("alarms/north", "alice", "no").catch((cause: any) => cause)).code];
    });
    expect(refused).toEqual(["not-allowed", "not-allowed"]);
    const stamp = await page.evaluate(() => (window as any).tick.you);
    const cursor = () => other.evaluate(() => (window as any).cursors.values.get("alice")?.value);
    await expect.poll(cursor).toBe('{"x":500}');
    await expect.poll(() => other.evaluate(() => (window as any).chat.entries)).toEqual(["alice: hello"]);
    expect(stamp).toMatch(/^[0-9a-f]{16}$/);
    expect(await other.evaluate(() => (window as any).cursors.values.get("alice").by)).toBe(stamp);
    await page.evaluate(() => (window as any).tick.put("rooms/7/cursors", "alice", undefined));
    await expect.poll(cursor).toBe(undefined);
  });

  test("each value of a deadline comes", async ({ page, request, serveConfigured }) => {
    const { url } = await serveConfigured(CONFIG);
    await link(page, url);
    await page.evaluate(async () => {
      const w = window as any;
      w.strokes = [];
      const strokes = w.tick.subscribe("strokes");
      strokes.onvalue = ({ value }: { value: string }) => w.strokes.push(Number(value));
      await strokes.complete;
    });
    const values = Array.from({ length: 300 }, (_, value) => value);
    await publish(request, url, "strokes", values);
    await expect.poll(() => page.evaluate(() => (window as any).strokes.length)).toBe(300);
    const came: number[] = await page.evaluate(() => (window as any).strokes);
    expect(came.toSorted((a, b) => a - b)).toEqual(values);
  });
});

test("the same client reads under Node", async ({ baseURL }) => {
  const script = `
    import { RTCPeerConnection } from "node-datachannel/polyfill";
    import { connect } from ${JSON.stringify(client("index.js"))};
    const tick = connect(${JSON.stringify(baseURL)}, { RTCPeerConnection });
    const prices = tick.subscribe("prices");
    await prices.complete;
    process.stdout.write(String(prices.values.size));
    tick.close();
    process.exit(0);`;
  const folder = fileURLToPath(new URL("..", import.meta.url));
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
  await once(child, "close");
  expect(said.trim()).toBe("20");
});
