import { readPacket, writeAcknowledgement, type Entry, type Range } from "./wire.js";

/** A key has another value, or none any more. */
export interface Received {
  key: string;
  version: number;
  /** How long ago it had changed when the packet left, in milliseconds. */
  age: number;
  isSnapshot: boolean;
  /** Whether it counts by itself, and takes no other value's place. */
  isEvent: boolean;
  contentType?: string;
  by?: string;
  /** Undefined where the key was removed. */
  value: Uint8Array | undefined;
}

/** How long an acknowledgement may wait, in milliseconds. */
const MAX_HELD = 25;
/** The most ranges of an acknowledgement. */
const MAX_RANGES = 32;
/** How many packets a sender remembers: what is older has been sent again. */
const MAX_PACKETS = 1024;
/** For how many packets it is remembered which values have come that count by themselves. */
const EVENT_PACKETS = 4 * MAX_PACKETS;

interface Newest {
  version: number;
  alias: number;
  /** The packet that told that the key is gone. */
  gone?: number;
}

/** What is known of a subscription's keys. */
class Keys {
  constructor(readonly tell: (received: Received) => void) {}

  /** Which key an alias is, if it is one's, and since which version. */
  readonly aliases = new Map<number, { key?: string; since: number }>();
  readonly newest = new Map<string, Newest>();
  /** Keys that have none any more, so that nothing late brings them back. */
  readonly gone: [packet: number, key: string][] = [];
  /** The versions of values that count by themselves and have come, and the packet that brought each. */
  readonly events = new Map<number, number>();

  take(packet: number, entry: Entry) {
    const { alias, name, version, value } = entry;
    if (entry.isEvent) {
      // What was taken for lost comes twice.
      if (name === undefined || !value || this.events.has(version)) return;
      this.events.set(version, packet);
      return this.tell({ ...entry, key: name, value });
    }
    const known = this.aliases.get(alias);
    // What the alias was before.
    if (known && known.since > version) return;
    const free = () => {
      this.aliases.set(alias, { since: version });
      const newest = known?.key === undefined ? undefined : this.newest.get(known.key);
      if (newest?.alias !== alias || newest.gone !== undefined) return;
      newest.gone = packet;
      this.gone.push([packet, known!.key!]);
      this.tell({ ...entry, key: known!.key!, version: newest.version, contentType: undefined, by: undefined, value: undefined });
    };
    if (!value) return free();
    const key = name ?? known?.key;
    if (key === undefined) return;
    if (name !== undefined) {
      // Another key's until now: that one has been removed.
      if (known?.key !== name) free();
      this.aliases.set(alias, { key, since: version });
    }
    const newest = this.newest.get(key);
    if (newest && newest.version >= version) return;
    this.newest.set(key, { version, alias });
    this.tell({ ...entry, key, value });
  }

  forget(largest: number) {
    for (const [version, packet] of this.events) {
      if (packet + EVENT_PACKETS > largest) break;
      this.events.delete(version);
    }
    while (this.gone[0] && this.gone[0][0] + MAX_PACKETS <= largest) {
      const [packet, key] = this.gone.shift()!;
      if (this.newest.get(key)?.gone === packet) this.newest.delete(key);
    }
  }
}

/** The reader's side of what tickwire-values has for the server: packets in, acknowledgements out. No clock. */
export class Receiver {
  readonly #subscriptions = new Map<number, Keys>();
  #ranges: Range[] = [];
  #largestAt = 0;
  #waiting = 0;
  /** When an acknowledgement is due, in milliseconds. */
  acknowledgeAt: number | undefined;

  /** Tells of what is new of a subscription. */
  subscribe(id: number, tell: (received: Received) => void) {
    this.#subscriptions.set(id, new Keys(tell));
  }

  unsubscribe(id: number) {
    this.#subscriptions.delete(id);
  }

  /** Takes in a packet; tells what is new by it. Throws for what is none. */
  handle(now: number, message: Uint8Array) {
    const packet = readPacket(message);
    if (!this.#came(now, packet.number)) return;
    for (const entry of packet.entries) this.#subscriptions.get(entry.subscription)?.take(packet.number, entry);
  }

  /** The acknowledgement that is due, if one is. */
  acknowledgement(now: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.acknowledgeAt === undefined || this.acknowledgeAt > now || !this.#ranges.length) return undefined;
    this.acknowledgeAt = undefined;
    this.#waiting = 0;
    return writeAcknowledgement(this.#ranges, Math.max(0, Math.round((now - this.#largestAt) * 1000)));
  }

  #came(now: number, number: number): boolean {
    const ranges = this.#ranges;
    const largest = ranges[0]?.[1] ?? number - 1;
    // At once for each second one, and for what is out of order (RFC 9000 section 13.2).
    const at = ++this.#waiting >= 2 || number !== largest + 1 ? now : now + MAX_HELD;
    this.acknowledgeAt = Math.min(this.acknowledgeAt ?? at, at);
    if (number + MAX_PACKETS <= largest || ranges.some(([first, last]) => first <= number && number <= last)) return false;
    ranges.push([number, number]);
    ranges.sort(([one], [other]) => other - one);
    for (let index = ranges.length - 1; index > 0; index--) {
      const [above, below] = [ranges[index - 1]!, ranges[index]!];
      if (below[1] + 1 !== above[0]) continue;
      above[0] = below[0];
      ranges.splice(index, 1);
    }
    if (ranges.length > MAX_RANGES && ranges.pop()![0] === number) return false;
    if (number > largest) {
      this.#largestAt = now;
      for (const keys of this.#subscriptions.values()) keys.forget(number);
    }
    return true;
  }
}
