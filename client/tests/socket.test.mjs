import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../dist/index.js";
import { fakeServer } from "./fake.mjs";

const rest = () => new Promise(setImmediate);

/** What a promise's holder needs. */
function deferred() {
  const it = {};
  it.promise = new Promise((resolve) => (it.resolve = resolve));
  return it;
}

/** A link whose data channels open when `server.held.next` resolves, and whose time is the test's. */
function linked(t, options = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1e12 });
  const stored = new Map();
  globalThis.localStorage = {
    getItem: (name) => stored.get(name) ?? null,
    setItem: (name, value) => stored.set(name, value),
    removeItem: (name) => stored.delete(name),
  };
  const server = fakeServer(t);
  server.held.next = deferred();
  server.stored = stored;
  server.states = [];
  server.start = () => {
    const { RTCPeerConnection } = server;
    const onstate = (state) => server.states.push(state);
    server.tick = connect("http://here/live", { RTCPeerConnection, onstate, ...options });
    return server.tick;
  };
  t.after(() => {
    server.tick.close();
    delete globalThis.localStorage;
  });
  return server;
}

/** Lets time pass, and what follows from it happen. */
async function pass(t, time) {
  await rest();
  t.mock.timers.tick(time);
  await rest();
}

test("a WebSocket is tried beside data channels that take long, and left for them", async (t) => {
  const server = linked(t);
  const tick = server.start();
  await pass(t, 1_499);
  assert.equal(server.sockets.size, 0);
  await pass(t, 1);
  const socket = await server.sockets.next();
  assert.equal(socket.socket.url, "ws://here/live/ws");
  assert.equal(socket.socket.protocol, "tickwire.2");
  const log = tick.subscribe("chat");
  const prices = tick.subscribe("prices");
  socket.accepts();
  assert.deepEqual(socket.socket.opened, [2, "pulse"]);
  assert.equal(tick.path, "websocket");
  assert.equal(tick.you, "socket");
  assert.deepEqual(server.states, ["open"]);
  assert.equal((await socket.hears("subscribe")).topic, "chat");
  await socket.hears("subscribe");
  socket.say({ type: "log", id: 1, epoch: 7, position: 0, gap: false });
  socket.entry(1, 1, "one");
  socket.snapshot([2, 0, "ACME", 5, "100"]);
  socket.say({ type: "complete", id: 1 });
  socket.say({ type: "complete", id: 2 });
  // All but the values: of each second one at once, and of the last in a while.
  assert.equal(socket.socket.received, 4);
  await pass(t, 20);
  assert.equal(socket.socket.received, 5);

  server.held.next.resolve();
  const session = await server.sessions.next();
  const { id, after } = await session.hears("subscribe");
  assert.deepEqual(after, { epoch: 7, position: 1 });
  socket.event(2, 0, "ACME", 6, "101");
  socket.entry(1, 2, "late");
  session.say({ type: "log", id, epoch: 7, position: 1, gap: false });
  session.entry(id, 2, "two");
  session.snapshot([id + 1, 0, "ACME", 6, "101"]);
  session.say({ type: "complete", id });
  session.say({ type: "complete", id: id + 1 });
  await pass(t, 500);
  await socket.closed;
  assert.deepEqual(server.states, ["open"]);
  const entries = [];
  for await (const { value } of log) if (entries.push(value) === 2) break;
  assert.deepEqual(entries, ["one", "two"]);
  assert.equal(prices.values.get("ACME").value, "101");
  assert.equal(server.stored.size, 0);
});

test("what got through is tried at once for a day", async (t) => {
  const server = linked(t);
  const tick = server.start();
  await pass(t, 1_500);
  (await server.sockets.next()).accepts();
  assert.deepEqual([...server.stored.keys()], ["tickwire http://here/live"]);
  tick.close();
  server.start();
  await rest();
  assert.equal(server.sockets.size, 1);
  await server.sockets.next();
  server.tick.close();
  t.mock.timers.setTime(1e12 + 86_500_000);
  server.start();
  await rest();
  assert.equal(server.sockets.size, 0);
});

test("where data channels open first the WebSocket is given up", async (t) => {
  const server = linked(t);
  server.start();
  await pass(t, 1_500);
  const socket = await server.sockets.next();
  socket.connects();
  server.held.next.resolve();
  await server.sessions.next();
  await socket.closed;
  assert.deepEqual(server.states, ["open"]);
});

test("a WebSocket that does not get through leaves data channels their time", async (t) => {
  const server = linked(t);
  server.start();
  await pass(t, 1_500);
  (await server.sockets.next()).lose();
  await rest();
  assert.deepEqual(server.states, []);
  server.held.next.resolve();
  await server.sessions.next();
  assert.deepEqual(server.states, ["open"]);
});

test("one that is lost is followed by another, which is tried at once beside data channels", async (t) => {
  const server = linked(t);
  const tick = server.start();
  await pass(t, 1_500);
  const socket = await server.sockets.next();
  socket.accepts();
  // Nothing comes for so long.
  await pass(t, 4_000);
  assert.deepEqual(server.states, ["open", "lost"]);
  const tried = () => server.requests.filter(({ method }) => method === "POST").length;
  assert.equal(tried(), 1);
  await pass(t, 500);
  assert.deepEqual(server.states, ["open", "lost", "connecting"]);
  assert.equal(tried(), 2);
  (await server.sockets.next()).accepts();
  assert.equal(tick.path, "websocket");
});

test("data channels are tried again while a WebSocket is the way", async (t) => {
  const server = linked(t);
  const tick = server.start();
  await pass(t, 1_500);
  const socket = await server.sockets.next();
  socket.accepts();
  const tried = () => server.requests.filter(({ method }) => method === "POST").length;
  // The first attempt has its time; the next is after five minutes.
  for (let second = 0; second < 300; second += 2) {
    assert.equal(tried(), 1);
    await pass(t, 2_000);
    socket.say({ type: "hello", you: "socket" });
  }
  assert.equal(tried(), 2);
  server.held.next.resolve();
  await server.sessions.next();
  assert.deepEqual(server.states, ["open"]);
  assert.notEqual(tick.path, "websocket");
});

test("the token is the first that is said, and another is tried once", async (t) => {
  let tokens = 0;
  const server = linked(t, { token: () => `t${++tokens}`, RTCPeerConnection: undefined });
  server.start();
  await rest();
  const deny = async (code) => {
    const socket = await server.sockets.next();
    socket.connects();
    const said = await socket.hears("token");
    socket.say({ type: "denied", code, message: `because of ${code}`, retryAfter: 7 });
    await rest();
    return said.token;
  };
  assert.equal(await deny("full"), "t1");
  assert.deepEqual(server.states, ["lost"]);
  await pass(t, 6_999);
  assert.equal(server.sockets.size, 0);
  await pass(t, 7_001);
  assert.equal(await deny("unauthorized"), "t2");
  await pass(t, 60_000);
  assert.equal(await deny("unauthorized"), "t3");
  assert.equal(server.tick.state, "failed");
  assert.equal(server.tick.cause.code, "unauthorized");
});
