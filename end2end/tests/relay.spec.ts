import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { expect, test } from "@playwright/test";
import { Relay, type RelayOptions } from "./relay";

let opened: { close(): void }[];
test.beforeEach(() => void (opened = []));
test.afterEach(() => opened.forEach((one) => one.close()));

/** Sends back what comes, with the number of the client that it came from. */
async function numberingServer(): Promise<number> {
  const server = await socket();
  const clients: number[] = [];
  server.on("message", (datagram, { port, address }) => {
    if (!clients.includes(port)) clients.push(port);
    server.send(`${clients.indexOf(port)} ${datagram}`, port, address);
  });
  return server.address().port;
}

async function socket(): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  opened.push(socket);
  await once(socket, "listening");
  return socket;
}

async function relayTo(port: number, options?: RelayOptions): Promise<Relay> {
  const relay = await Relay.start(port, options);
  opened.push(relay);
  return relay;
}

interface Client {
  send(text: string): void;
  received: string[];
}

async function client(relay: Relay): Promise<Client> {
  const [address, port] = relay.addresses[0].split(":");
  const own = await socket();
  const received: string[] = [];
  own.on("message", (datagram) => received.push(String(datagram)));
  return { send: (text) => own.send(text, Number(port), address), received };
}

test("relays to and fro, and keeps clients apart", async () => {
  const relay = await relayTo(await numberingServer());
  const [first, second] = [await client(relay), await client(relay)];
  first.send("a");
  await expect.poll(() => first.received).toEqual(["0 a"]);
  second.send("b");
  await expect.poll(() => second.received).toEqual(["1 b"]);
  first.send("c");
  await expect.poll(() => first.received).toEqual(["0 a", "0 c"]);
  expect(second.received).toEqual(["1 b"]);
  expect(relay.counts).toEqual({ passed: 6, lost: 0 });
});

test("a cut lets nothing through, until it is joined", async () => {
  const relay = await relayTo(await numberingServer());
  const one = await client(relay);
  relay.cut();
  one.send("lost");
  await expect.poll(() => relay.counts).toEqual({ passed: 0, lost: 1 });
  relay.join();
  one.send("passes");
  await expect.poll(() => one.received).toEqual(["0 passes"]);
});

test("lets nothing through that it is told to block, and the rest", async () => {
  const relay = await relayTo(await numberingServer(), { blocks: (datagram) => String(datagram).includes("x") });
  const one = await client(relay);
  one.send("x");
  await expect.poll(() => relay.counts).toEqual({ passed: 0, lost: 1 });
  one.send("y");
  await expect.poll(() => one.received).toEqual(["0 y"]);
});

test("holds each datagram for its delay", async () => {
  const server = await numberingServer();
  const [slow, fast] = [await relayTo(server, { delay: 60_000 }), await relayTo(server, { delay: 20, jitter: 20 })];
  const [one, other] = [await client(slow), await client(fast)];
  one.send("held");
  other.send("passes");
  await expect.poll(() => other.received).toEqual(["0 passes"]);
  expect(one.received).toEqual([]);
  slow.cut();
  await expect.poll(() => slow.counts).toEqual({ passed: 0, lost: 1 });
});

test("loses as many as it is told, and the same ones for the same seed", async () => {
  const passing = async (seed: number) => {
    const relay = await relayTo(await numberingServer(), { loss: 0.3, seed });
    const one = await client(relay);
    for (let index = 0; index < 100; index++) one.send(`${index}`);
    // Each is lost once, on its way out or back, or comes back.
    await expect.poll(() => relay.counts.lost + one.received.length).toBe(100);
    return one.received;
  };
  const first = await passing(1);
  expect(first.length).toBeGreaterThan(30);
  expect(first.length).toBeLessThan(70);
  expect(await passing(1)).toEqual(first);
  expect(await passing(2)).not.toEqual(first);
});
