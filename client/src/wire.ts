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
  /** Undefined where the key was removed. */
  value?: Uint8Array;
}

export interface Packet {
  number: number;
  entries: Entry[];
}

/** From and to which number packets have come. */
export type Range = [first: number, last: number];

const PACKET = 0;
const ACKNOWLEDGEMENT = 1;
const REMOVED = 1;
const NAMED = 2;
const SNAPSHOT = 4;

/** Reads a packet. Throws a `RangeError` for what is none. */
export function readPacket(message: Uint8Array): Packet {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  // What is read beyond the end throws.
  const byte = () => view.getUint8(at++);
  const number = () => {
    const length = 1 << (view.getUint8(at) >> 6);
    const value =
      length === 1
        ? view.getUint8(at)
        : length === 2
          ? view.getUint16(at) & 0x3fff
          : length === 4
            ? view.getUint32(at) & 0x3fffffff
            : Number(view.getBigUint64(at) & 0x3fffffffffffffffn);
    at += length;
    return value;
  };
  const bytes = () => {
    const length = number();
    if (length > message.length - at) throw new RangeError("the packet ends too early");
    return message.slice(at, (at += length));
  };
  if (byte() !== PACKET) throw new RangeError("the message is no packet");
  const packet: Packet = { number: number(), entries: [] };
  while (at < message.length) {
    const flags = byte();
    if (flags > 7) throw new RangeError("an entry has flags that are not known");
    const entry: Entry = {
      subscription: number(),
      alias: number(),
      ...(flags & NAMED && { name: new TextDecoder().decode(bytes()) }),
      version: number(),
      age: number(),
      isSnapshot: (flags & SNAPSHOT) !== 0,
    };
    if (!(flags & REMOVED)) entry.value = bytes();
    packet.entries.push(entry);
  }
  return packet;
}

/** Writes that these packets have come, the highest range first; the highest was held so many microseconds. */
export function writeAcknowledgement(ranges: Range[], held: number): Uint8Array<ArrayBuffer> {
  const bytes = [ACKNOWLEDGEMENT];
  const number = (value: number) => {
    const size = value < 0x40 ? 0 : value < 0x4000 ? 1 : value < 0x40000000 ? 2 : 3;
    let rest = BigInt(value) | (BigInt(size) << BigInt(8 * 2 ** size - 2));
    const at = bytes.length;
    for (let count = 2 ** size; count > 0; count--, rest >>= 8n) bytes.splice(at, 0, Number(rest & 0xffn));
  };
  let below: number | undefined;
  for (const [first, last] of ranges) {
    number(below === undefined ? last : below - last - 2);
    if (below === undefined) number(held);
    number(last - first);
    below = first;
  }
  return new Uint8Array(bytes);
}
