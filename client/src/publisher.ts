import { writePublication, type Published } from "./wire.js";

/** How long a message may be, and how much of it is no value. */
const PACKET = 1_150;
const OVERHEAD = 16;
/** The longest topic or key, and value, in bytes; how many keys may wait. */
const MAX_NAME = 1_024;
const MAX_VALUE = 64_000;
const MAX_WAITING = 1_000;

const bytes = (text: string) => new TextEncoder().encode(text);

/** What tickwire-values has for a program: one message is under way, and newer values take the place of those that wait. */
export class Publisher {
  #next = 0;
  readonly #waiting = new Map<string, Published & { told?: number }>();
  #underWay: { number: number; at: number } | undefined;
  #roundTrip = 333;
  #tries = 0;

  put(topic: string, key: string, value: unknown) {
    const it = {
      topic: bytes(topic),
      key: bytes(key),
      value: value === undefined || value instanceof Uint8Array ? value : bytes(typeof value === "string" ? value : JSON.stringify(value)),
    };
    const name = topic + "\0" + key;
    if (Math.max(it.topic.length, it.key.length) > MAX_NAME || it.value!?.length > MAX_VALUE) {
      throw new RangeError(`a topic and a key have at most ${MAX_NAME} bytes, a value ${MAX_VALUE}`);
    }
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(name)) throw new RangeError(`${MAX_WAITING} keys wait to be published`);
    this.#waiting.set(name, it);
  }

  /** The next message, if there is one, and none is under way. */
  poll(now: number) {
    const at = this.timeout();
    if (!this.#waiting.size || (at && at > now)) return undefined;
    if (at) this.#tries++;
    const number = this.#next++;
    const entries: Published[] = [];
    let room = PACKET;
    for (const it of this.#waiting.values()) {
      room -= OVERHEAD + it.topic.length + it.key.length + (it.value?.length ?? 0);
      if (room < 0 && entries.length) break;
      it.told = number;
      entries.push(it);
    }
    this.#underWay = { number, at: now };
    return writePublication(number, entries);
  }

  /** Until when it is waited for an acknowledgement, in milliseconds. */
  timeout() {
    return this.#underWay && this.#underWay.at + Math.min(2_000, Math.max(50, 2 * this.#roundTrip) * 2 ** this.#tries);
  }

  /** Takes in that a publication has come. */
  acknowledge(now: number, number: number) {
    for (const [name, it] of this.#waiting) if (it.told === number) this.#waiting.delete(name);
    if (this.#underWay?.number !== number) return;
    this.#roundTrip = now - this.#underWay.at;
    this.#underWay = undefined;
    this.#tries = 0;
  }

  /** The session is another, in which all is published that was not acknowledged. */
  restart() {
    this.#underWay = undefined;
    for (const it of this.#waiting.values()) delete it.told;
  }
}
