import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readAcknowledged, readLogEntry, readPacket, writeAcknowledgement, writePublication } from "../dist/wire.js";

const vectors = JSON.parse(readFileSync(new URL("../../crates/wire/vectors/values.json", import.meta.url), "utf8"));
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));

test("packets are read as the server writes them", () => {
  for (const { hex, packet } of vectors.packets) {
    const entries = packet.entries.map(({ name, value, ...entry }) => ({
      ...entry,
      ...(name !== null && { name }),
      ...(value !== null && { value: bytes(value) }),
    }));
    assert.deepEqual(readPacket(bytes(hex)), { number: packet.number, entries });
  }
});

test("entries of logs are read as the server writes them", () => {
  for (const { hex, entry } of vectors.logEntries) {
    assert.deepEqual(readLogEntry(bytes(hex)), { ...entry, value: bytes(entry.value) });
  }
  assert.throws(() => readLogEntry(bytes("0201")), RangeError);
});

test("what is no packet is an error", () => {
  for (const hex of vectors.bad) assert.throws(() => readPacket(bytes(hex)), RangeError, hex);
});

test("acknowledgements are written as the server reads them", () => {
  for (const { hex, acknowledgement } of vectors.acknowledgements) {
    assert.deepEqual(writeAcknowledgement(acknowledgement.ranges, acknowledgement.held), bytes(hex));
  }
});

test("publications are written as the server reads them", () => {
  const text = (it) => new TextEncoder().encode(it);
  for (const { hex, publication } of vectors.publications) {
    const entries = publication.entries.map(({ topic, key, value }) => ({
      topic: text(topic),
      key: text(key),
      value: value === null ? undefined : bytes(value),
    }));
    assert.deepEqual(writePublication(publication.number, entries), bytes(hex));
  }
  assert.equal(readAcknowledged(writeAcknowledgement([[300, 300]], 0)), 300);
});
