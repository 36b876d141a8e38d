import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../dist/index.js";
import { fakeServer } from "./fake.mjs";

/** A link with an open session. */
async function linked(t, options = {}) {
  const server = fakeServer(t);
  const states = [];
  const tick = connect("http://here", { RTCPeerConnection: server.RTCPeerConnection, onstate: (state) => states.push(state), ...options });
  t.after(() => tick.close());
  return { ...server, tick, states, old: await server.sessions.next() };
}

/** A subscription to a topic of the newest values or of a log, whose values are noted. */
function noted(tick, topic, wanted) {
  const subscription = tick.subscribe(topic, wanted);
  const seen = [];
  subscription.onvalue = ({ key, value, isAfterGap }) => seen.push(`${key}=${value}${isAfterGap ? " after a gap" : ""}`);
  return { subscription, seen };
}

/** How long each timer is to wait that is set from now on. */
function timers(t) {
  const waits = [];
  const set = setTimeout;
  t.mock.method(globalThis, "setTimeout", (act, wait) => {
    waits.push(wait);
    return set(act, wait);
  });
  return waits;
}

test("values come from the old session until all is there in the new one, and no key goes backwards", async (t) => {
  const { tick, states, old, sessions } = await linked(t);
  const { subscription, seen } = noted(tick, "prices");
  const { id } = await old.hears("subscribe");
  old.say({ type: "hello", you: "one" });
  old.snapshot([id, 0, "a", 1, "1"], [id, 1, "b", 2, "1"], [id, 2, "c", 3, "1"], [id, 3, "d", 4, "1"], [id, 5, "f", 5, "1"]);
  old.say({ type: "complete", id });
  seen.length = 0;

  old.say({ type: "go-away" });
  old.brings([[id, 0, "a", 6, "2"]]);
  const next = await sessions.next();
  const other = (await next.hears("subscribe")).id;
  next.say({ type: "hello", you: "two" });
  assert.equal(tick.you, "two");
  old.brings([[id, 1, "b", 7, "2"]]);
  // Another server: it numbers its versions otherwise, is behind with "a", and ahead with "c".
  next.snapshot([other, 0, "a", 901, "1"], [other, 1, "b", 902, "2"], [other, 2, "c", 903, "2"], [other, 3, "d", 904, "1"]);
  assert.deepEqual(seen, ["a=2", "b=2", "c=2"]);
  // What the old one says of a key comes too late, once the new one has told; of the others it counts.
  old.brings([[id, 2, "c", 8, "1.5"], [id, 0, "a", 9, "3"], [id, 4, "e", 10, "1"]]);
  next.brings([[other, 0, "a", 905, "2"]]);
  next.say({ type: "complete", id: other });
  assert.deepEqual(seen.splice(0), ["a=2", "b=2", "c=2", "a=3", "e=1"]);
  next.brings([[other, 0, "a", 906, "3"], [other, 4, "e", 907, "1"]]);
  next.brings([[other, 0, "a", 908, "2"]]);
  assert.deepEqual(seen.splice(0), ["a=2"]);
  await old.closed;
  // It is not closed yet, and has no say any more.
  old.brings([[id, 3, "d", 11, "2"]]);
  await old.closed;
  // The new one does not have it.
  assert.deepEqual(seen, ["f=undefined"]);
  assert.deepEqual([...subscription.values].map(([key, { value }]) => key + value).sort(), ["a2", "b2", "c2", "d1", "e1"]);
  assert.deepEqual(states, ["open"]);
  assert.deepEqual([sessions.size, next.heard.size], [0, 0]);
});

test("what seemed to be behind is told when the old session has gone", async (t) => {
  const { tick, old, sessions } = await linked(t);
  const { subscription, seen } = noted(tick, "switches");
  const { id } = await old.hears("subscribe");
  old.snapshot([id, 0, "a", 1, "on"]);
  old.say({ type: "complete", id });
  old.say({ type: "go-away" });
  old.brings([[id, 0, "a", 2, "off"]]);
  const next = await sessions.next();
  const other = (await next.hears("subscribe")).id;
  // It is on again, which the old one has not brought.
  next.snapshot([other, 0, "a", 3, "on"]);
  assert.deepEqual(seen, ["a=on", "a=off"]);
  next.say({ type: "complete", id: other });
  await old.closed;
  assert.deepEqual(seen, ["a=on", "a=off", "a=on"]);
  assert.equal(subscription.values.get("a").version, 3);
});

test("a log goes on without a missed or a repeated entry", async (t) => {
  const { tick, old, sessions } = await linked(t);
  const { subscription, seen } = noted(tick, "chat");
  const { id } = await old.hears("subscribe");
  old.say({ type: "log", id, epoch: 7, position: 0, gap: false });
  for (const position of [1, 2]) old.entry(id, position, `${position}`);
  old.say({ type: "complete", id });
  old.say({ type: "go-away" });
  old.entry(id, 3, "3");
  const next = await sessions.next();
  const { id: other, after } = await next.hears("subscribe");
  assert.deepEqual(after, { epoch: 7, position: 3 });
  assert.deepEqual(await old.hears("unsubscribe"), { type: "unsubscribe", id });
  // Both have what is added from here on.
  old.entry(id, 4, "4");
  next.say({ type: "log", id: other, epoch: 7, position: 3, gap: false });
  old.entry(id, 5, "5");
  for (const position of [4, 5]) next.entry(other, position, `${position}`);
  next.say({ type: "complete", id: other });
  await old.closed;
  next.entry(other, 6, "6");
  assert.deepEqual(seen, ["k=1", "k=2", "k=3", "k=4", "k=5", "k=6"]);
  assert.deepEqual(subscription.position, { epoch: 7, position: 6 });
});

test("a log that was not begun yet is the new session's alone", async (t) => {
  const { tick, old, sessions } = await linked(t);
  old.say({ type: "go-away" });
  const { seen } = noted(tick, "chat");
  const { id } = await old.hears("subscribe");
  const next = await sessions.next();
  const { id: other, after } = await next.hears("subscribe");
  assert.equal(after, undefined);
  old.say({ type: "log", id, epoch: 7, position: 0, gap: false });
  old.entry(id, 1, "1");
  next.say({ type: "log", id: other, epoch: 7, position: 0, gap: false });
  old.entry(id, 2, "2");
  for (const position of [1, 2]) next.entry(other, position, `${position}`);
  assert.deepEqual(seen, ["k=1", "k=2"]);
});

test("what counts each by itself is told once, whichever session brings it first", async (t) => {
  const { tick, old, sessions } = await linked(t);
  const { seen } = noted(tick, "strokes");
  const { id } = await old.hears("subscribe");
  old.say({ type: "complete", id });
  old.say({ type: "go-away" });
  old.event(id, 0, "k", 1, "1");
  const next = await sessions.next();
  const other = (await next.hears("subscribe")).id;
  old.event(id, 0, "k", 2, "2");
  next.event(other, 0, "k", 52, "2");
  next.event(other, 0, "k", 53, "3");
  old.event(id, 0, "k", 3, "3");
  // The same twice is no repetition.
  next.event(other, 0, "k", 54, "3");
  next.say({ type: "complete", id: other });
  old.event(id, 0, "k", 4, "3");
  old.event(id, 0, "k", 5, "5");
  await old.closed;
  next.event(other, 0, "k", 56, "6");
  assert.deepEqual(seen, ["k=1", "k=2", "k=3", "k=3", "k=5", "k=6"]);
});

test("where no other session can be opened, the link stays, and tries again", async (t) => {
  const { tick, states, old, sessions, refusals, asked } = await linked(t);
  t.mock.method(Math, "random", () => 0);
  const { seen } = noted(tick, "prices");
  const { id } = await old.hears("subscribe");
  old.snapshot([id, 0, "a", 1, "1"]);
  old.say({ type: "complete", id });
  refusals.push([503, "shutting-down"], [503, "full"]);
  assert.equal(await asked.next(), "POST");
  old.say({ type: "go-away" });
  assert.equal(await asked.next(), "POST");
  old.say({ type: "go-away" });
  old.brings([[id, 0, "a", 2, "2"]]);
  assert.equal(await asked.next(), "POST");
  const next = await sessions.next();
  old.say({ type: "go-away" });
  const other = (await next.hears("subscribe")).id;
  next.snapshot([other, 0, "a", 2, "2"]);
  next.say({ type: "complete", id: other });
  await old.closed;
  assert.deepEqual(seen, ["a=1", "a=2"]);
  assert.deepEqual(states, ["open"]);
  assert.equal(asked.size, 1, "a POST, and no DELETE that may come to another server");
});

test("where the other session is refused for good, the link stays until its own is lost, and then comes back", async (t) => {
  const { tick, states, old, sessions, refusals, asked } = await linked(t);
  t.mock.method(Math, "random", () => 0);
  await asked.next();
  refusals.push([403, "forbidden"]);
  old.say({ type: "go-away" });
  assert.equal(await asked.next(), "POST");
  const waits = timers(t);
  await new Promise(setImmediate);
  assert.equal(tick.cause.code, "forbidden");
  old.say({ type: "hello", you: "one" });
  await new Promise(setImmediate);
  assert.deepEqual([asked.size, waits], [0, []]);
  old.lose();
  await sessions.next();
  assert.deepEqual(states, ["open", "lost", "connecting", "open"]);
});

test("a new session that is lost gives everything back to the old one", async (t) => {
  const { tick, states, old, sessions, refusals } = await linked(t);
  const prices = noted(tick, "prices");
  const chat = noted(tick, "chat");
  const [{ id }, { id: log }] = [await old.hears("subscribe"), await old.hears("subscribe")];
  old.say({ type: "hello", you: "one" });
  old.snapshot([id, 0, "a", 1, "1"]);
  old.say({ type: "log", id: log, epoch: 7, position: 0, gap: false });
  old.entry(log, 1, "1");
  for (const it of [id, log]) old.say({ type: "complete", id: it });
  tick.put("cursors", "me", "1");
  assert.deepEqual((await old.published.next()).slice(1), ["cursors", "me", "1"]);
  old.say({ type: "go-away" });
  const next = await sessions.next();
  next.say({ type: "hello", you: "two" });
  const other = (await next.hears("subscribe")).id;
  next.snapshot([other, 0, "a", 2, "2"]);
  old.brings([[id, 0, "a", 3, "3"]]);
  const [first, again] = [0, (await next.published.next())[0]];
  refusals.push([503, "full"]);
  next.lose();
  assert.equal(tick.you, "one");
  const [values, entries] = [await old.hears("subscribe"), await old.hears("subscribe")];
  assert.deepEqual(entries.after, { epoch: 7, position: 1 });
  assert.ok(values.id > log && entries.id > log);
  old.snapshot([values.id, 0, "a", 3, "3"]);
  old.say({ type: "log", id: entries.id, epoch: 7, position: 1, gap: false });
  old.entry(entries.id, 2, "2");
  assert.deepEqual(prices.seen, ["a=1", "a=2", "a=3"]);
  assert.deepEqual(chat.seen, ["k=1", "k=2"]);
  // The server passes over what is not newer in its session.
  const [count] = await old.published.next();
  assert.ok(first < again && again < count);
  old.acknowledge(count);
  assert.deepEqual(states, ["open"]);
});

test("what is put goes to the new session, and what was added is answered by the old one before it is left", async (t) => {
  const { tick, old, sessions } = await linked(t);
  const added = tick.add("chat", "me", "hello");
  const { id } = await old.hears("publish");
  old.say({ type: "go-away" });
  const next = await sessions.next();
  const waits = timers(t);
  tick.put("cursors", "me", "1");
  assert.deepEqual((await next.published.next()).slice(1), ["cursors", "me", "1"]);
  const second = tick.add("chat", "me", "again");
  next.say({ type: "published", id: (await next.hears("publish")).id });
  await second;
  assert.ok(!waits.includes(500));
  old.say({ type: "published", id });
  assert.ok(waits.includes(500));
  await added;
  await old.closed;
});

test("no session is waited for longer than it may be", async (t) => {
  const { tick, old, sessions } = await linked(t);
  const { subscription } = noted(tick, "prices");
  const added = tick.add("chat", "me", "hello");
  const { id } = await old.hears("subscribe");
  old.snapshot([id, 0, "a", 1, "1"]);
  old.say({ type: "go-away" });
  let limit;
  t.mock.method(globalThis, "setTimeout", (act, wait) => void (limit = wait >= 5_000 ? act : limit));
  const next = await sessions.next();
  const other = (await next.hears("subscribe")).id;
  limit();
  await old.closed;
  await assert.rejects(added, /the link was lost/);
  // Nothing is taken for removed before all is there.
  assert.equal(subscription.values.size, 1);
  next.say({ type: "complete", id: other });
  assert.equal(subscription.values.size, 0);
});

test("a server that is told to go too is left as well, after the move", async (t) => {
  const { old, sessions } = await linked(t);
  t.mock.method(Math, "random", () => 0);
  old.say({ type: "go-away" });
  const next = await sessions.next();
  next.say({ type: "go-away" });
  await old.closed;
  await sessions.next();
  await next.closed;
});

test("what may be old is told, and what the session says counts that is the present one", async (t) => {
  const told = [];
  const { tick, old, sessions } = await linked(t, { onstale: (since) => told.push(since === undefined ? "fresh" : Date.now() - since >= 5_000) });
  const { subscription } = noted(tick, "prices");
  const { id } = await old.hears("subscribe");
  old.say({ type: "hello", you: "one" });
  assert.equal(tick.staleSince, undefined);
  old.say({ type: "stale", since: 5_000 });
  assert.ok(Date.now() - tick.staleSince >= 5_000);
  old.snapshot([id, 0, "a", 1, "1"]);
  old.say({ type: "complete", id });
  await subscription.complete;
  old.say({ type: "go-away" });
  const next = await sessions.next();
  await next.hears("subscribe");
  assert.equal(tick.staleSince, undefined);
  old.say({ type: "stale", since: 6_000 });
  assert.equal(tick.staleSince, undefined);
  next.say({ type: "stale", since: 7_000 });
  next.say({ type: "stale" });
  assert.deepEqual(told, [true, "fresh", true, "fresh"]);
});
