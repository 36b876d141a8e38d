import assert from "node:assert/strict";
import { test } from "node:test";
import { Subscription } from "../dist/index.js";

const bytes = (text) => new TextEncoder().encode(text);

function subscription() {
  const asked = [];
  const link = { rest: () => asked.push("rest"), begin: () => asked.push("begin"), end: () => asked.push("end") };
  return { asked, it: new Subscription("topic", {}, link) };
}

/** Reads so many values. */
async function read(it, count) {
  const values = [];
  for await (const value of it) if (values.push(value) === count) break;
  return values;
}

test("a log is read in order, whoever reads slowly, and from where it was", async () => {
  const { asked, it } = subscription();
  it.log({ epoch: 7, position: 0 }, false);
  const entry = (position) => it.entry({ subscription: 1, position, age: 0, key: "k", value: bytes(`${position}`) });
  for (let position = 1; position <= 1_500; position++) entry(position);
  // What came after it was asked to rest comes again.
  assert.deepEqual(asked, ["rest"]);
  assert.deepEqual(it.position, { epoch: 7, position: 1_000 });
  const reading = read(it, 1_002);
  await new Promise(setImmediate);
  assert.deepEqual(asked, ["rest", "begin"]);
  it.log({ epoch: 7, position: 1_000 }, false);
  entry(1_001);
  it.log({ epoch: 7, position: 1_100 }, true);
  entry(1_101);
  const values = await reading;
  assert.deepEqual(values.slice(0, 1_001).map((value) => value.value), Array.from({ length: 1_001 }, (_, index) => `${index + 1}`));
  assert.deepEqual(values.map((value) => value.isAfterGap).indexOf(true), 1_001);
  assert.equal(values[1_001].version, 1_101);
  assert.deepEqual(asked, ["rest", "begin", "end"]);
});

test("values that count each by itself all wait to be read, and the newest of a key alone", async () => {
  const { it } = subscription();
  const take = (version, isEvent) =>
    it.take({ subscription: 1, key: "k", version, age: 0, isSnapshot: false, isEvent, value: bytes(`${version}`) });
  for (const version of [1, 2]) take(version, true);
  for (const version of [3, 4]) take(version, false);
  const versions = (await read(it, 3)).map((value) => value.version);
  assert.deepEqual(versions, [1, 2, 4]);
});
