import { once } from "node:events";
import { connect, createServer } from "node:net";
import { GONE_SERVER } from "./link";
import { client } from "./script";
import { OwnServer, sessions } from "./server";
import { expect, test } from "./support";

const KEY = "a-key-for-the-tests-0001";
const LINKS = 10;
const CONFIG = `
[api]
keys = ["${KEY}"]

[drain]
over = "10s"

[[topic]]
match = "count"

[[topic]]
match = "notes"
policy = "log"
keep = 1000
`;

/** Hands connections of HTTP on to whichever server is its target. Datagrams go straight to the servers. */
async function balancer(target: () => number) {
  const server = createServer((inner) => {
    const outer = connect(target(), "127.0.0.1");
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) socket.on("error", () => (inner.destroy(), outer.destroy()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

test("a server that drains hands its clients over, and none of them misses a value", async ({ page, request, atEnd }) => {
  const [first, second] = [await OwnServer.configured(CONFIG), await OwnServer.configured(CONFIG)];
  let target = first.port;
  const balanced = await balancer(() => target);
  // A producer that puts the same into both.
  let count = 0;
  let isOver = false;
  const headers = { authorization: `Bearer ${KEY}` };
  let isStopping = false;
  const put = async (server: OwnServer) => {
    const answer = await request.put(`${server.url}/topics/count/it`, { headers, data: `${count}` });
    expect(answer.status()).toBe(204);
  };
  const producing = (async () => {
    while (!isOver) {
      count += 1;
      // What the first refuses while it stops is for nobody.
      await Promise.all([put(first).catch((cause) => expect(isStopping, String(cause)).toBe(true)), put(second)]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  atEnd(async () => {
    isOver = true;
    await producing;
    balanced.close();
    await Promise.all([first.end(), second.end()]);
  });
  await page.route("**/client/*", (route) => route.fulfill({ path: client(new URL(route.request().url()).pathname.split("/").pop()!) }));
  await page.goto(balanced.url);
  await page.evaluate(async (links) => {
    const { connect } = await import("/client/index.js" as string);
    const w = window as any;
    w.links = Array.from({ length: links }, () => {
      const link = { states: [] as string[], seen: [] as number[], tick: undefined as any };
      link.tick = connect("/", { onstate: (state: string) => link.states.push(state) });
      link.tick.subscribe("count").onvalue = ({ value }: { value: string }) => link.seen.push(Number(value));
      return link;
    });
    await Promise.all(w.links.map(({ tick }: any) => tick.subscribe("notes").complete));
  }, LINKS);
  await expect.poll(() => sessions(request, first.url)).toBe(LINKS);

  target = second.port;
  isStopping = true;
  const stopped = first.stop("SIGTERM");
  // Before the time is over: when the last has left.
  expect(await stopped).toBe(0);
  await expect.poll(() => sessions(request, second.url)).toBe(LINKS);
  const last = count + 5;
  await page.waitForFunction((last) => (window as any).links.every((link: any) => link.seen.at(-1) >= last), last);
  const links = await page.evaluate(() => (window as any).links.map(({ states, seen }: any) => ({ states, seen })));
  for (const { states, seen } of links) {
    expect(states).toEqual(["open"]);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBe(seen.length);
  }
  await page.evaluate(() => (window as any).links.forEach(({ tick }: any) => tick.close()));
});

test.describe("without another server", () => {
  test.use({ expectedErrors: new RegExp(`${GONE_SERVER.source}|status of 503`) });

  test("a client stays with one that drains until the end, and comes back", async ({ page, atEnd }) => {
    const server = await OwnServer.configured(CONFIG.replace("10s", "2s"));
    atEnd(() => server.end());
    await page.route("**/client/*", (route) => route.fulfill({ path: client(new URL(route.request().url()).pathname.split("/").pop()!) }));
    await page.goto(server.url);
    await page.evaluate(async () => {
      const { connect } = await import("/client/index.js" as string);
      const w = window as any;
      w.states = [];
      w.tick = connect("/", { onstate: (state: string) => w.states.push(state) });
      await w.tick.subscribe("count").complete;
    });
    expect(await server.stop("SIGTERM")).toBe(0);
    await page.waitForFunction(() => (window as any).tick.state !== "open");
    await server.start();
    await page.waitForFunction(() => (window as any).tick.state === "open");
    await page.evaluate(() => (window as any).tick.close());
  });
});
