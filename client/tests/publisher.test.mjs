import assert from "node:assert/strict";
import { test } from "node:test";
import { Publisher } from "../dist/publisher.js";

const text = (message) => new TextDecoder().decode(message);

test("one message is under way, and what waits is replaced by newer values", () => {
  const publisher = new Publisher();
  publisher.put("topic", "a", "1");
  assert.match(text(publisher.poll(0)), /topic.*a.*1/s);
  publisher.put("topic", "a", "2");
  publisher.put("topic", "a", { x: 3 });
  publisher.put("topic", "b", undefined);
  assert.equal(publisher.poll(10), undefined);
  publisher.acknowledge(40, 0);
  const second = text(publisher.poll(40));
  assert.match(second, /\{"x":3\}/);
  assert.doesNotMatch(second, /a.2/);
  publisher.acknowledge(80, 1);
  assert.equal(publisher.poll(80), undefined);
  assert.equal(publisher.timeout(), undefined);
});

test("what is not acknowledged is sent again, later each time, and in the next session", () => {
  const publisher = new Publisher();
  publisher.put("topic", "a", new Uint8Array([65]));
  let now = 0;
  const waits = [];
  for (let count = 0; count < 5; count++) {
    assert.ok(publisher.poll(now));
    waits.push(publisher.timeout() - now);
    now = publisher.timeout();
  }
  assert.deepEqual(waits, [666, 1332, 2000, 2000, 2000]);
  publisher.acknowledge(now, 3);
  assert.ok(publisher.timeout());
  publisher.restart();
  // Its numbers go on: the link may come back to a session that it was about to leave.
  const again = publisher.poll(now);
  assert.equal(again[1], 5);
  publisher.acknowledge(now + 20, 5);
  assert.equal(publisher.poll(now + 20), undefined);
});

test("what is too long or too much is an error, and nothing else is lost", () => {
  const publisher = new Publisher();
  assert.throws(() => publisher.put("t".repeat(1_025), "a", ""), RangeError);
  assert.throws(() => publisher.put("t", "\u00fc".repeat(513), ""), RangeError);
  assert.throws(() => publisher.put("t", "a", "v".repeat(64_001)), RangeError);
  for (let key = 0; key < 1_000; key++) publisher.put("t", String(key), "v");
  assert.throws(() => publisher.put("t", "one more", ""), RangeError);
  publisher.put("t", "7", "newer");
  let messages = 0;
  for (let message; (message = publisher.poll(messages)); messages++) {
    assert.ok(message.length <= 1_150);
    publisher.acknowledge(messages, messages);
  }
  assert.ok(messages > 5);
});
