import type { Received } from "./receiver.js";
import type { LogEntry } from "./wire.js";

export interface Wanted {
  /** These keys alone; all without it. */
  keys?: string[];
  /** How many values of a key a second, at most; of topics of the newest values. */
  maxRate?: number;
  /** Of a log, what follows this position: `subscription.position` of an earlier one. */
  after?: Position;
}

/** A place in a log. */
export interface Position {
  epoch: number;
  position: number;
}

/** A key's new value. */
export interface Value {
  key: string;
  /** As text; `bytes` has what came. Undefined, both, where the key was removed. */
  value: string | undefined;
  bytes: Uint8Array | undefined;
  /** Its media type, such as `image/png`, where its producer has said it. */
  type: string | undefined;
  /** What the client is called that has put it, if it was one: `tick.you` of that client. The server says so. */
  by: string | undefined;
  /** Counts the topic's changes; in a log, the position. */
  version: number;
  /** How old the value was when it came, in milliseconds, less the time on the way. */
  age: number;
  /** Whether it was there before the subscription. */
  isSnapshot: boolean;
  /** Of a log: whether entries before it are gone, which would have been for this reader. */
  isAfterGap: boolean;
}

/** From how many on of those that wait to be read a log rests, and the oldest of a deadline go. */
const MOST_ENTRIES = 1_000;
const MOST_EVENTS = 10_000;
/** What a subscription asks of its link. */
interface Asked {
  /** Nothing more of it, for now. */
  rest(): void;
  /** On with it. */
  begin(): void;
  /** No more of it. */
  end(): void;
}

/** Where the link moves from one session to another: which of the two something comes from. */
export type From = "old" | "new" | undefined;

/** What tells a value, or that there is none, from a key's others: in latin1 each byte is a character. */
const nameOf = ({ key, type, bytes }: Partial<Value>) => `${key}\0${type}\0${bytes && "=" + new TextDecoder("latin1").decode(bytes)}`;

function makeRoom(map: Map<unknown, unknown>) {
  if (map.size >= MOST_EVENTS) for (const oldest of map.keys()) if (map.delete(oldest)) break;
}

/**
 * What a topic's keys are, as they change. To be read once: `for await` gives each value; of the newest values that
 * wait, that of each key alone.
 */
export class Subscription implements AsyncIterable<Value> {
  /** Is told of each value, in place of `for await`. */
  onvalue: ((value: Value) => void) | undefined;
  /** Is told when all that was there has come: after each time that the link has come back or moved, too. */
  oncomplete: (() => void) | undefined;
  /** Resolves when all that was there at first has come. */
  readonly complete: Promise<void>;
  /** The newest value of each key that has one, of a topic of the newest values. */
  readonly values = new Map<string, Value>();
  /** Of a log, how far it has been received. */
  position: Position | undefined;
  /** The link's: whether it is to be brought no more before what waits has been read. */
  isResting = false;
  /** By key; those that count each by itself by a number. */
  readonly #waiting = new Map<string | number, Value>();
  #events = 0;
  /** Of which keys the session that began last has told, until it is known which it does not have. */
  #heard: Set<string> | undefined;
  /** What that session has told that the one before had told earlier. */
  #behind = new Map<string, Value>();
  /**
   * While the link moves, by `nameOf`: what keys were before, as the old session has told; of values that count each by
   * itself, how often that has told of one more than the new session.
   */
  #told: Map<string, number> | undefined;
  #wake: (() => void) | undefined;
  #cause: unknown;
  #isOver = false;
  #isComplete = false;
  #isAfterGap = false;
  #resolve!: () => void;
  #reject!: (cause: unknown) => void;

  constructor(
    readonly topic: string,
    readonly wanted: Wanted,
    readonly link: Asked,
  ) {
    this.complete = new Promise((resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]));
    // Who does not wait for it does not want to hear of its failure here.
    this.complete.catch(() => {});
  }

  /** Ends it. */
  close() {
    if (this.#isOver) return;
    this.link.end();
    this.fail(undefined);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Value> {
    try {
      for (;;) {
        for (const [key, value] of this.#waiting) {
          this.#waiting.delete(key);
          yield value;
        }
        if (this.#isOver) break;
        if (this.isResting) {
          this.isResting = false;
          this.link.begin();
        }
        if (!this.#waiting.size) await new Promise<void>((wake) => (this.#wake = wake));
      }
      if (this.#cause) throw this.#cause;
    } finally {
      this.close();
    }
  }

  /** The link's: a value has come. */
  take(received: Received, from?: From) {
    const it = this.#value(received);
    const isNew = from === "new";
    if (received.isEvent) {
      const one = isNew ? -1 : 1;
      // The other session has told of it.
      if (this.#count(it, one) * one < 0) return;
      makeRoom(this.#waiting);
      return this.#tell(this.#events++, it);
    }
    const { key } = it;
    const isFirst = this.#heard?.has(key) === false;
    // A key is the new session's from when that tells of it, unless it tells what the old one told earlier: then it
    // is behind, and the key stays the old one's, or as it is until the link has moved.
    if (from === "old" && !isFirst) return;
    if (isNew && isFirst && this.#told!.has(nameOf(it)) && !this.#is(it)) return void this.#behind.set(key, it);
    if (from !== "old") {
      this.#heard?.add(key);
      this.#behind.delete(key);
    }
    if (!isNew && this.#told && !this.#is(it)) this.#count(this.values.get(key) ?? { key }, 1);
    this.#set(it, isFirst && (isNew || it.isSnapshot));
  }

  /** The link's: what follows is after this position of the log. */
  log({ epoch, position }: Position, isGap: boolean) {
    this.position = { epoch, position };
    this.#isAfterGap ||= isGap;
  }

  /** The link's: an entry of the log has come. */
  entry(entry: LogEntry) {
    if (!this.position || this.isResting) return;
    const version = (this.position.position = entry.position);
    this.#tell(this.#events++, this.#value({ ...entry, version, isSnapshot: !this.#isComplete }));
    this.#isAfterGap = false;
    // Who reads slowly has it brought when it is read, from where it was.
    if (this.#waiting.size >= MOST_ENTRIES) {
      this.isResting = true;
      this.link.rest();
    }
  }

  /** The link's: another session is being opened, while the present one goes on. */
  watch() {
    this.#told ??= new Map();
  }

  /** The link's: a session begins, in which all that is there comes again; beside the one before, or in its place. */
  restarted(isMove = false) {
    this.#heard = new Set();
    this.#behind = new Map();
    if (isMove) this.watch();
    else this.#told = undefined;
  }

  /** The link's: there is one session at most, and no other beside it; and whether all that is there has come in that. */
  settle(hasAll: boolean) {
    this.#told = undefined;
    if (hasAll) this.#compare();
  }

  /** The link's: all that is there has come. */
  completed() {
    if (!this.#told) this.#compare();
    this.#isComplete = true;
    this.#resolve();
    this.oncomplete?.();
  }

  /** The link's: it has ended, and why if not by itself. */
  fail(cause: unknown) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cause = cause;
    this.#reject(cause ?? new Error("the subscription is closed"));
    this.#wake?.();
  }

  /** What has not come again was removed meanwhile, and what seemed to be behind is as it is. */
  #compare() {
    const { values } = this;
    for (const key of this.#heard ? [...values.keys(), ...this.#behind.keys()] : []) {
      if (this.#heard!.has(key)) continue;
      this.#heard!.add(key);
      this.#set(this.#behind.get(key) ?? this.#value({ ...values.get(key)!, value: undefined, age: 0, isSnapshot: true, by: undefined }), true);
    }
    this.#heard = undefined;
  }

  /** While the link moves, counts that something was told, and returns how often it was before. */
  #count(it: Partial<Value>, one: number): number {
    const told = this.#told;
    if (!told) return 0;
    const name = nameOf(it);
    const count = told.get(name) ?? 0;
    makeRoom(told);
    told.set(name, count + one);
    return count;
  }

  /** Whether it is what its key has. */
  #is(it: Value): boolean {
    return nameOf(this.values.get(it.key) ?? { key: it.key }) === nameOf(it);
  }

  #value({ key, value: bytes, version, age, isSnapshot, contentType: type, by }: Omit<Received, "isEvent">): Value {
    const value = bytes && new TextDecoder().decode(bytes);
    return { key, value, bytes, type, by, version, age, isSnapshot, isAfterGap: this.#isAfterGap };
  }

  /** It is its key's newest. Where it comes again, its version may be another server's. */
  #set(it: Value, isAgain: boolean) {
    const { key, bytes, version } = it;
    const isKnown = (isAgain || this.values.get(key)?.version === version) && this.#is(it);
    if (bytes) this.values.set(key, it);
    else this.values.delete(key);
    if (!isKnown) this.#tell(key, it);
  }

  #tell(place: string | number, value: Value) {
    if (this.onvalue) return this.onvalue(value);
    this.#waiting.delete(place);
    this.#waiting.set(place, value);
    this.#wake?.();
    this.#wake = undefined;
  }
}
