import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { test as base, expect, type APIRequestContext } from "@playwright/test";
import { connect, inFolder, leave, PYTHON } from "./clients";
import { TopicReader, type Told } from "./reader";
import { Relay, type RelayOptions } from "./relay";
import { freePort, OwnServer } from "./server";

const KEY = "a-key-of-the-tests-with-enough-characters";
const CONFIG = `
[api]
keys = ["${KEY}"]
[[topic]]
match = "gauges"
[[topic]]
match = "alarms"
policy = "log"
keep = 100
`;

/** What a program puts into the topics of a server. */
class Producer {
  constructor(
    private readonly request: APIRequestContext,
    private readonly url: string,
  ) {}

  async put(topic: string, key: string, data: string) {
    const answer = await this.request.put(this.at(topic, key), { data, headers: this.headers("text/plain") });
    expect(answer.status(), await answer.text()).toBe(204);
  }

  async remove(topic: string, key: string) {
    const answer = await this.request.delete(this.at(topic, key), { headers: this.headers() });
    expect(answer.status(), await answer.text()).toBe(204);
  }

  async putAll(topic: string, values: [key: string, value: string][]) {
    const data = values.map(([key, value]) => JSON.stringify({ key, value })).join("\n");
    const answer = await this.request.post(this.at(topic), { data, headers: this.headers("application/x-ndjson") });
    expect(answer.status(), await answer.text()).toBe(200);
  }

  private at(...parts: string[]) {
    return [`${this.url}/topics`, ...parts.map(encodeURIComponent)].join("/");
  }

  private headers(type?: string) {
    return { authorization: `Bearer ${KEY}`, ...(type && { "content-type": type }) };
  }
}

interface Fixtures {
  relayOptions: RelayOptions | undefined;
  server: OwnServer;
  producer: Producer;
  /** Connected. */
  reader: TopicReader;
}

const test = base.extend<Fixtures>({
  relayOptions: [undefined, { option: true }],
  server: async ({ relayOptions }, use) => {
    const port = await freePort();
    const relay = relayOptions && (await Relay.start(port, relayOptions));
    const env: Record<string, string> = relay ? { TICKWIRE_PORT_ADVERTISE: JSON.stringify(relay.addresses) } : {};
    const server = await OwnServer.configured(CONFIG, env, port);
    await use(server);
    await server.end();
    relay?.close();
  },
  producer: async ({ request, server }, use) => use(new Producer(request, server.url)),
  reader: async ({ request, server }, use) => {
    const reader = new TopicReader();
    await connect(request, server, reader);
    await reader.ready();
    await use(reader);
    await reader.kill();
  },
});

const keys = (count: number) => Array.from({ length: count }, (_, index) => `key ${index}`);
const text = (told: Told[]) => told.map(({ key, value }) => `${key}: ${value}`);

test("what the reader makes of messages is what the server makes of them", async () => {
  // It ends with an error where a check fails, and that tells which.
  await promisify(execFile)(PYTHON, [inFolder("clients/values_test.py")]);
});

test("values arrive as they are put, and a removed key is told", async ({ request, server, producer, reader }) => {
  await producer.put("gauges", "Kessel 1", "61.5 °C");
  const gauges = reader.subscribe("gauges");
  await reader.complete(gauges);
  expect(reader.told(gauges)).toMatchObject([{ key: "Kessel 1", value: "61.5 °C", isSnapshot: true }]);
  await producer.put("gauges", "Kessel 1", "62 °C");
  await producer.put("gauges", "Kessel 2", "20 °C");
  await expect.poll(() => reader.newest(gauges)).toEqual({ "Kessel 1": "62 °C", "Kessel 2": "20 °C" });
  await producer.remove("gauges", "Kessel 1");
  await expect.poll(() => reader.newest(gauges)).toEqual({ "Kessel 2": "20 °C" });
  // Its number in the subscription may be another key's by now.
  await producer.put("gauges", "Kessel 3", "30 °C");
  await producer.put("gauges", "Kessel 1", "63 °C");
  const all = { "Kessel 1": "63 °C", "Kessel 2": "20 °C", "Kessel 3": "30 °C" };
  await expect.poll(() => reader.newest(gauges)).toEqual(all);
  await leave(request, server, reader);
});

test("a snapshot of hundreds of keys is complete, and each is told once", async ({ request, server, producer, reader }) => {
  const values = keys(600).map((key): [string, string] => [key, `the first of ${key}`]);
  await producer.putAll("gauges", values);
  const gauges = reader.subscribe("gauges");
  await reader.complete(gauges);
  expect(reader.newest(gauges)).toEqual(Object.fromEntries(values));
  expect(reader.told(gauges)).toHaveLength(600);
  // Some of it, in a subscription of its own.
  const some = reader.subscribe("gauges", { keys: ["key 7", "key 599", "nothing"] });
  await reader.complete(some);
  expect(reader.newest(some)).toEqual({ "key 7": "the first of key 7", "key 599": "the first of key 599" });
  await leave(request, server, reader);
});

test("the entries of a log come in order, and go on where a reader was", async ({ request, server, producer, reader }) => {
  const entries = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index): [string, string] => ["north", `alarm ${from + index}`]);
  const expected = (from: number, to: number) => entries(from, to).map(([key, value]) => `${key}: ${value}`);
  await producer.putAll("alarms", entries(0, 90));
  const alarms = reader.subscribe("alarms");
  const { epoch, position, gap } = await reader.log(alarms);
  expect([position, gap]).toEqual([0, false]);
  await reader.complete(alarms);
  for (let next = 90; next < 120; next += 10) await producer.putAll("alarms", entries(next, next + 10));
  await expect.poll(() => text(reader.told(alarms, "entry"))).toEqual(expected(0, 120));
  const positions = reader.told(alarms, "entry").map(({ version }) => version);
  expect(positions).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
  const since = reader.subscribe("alarms", { after: { epoch, position: 100 } });
  expect(await reader.log(since)).toMatchObject({ epoch, position: 100, gap: false });
  await reader.complete(since);
  expect(text(reader.told(since, "entry"))).toEqual(expected(100, 120));
  // Of 120 the last 100 are kept.
  const late = reader.subscribe("alarms", { after: { epoch, position: 10 } });
  expect(await reader.log(late)).toMatchObject({ epoch, position: 20, gap: true });
  await reader.complete(late);
  expect(text(reader.told(late, "entry"))).toEqual(expected(20, 120));
  await leave(request, server, reader);
});

test("a topic that is not there is refused, and the session goes on", async ({ request, server, producer, reader }) => {
  expect(await reader.refused(reader.subscribe("nothing"))).toMatchObject({ code: "no-topic" });
  await producer.put("gauges", "a", "1");
  const gauges = reader.subscribe("gauges");
  await reader.complete(gauges);
  expect(reader.newest(gauges)).toEqual({ a: "1" });
  await leave(request, server, reader);
});

test.describe("where a tenth of what is sent is lost, and what is not may overtake", () => {
  test.use({ relayOptions: { delay: 5, jitter: 20, loss: 0.1, seed: 7 } });

  test("the newest value of each key arrives, and none before an older one", async ({ producer, reader }) => {
    await producer.putAll("gauges", keys(300).map((key) => [key, "0"]));
    const gauges = reader.subscribe("gauges");
    await reader.complete(gauges);
    expect(Object.keys(reader.newest(gauges))).toHaveLength(300);
    for (let round = 1; round <= 10; round++) await producer.putAll("gauges", keys(300).map((key) => [key, `${round}`]));
    for (const key of keys(10)) await producer.remove("gauges", key);
    const last = Object.fromEntries(keys(300).slice(10).map((key) => [key, "10"]));
    await expect.poll(() => reader.newest(gauges)).toEqual(last);
    for (const key of keys(300)) {
      const rounds = reader.told(gauges).filter((it) => it.key === key && it.value !== null).map(({ value }) => Number(value));
      expect(rounds, key).toEqual([...new Set(rounds)].sort((one, other) => one - other));
    }
  });
});
