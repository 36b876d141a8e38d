import { Publisher } from "./publisher.js";
import { Receiver, type Received } from "./receiver.js";
import { Refused, Session } from "./session.js";
import { ACKNOWLEDGEMENT, readAcknowledged, readLogEntry, type LogEntry } from "./wire.js";

export { Refused };

export interface Options {
  /** What each request carries besides: a token, for instance. Asked for anew for each session. */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** Where there is none in the global scope: in Node, that of a package such as node-datachannel. */
  RTCPeerConnection?: typeof RTCPeerConnection;
  /** Is told of each change. */
  onstate?: (state: State) => void;
  /** Is told why something that was put is not taken. */
  onrefused?: (cause: Refused) => void;
}

/** `failed` is final; after `lost` the link comes back by itself. */
export type State = "connecting" | "open" | "lost" | "failed" | "closed";

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

/** The longest wait before another session is tried, in milliseconds. */
const LONGEST_WAIT = 30_000;

/** Connects to the server whose router is at `url`: `/`, or the path below which it is. */
export function connect(url = "/", options: Options = {}): Tickwire {
  return new Tickwire(url.replace(/\/$/, ""), options);
}

/** A link to a server, which comes back by itself, with all its subscriptions. */
export class Tickwire {
  state: State = "connecting";
  /** What this client is called in the present session, where others are told of it; once it has subscribed. */
  you = "";
  /** Why it has failed, or could not be opened the last time. */
  cause: unknown;
  #session: Session | undefined;
  #receiver = new Receiver();
  readonly #publisher = new Publisher();
  #publishing: ReturnType<typeof setTimeout> | undefined;
  readonly #adding = new Map<number, [resolve: () => void, reject: (cause: unknown) => void]>();
  readonly #subscriptions = new Set<Subscription>();
  #byId = new Map<number, Subscription>();
  #nextId = 1;
  #tries = 0;
  #acknowledging: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners: [string, (event: any) => void][] = [
    ["online", () => (this.state === "lost" ? void this.#open() : void this.#session?.restart())],
    // A page that is left closes its session at once; one that comes back from the browser's cache opens another.
    ["pagehide", () => this.#leave()],
    ["pageshow", ({ persisted }) => persisted && void this.#open()],
  ];

  constructor(
    readonly server: string,
    readonly options: Options,
  ) {
    for (const [event, listener] of this.#listeners) globalThis.addEventListener?.(event, listener);
    void this.#open();
  }

  /** Subscribes to a topic: what is there, and each change from then on, over every session, until it is closed. */
  subscribe(topic: string, wanted: Wanted = {}): Subscription {
    const rest = () => {
      this.#byId.delete(subscription.id);
      this.#receiver.unsubscribe(subscription.id);
      this.#say({ type: "unsubscribe", id: subscription.id });
    };
    const subscription = new Subscription(topic, wanted, {
      rest,
      begin: () => this.state === "open" && this.#begin(subscription),
      end: () => {
        this.#subscriptions.delete(subscription);
        rest();
      },
    });
    this.#subscriptions.add(subscription);
    if (this.state === "open") this.#begin(subscription);
    if (this.state === "failed" || this.state === "closed") subscription.fail(this.cause ?? new Error("the link is closed"));
    return subscription;
  }

  /**
   * Puts a key's value into a topic of the newest values: text, bytes, or anything that is then JSON; `undefined`
   * removes the key. The newest comes to the server whatever is lost, over other sessions too.
   */
  put(topic: string, key: string, value: unknown) {
    this.#publisher.put(topic, key, value);
    this.#publish();
  }

  /** Adds text to a log, or another topic. Resolves when the server has taken it, and rejects where it is not known to. */
  add(topic: string, key: string, value: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.state !== "open") return reject(new Error("the link is not open"));
      const id = this.#nextId++;
      this.#adding.set(id, [resolve, reject]);
      this.#say({ type: "publish", id, topic, key, value });
    });
  }

  #publish() {
    clearTimeout(this.#publishing);
    if (this.state !== "open") return;
    const now = performance.now();
    const message = this.#publisher.poll(now);
    if (message) this.#session!.values.send(message);
    const at = this.#publisher.timeout();
    if (at) this.#publishing = setTimeout(() => this.#publish(), at - now + 1);
  }

  /** Ends it, on the server too, and all subscriptions. */
  close() {
    this.#set("closed");
    for (const [event, listener] of this.#listeners) globalThis.removeEventListener?.(event, listener);
    this.#leave();
    for (const subscription of [...this.#subscriptions]) subscription.close();
  }

  #leave() {
    this.#set("lost");
    clearTimeout(this.#again);
    clearTimeout(this.#acknowledging);
    this.#session?.end();
  }

  #set(state: State) {
    if (this.state === state || this.state === "closed" || this.state === "failed") return;
    this.state = state;
    for (const [, reject] of this.#adding.values()) reject(new Error("the link was lost before the server has answered"));
    this.#adding.clear();
    this.options.onstate?.(state);
  }

  async #open() {
    clearTimeout(this.#again);
    if (this.state === "closed" || this.state === "failed") return;
    this.#set("connecting");
    let session: Session | undefined;
    try {
      const Peer = this.options.RTCPeerConnection ?? globalThis.RTCPeerConnection;
      if (!Peer) throw new Refused("no-webrtc", "There is no RTCPeerConnection here: hand one over in the options.", false, 0);
      const headers = (await this.options.headers?.()) ?? {};
      session = new Session(this.server, Peer, headers, {
        onOpen: () => this.#opened(),
        onLost: () => session === this.#session && this.#lost(),
        onControl: (message) => {
          if (typeof message === "string") return this.#control(JSON.parse(message));
          const entry = readLogEntry(message);
          this.#byId.get(entry.subscription)?.entry(entry);
        },
        onValues: (message) => this.#values(message),
      });
      this.#session = session;
      await session.open();
    } catch (cause) {
      // It was lost or left meanwhile, and that has been dealt with.
      if (session?.isOver) return;
      this.cause = cause;
      session?.end();
      if (cause instanceof Refused && !cause.isPassing) {
        this.#set("failed");
        for (const subscription of this.#subscriptions) subscription.fail(cause);
      } else this.#lost(cause instanceof Refused ? cause.retryAfter : 0);
    }
  }

  #opened() {
    this.#tries = 0;
    this.#receiver = new Receiver();
    this.#byId = new Map();
    this.#set("open");
    for (const subscription of this.#subscriptions) this.#begin(subscription);
    this.#publisher.restart();
    this.#publish();
  }

  #lost(atLeast = 0) {
    this.#set("lost");
    // Full jitter: those of a server that was started again do not come back at once.
    const longest = Math.min(LONGEST_WAIT, 500 * 2 ** this.#tries++);
    this.#again = setTimeout(() => void this.#open(), Math.max(atLeast, Math.random() * longest));
  }

  #begin(subscription: Subscription) {
    const id = (subscription.id = this.#nextId++);
    this.#byId.set(id, subscription);
    this.#receiver.subscribe(id);
    subscription.restarted();
    const { topic, wanted, position: after = wanted.after } = subscription;
    this.#say({ type: "subscribe", id, topic, ...wanted, after });
  }

  #say(message: object) {
    if (this.state === "open") this.#session!.control.send(JSON.stringify(message));
  }

  #control(said: { type: string; you: string; id?: number; code?: string; message?: string } & Position & { gap: boolean }) {
    const subscription = this.#byId.get(said.id ?? 0);
    if (said.type === "log") subscription?.log(said, said.gap);
    if (said.type === "hello") this.you = said.you;
    if (said.type === "complete") subscription?.completed();
    const [resolve, reject] = this.#adding.get(said.id ?? 0) ?? [];
    if (said.type === "published") resolve?.();
    if (said.type !== "refused") return;
    const cause = new Refused(said.code ?? "", said.message ?? "", false, 0);
    if (subscription) {
      this.#subscriptions.delete(subscription);
      subscription.fail(cause);
    } else (reject ?? this.options.onrefused)?.(cause);
  }

  #values(message: Uint8Array) {
    if (message[0] === ACKNOWLEDGEMENT) {
      this.#publisher.acknowledge(performance.now(), readAcknowledged(message));
      return this.#publish();
    }
    this.#receiver.handle(performance.now(), message, (received) => this.#byId.get(received.subscription)?.take(received));
    const at = this.#receiver.acknowledgeAt;
    if (at === undefined) return;
    const acknowledge = () => {
      this.#acknowledging = undefined;
      const acknowledgement = this.#receiver.acknowledgement(performance.now() + 1);
      const values = this.#session?.values;
      if (acknowledgement && values?.readyState === "open") values.send(acknowledgement);
    };
    const wait = at - performance.now();
    if (wait <= 0) {
      clearTimeout(this.#acknowledging);
      acknowledge();
    } else this.#acknowledging ??= setTimeout(acknowledge, wait);
  }
}

/** What a subscription asks of its link. */
interface Asked {
  /** Nothing more of it, for now. */
  rest(): void;
  /** On with it. */
  begin(): void;
  /** No more of it. */
  end(): void;
}

/**
 * What a topic's keys are, as they change. To be read once: `for await` gives each value; of the newest values that
 * wait, that of each key alone.
 */
export class Subscription implements AsyncIterable<Value> {
  /** The link's own. */
  id = 0;
  /** Is told of each value, in place of `for await`. */
  onvalue: ((value: Value) => void) | undefined;
  /** Is told when all that was there has come: after each time that the link has come back, too. */
  oncomplete: (() => void) | undefined;
  /** Resolves when all that was there at first has come. */
  readonly complete: Promise<void>;
  /** The newest value of each key that has one, of a topic of the newest values. */
  readonly values = new Map<string, Value>();
  /** Of a log, how far it has been received. */
  position: Position | undefined;
  /** By key; those that count each by itself by version. */
  readonly #waiting = new Map<string | number, Value>();
  /** Keys of which nothing was heard since the link came back. */
  #unheard = new Set<string>();
  #wake: (() => void) | undefined;
  #cause: unknown;
  #isOver = false;
  #isComplete = false;
  #isResting = false;
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
        if (this.#isResting) {
          this.#isResting = false;
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
  take({ key, version, age, isSnapshot, isEvent, value, contentType, by }: Received) {
    const it = this.#value(key, value, version, age, isSnapshot, contentType, by);
    if (isEvent) {
      if (this.#waiting.size >= MOST_EVENTS) for (const oldest of this.#waiting.keys()) if (this.#waiting.delete(oldest)) break;
      return this.#tell(version, it);
    }
    this.#unheard.delete(key);
    this.#set(it);
  }

  /** The link's: what follows is after this position of the log. */
  log({ epoch, position }: Position, isGap: boolean) {
    this.position = { epoch, position };
    this.#isAfterGap ||= isGap;
  }

  /** The link's: an entry of the log has come. */
  entry({ key, position, age, value, contentType, by }: LogEntry) {
    if (!this.position || this.#isResting) return;
    this.position.position = position;
    this.#tell(position, this.#value(key, value, position, age, !this.#isComplete, contentType, by));
    this.#isAfterGap = false;
    // Who reads slowly has it brought when it is read, from where it was.
    if (this.#waiting.size >= MOST_ENTRIES) {
      this.#isResting = true;
      this.link.rest();
    }
  }

  /** The link's: it has come back, and all that is there comes again. */
  restarted() {
    this.#unheard = new Set(this.values.keys());
  }

  /** The link's: all that is there has come. */
  completed() {
    // What has not come again was removed meanwhile.
    for (const key of this.#unheard) this.#set(this.#value(key, undefined, this.values.get(key)!.version, 0, true));
    this.#unheard.clear();
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

  #value(key: string, bytes: Uint8Array | undefined, version: number, age: number, isSnapshot: boolean, type?: string, by?: string): Value {
    const value = bytes && new TextDecoder().decode(bytes);
    return { key, value, bytes, type, by, version, age, isSnapshot, isAfterGap: this.#isAfterGap };
  }

  /** It is its key's newest. */
  #set(value: Value) {
    const before = this.values.get(value.key);
    // After the link has come back, what has not changed comes again.
    const isAsBefore = before?.version === value.version && before.value === value.value;
    if (value.bytes) this.values.set(value.key, value);
    else this.values.delete(value.key);
    if (!isAsBefore) this.#tell(value.key, value);
  }

  #tell(place: string | number, value: Value) {
    if (this.onvalue) return this.onvalue(value);
    this.#waiting.delete(place);
    this.#waiting.set(place, value);
    this.#wake?.();
    this.#wake = undefined;
  }
}
