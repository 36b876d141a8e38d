import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../dist/index.js";
import { fakeServer } from "./fake.mjs";

/** A link whose tokens are numbered. */
function linked(t, options = {}) {
  const server = fakeServer(t);
  let tokens = 0;
  const states = [];
  const final = new Promise((resolve) => {
    const onstate = (state) => {
      states.push(state);
      if (state === "failed") resolve();
    };
    const token = async () => `t${++tokens}`;
    server.tick = connect("http://here", { RTCPeerConnection: server.RTCPeerConnection, onstate, token, ...options });
  });
  t.after(() => server.tick.close());
  return { ...server, states, final };
}

const shown = ({ requests }) => requests.map(({ method, headers }) => `${method} ${headers.authorization}`);

test("each request of a session shows the newest token, beside what headers give", async (t) => {
  const server = linked(t, { headers: () => ({ "x-app": "7" }) });
  const session = await server.sessions.next();
  await server.asked.next();
  session.say({ type: "renew-token", within: 60_000 });
  assert.deepEqual(await session.hears("token"), { type: "token", token: "t2" });
  // As when the network is another.
  const silent = Date.now() + 4_000;
  t.mock.method(Date, "now", () => silent);
  assert.equal(await server.asked.next(), "PATCH");
  server.tick.close();
  await session.ended;
  assert.deepEqual(shown(server), ["POST Bearer t1", "PATCH Bearer t2", "DELETE Bearer t2"]);
  for (const { headers } of server.requests) assert.equal(headers["x-app"], "7");
});

test("a token that cannot be had is asked for again, while there is time", async (t) => {
  let asked = 0;
  const token = () => {
    asked++;
    if (asked === 2 || asked === 3 || asked > 4) throw new Error("not now");
    return `t${asked}`;
  };
  const server = linked(t, { token });
  const session = await server.sessions.next();
  const waits = [];
  t.mock.method(globalThis, "setTimeout", (act, wait) => {
    waits.push(wait);
    setImmediate(act);
  });
  session.say({ type: "renew-token", within: 60_000 });
  assert.equal((await session.hears("token")).token, "t4");
  assert.equal(waits.length, 2);
  for (const wait of waits) assert.ok(wait >= 1_000 && wait <= 5_000);
  session.say({ type: "renew-token", within: 500 });
  await new Promise(setImmediate);
  assert.deepEqual([asked, waits.length], [5, 2]);
});

test("who has no token option is not asked", async (t) => {
  const server = linked(t, { token: undefined });
  const session = await server.sessions.next();
  session.say({ type: "renew-token", within: 60_000 });
  await new Promise(setImmediate);
  assert.equal(session.heard.size, 0);
  assert.deepEqual(shown(server), ["POST undefined"]);
});

test("a token that is refused is followed by another, once", async (t) => {
  const server = linked(t);
  server.refusals.push([401, "unauthorized"]);
  await server.sessions.next();
  assert.deepEqual(shown(server), ["POST Bearer t1", "POST Bearer t2"]);
  assert.equal(server.tick.state, "open");
});

test("two that are refused are the end", async (t) => {
  const server = linked(t);
  server.refusals.push([401, "unauthorized"], [401, "unauthorized"]);
  const { complete } = server.tick.subscribe("prices");
  await server.final;
  assert.deepEqual(shown(server), ["POST Bearer t1", "POST Bearer t2"]);
  assert.equal(server.tick.cause.code, "unauthorized");
  assert.equal(server.tick.cause.message, "because of unauthorized");
  await assert.rejects(complete, { code: "unauthorized" });
});

for (const [name, refusal, options] of [
  ["what is forbidden", [403, "forbidden"], {}],
  ["a missing token, where there is no option,", [401, "unauthorized"], { token: undefined }],
]) {
  test(`${name} is the end at once`, async (t) => {
    const server = linked(t, options);
    server.refusals.push(refusal);
    await server.final;
    assert.equal(server.requests.length, 1);
    assert.equal(server.tick.cause.code, refusal[1]);
    assert.deepEqual(server.states, ["failed"]);
  });
}

for (const [status, code] of [[503, "full"], [429, "too-many"]]) {
  test(`after a ${status} with Retry-After, clients come back one after the other`, async (t) => {
    const waits = [];
    for (const luck of [0, 0.5, 0.999]) {
      const server = linked(t);
      server.refusals.push([status, code, { "retry-after": "10" }]);
      t.mock.method(Math, "random", () => luck);
      const wait = await new Promise((resolve) => t.mock.method(globalThis, "setTimeout", (_act, wait) => resolve(wait)));
      waits.push(wait);
      server.tick.close();
      t.mock.restoreAll();
    }
    assert.deepEqual(waits, [10_000, 15_000, 19_990]);
  });
}

test("a Retry-After of years is a day", async (t) => {
  const server = linked(t);
  t.mock.method(Math, "random", () => 0);
  server.refusals.push([503, "full", { "retry-after": "99999999" }]);
  const wait = await new Promise((resolve) => t.mock.method(globalThis, "setTimeout", (_act, wait) => resolve(wait)));
  assert.equal(wait, 86_400_000);
});

test("a link that is closed while a token is asked for opens nothing", async (t) => {
  let give;
  const server = linked(t, { token: () => new Promise((resolve) => (give = resolve)) });
  await new Promise(setImmediate);
  server.tick.close();
  give("late");
  await new Promise(setImmediate);
  assert.deepEqual(server.requests, []);
});
