/** What travels on the channel `values`: see crates/wire/src/values.rs. Numbers are QUIC's (RFC 9000 section 16). */

/** A key's value, or that it has none any more. */
export interface Entry {
  subscription: number;
  /** The key, by the number that it has in this subscription. */
  alias: number;
  /** The key itself, where the reader may not know yet. */
  name?: string;
  version: number;
  /** How long before the packet left it changed, in milliseconds. */
  age: number;
  isSnapshot: boolean;
  /** Whether it counts by itself. */
  isEvent: boolean;
  /** The value's media type, and what the client is called that has put it, where that is said. */
  contentType?: string;
  by?: string;
  /** Undefined where the key was removed. */
  value?: Uint8Array;
}

/** An entry of a log. */
export interface LogEntry {
  subscription: number;
  position: number;
  /** How long before the message left it was added, in milliseconds. */
  age: number;
  key: string;
  contentType?: string;
  by?: string;
  value: Uint8Array;
}

export interface Packet {
  number: number;
  entries: Entry[];
}

/** What is published. */
export interface Published {
  topic: Uint8Array;
  key: Uint8Array;
  /** Undefined where the key is to be removed. */
  value: Uint8Array | undefined;
}

/** From and to which number packets have come. */
export type Range = [first: number, last: number];

const PACKET = 0;
export const ACKNOWLEDGEMENT = 1;
export const LOG_ENTRY = 2;
const PUBLICATION = 3;
const OPEN = 4;
const RECEIVED = 8;
const REMOVED = 1;
const NAMED = 2;
const SNAPSHOT = 4;
const EVENT = 8;
const ABOUT = 16;

/** What is in a message, one after the other. What is read beyond its end throws a `RangeError`. */
function reading(message: Uint8Array, kind: number) {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const byte = () => view.getUint8(at++);
  const number = () => {
    const first = byte();
    let value = first & 0x3f;
    for (let rest = (1 << (first >> 6)) - 1; rest > 0; rest--) value = value * 256 + byte();
    return value;
  };
  const bytes = (length = number()) => {
    if (length > message.length - at) throw new RangeError("the message ends too early");
    return message.slice(at, (at += length));
  };
  const text = () => new TextDecoder().decode(bytes());
  /** What is said beside a value, where these flags say that something is. */
  const about = (flags: number) => {
    if (!(flags & ABOUT)) return {};
    const [contentType, by] = [text(), text()];
    return { ...(contentType && { contentType }), ...(by && { by }) };
  };
  if (byte() !== kind) throw new RangeError("the message is of another kind");
  return { byte, number, bytes, text, about, left: () => message.length - at };
}

/** Reads a packet. Throws a `RangeError` for what is none. */
export function readPacket(message: Uint8Array): Packet {
  const { byte, number, bytes, text, about, left } = reading(message, PACKET);
  const packet: Packet = { number: number(), entries: [] };
  while (left()) {
    const flags = byte();
    if (flags > 31) throw new RangeError("an entry has flags that are not known");
    const entry: Entry = {
      subscription: number(),
      alias: number(),
      ...(flags & NAMED && { name: text() }),
      version: number(),
      age: number(),
      isSnapshot: (flags & SNAPSHOT) !== 0,
      isEvent: (flags & EVENT) !== 0,
      ...about(flags),
    };
    if (!(flags & REMOVED)) entry.value = bytes();
    packet.entries.push(entry);
  }
  return packet;
}

/** Reads an entry of a log. Throws a `RangeError` for what is none. */
export function readLogEntry(message: Uint8Array): LogEntry {
  const { byte, number, text, about, bytes, left } = reading(message, LOG_ENTRY);
  const flags = byte();
  return { subscription: number(), position: number(), age: number(), key: text(), ...about(flags), value: bytes(left()) };
}

/** A message that is being written. */
function writing(kind: number) {
  const bytes = [kind];
  const number = (value: number) => {
    let size = 0;
    while (value >= 2 ** (8 * 2 ** size - 2)) size++;
    const at = bytes.length;
    for (let place = 2 ** size - 1; place >= 0; place--) bytes.push(Math.floor(value / 256 ** place) % 256);
    bytes[at]! |= size << 6;
  };
  const block = (content: Uint8Array) => {
    number(content.length);
    for (const byte of content) bytes.push(byte);
  };
  return { bytes, number, block };
}

/** Writes that these packets have come, the highest range first; the highest was held so many microseconds. */
export function writeAcknowledgement(ranges: Range[], held: number): Uint8Array<ArrayBuffer> {
  const { bytes, number } = writing(ACKNOWLEDGEMENT);
  let below: number | undefined;
  for (const [first, last] of ranges) {
    number(below === undefined ? last : below - last - 2);
    if (below === undefined) number(held);
    number(last - first);
    below = first;
  }
  return new Uint8Array(bytes);
}

/** Reads which publication has come: the server tells of each by itself. */
export function readAcknowledged(message: Uint8Array): number {
  return reading(message, ACKNOWLEDGEMENT).number();
}

/** Writes what is published. */
export function writePublication(count: number, entries: Published[]): Uint8Array<ArrayBuffer> {
  const { bytes, number, block } = writing(PUBLICATION);
  number(count);
  for (const { topic, key, value } of entries) {
    bytes.push(value ? 0 : REMOVED);
    block(topic);
    block(key);
    if (value) block(value);
  }
  return new Uint8Array(bytes);
}

/** Writes that a channel of this label is wanted, on a WebSocket. */
export function writeOpen(id: number, label: string): Uint8Array<ArrayBuffer> {
  const { bytes, number, block } = writing(OPEN);
  number(id);
  block(new TextEncoder().encode(label));
  number(0);
  return new Uint8Array(bytes);
}

/** Writes how many messages have come by WebSocket that are not of `values`. */
export function writeReceived(count: number): Uint8Array<ArrayBuffer> {
  const { bytes, number } = writing(RECEIVED);
  number(count);
  return new Uint8Array(bytes);
}
