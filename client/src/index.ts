import { Receiver, type Received } from "./receiver.js";
import { Refused, Session } from "./session.js";

export { Refused };

export interface Options {
  /** What each request carries besides: a token, for instance. Asked for anew for each session. */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** Where there is none in the global scope: in Node, that of a package such as node-datachannel. */
  RTCPeerConnection?: typeof RTCPeerConnection;
  /** Is told of each change. */
  onstate?: (state: State) => void;
}

/** `failed` is final; after `lost` the link comes back by itself. */
export type State = "connecting" | "open" | "lost" | "failed" | "closed";

export interface Wanted {
  /** These keys alone; all without it. */
  keys?: string[];
  /** How many values of a key a second, at most. */
  maxRate?: number;
}

/** A key's new value. */
export interface Value {
  key: string;
  /** As text; `bytes` has what came. Undefined, both, where the key was removed. */
  value: string | undefined;
  bytes: Uint8Array | undefined;
  /** Counts the topic's changes. */
  version: number;
  /** How old the value was when it came, in milliseconds, less the time on the way. */
  age: number;
  /** Whether it was there before the subscription. */
  isSnapshot: boolean;
}

/** The longest wait before another session is tried, in milliseconds. */
const LONGEST_WAIT = 30_000;

/** Connects to the server whose router is at `url`: `/`, or the path below which it is. */
export function connect(url = "/", options: Options = {}): Tickwire {
  return new Tickwire(url.replace(/\/$/, ""), options);
}

/** A link to a server, which comes back by itself, with all its subscriptions. */
export class Tickwire {
  state: State = "connecting";
  /** Why it has failed, or could not be opened the last time. */
  cause: unknown;
  #session: Session | undefined;
  #receiver = new Receiver();
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
    const subscription = new Subscription(topic, wanted, () => {
      this.#subscriptions.delete(subscription);
      this.#byId.delete(subscription.id);
      this.#receiver.unsubscribe(subscription.id);
      this.#say({ type: "unsubscribe", id: subscription.id });
    });
    this.#subscriptions.add(subscription);
    if (this.state === "open") this.#begin(subscription);
    if (this.state === "failed" || this.state === "closed") subscription.fail(this.cause ?? new Error("the link is closed"));
    return subscription;
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
        onControl: (message) => this.#control(JSON.parse(message)),
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
    this.#say({ type: "subscribe", id, topic: subscription.topic, ...subscription.wanted });
  }

  #say(message: object) {
    if (this.state === "open") this.#session!.control.send(JSON.stringify(message));
  }

  #control(said: { type: string; id?: number; code?: string; message?: string }) {
    const subscription = this.#byId.get(said.id ?? 0);
    if (said.type === "complete") subscription?.completed();
    if (said.type === "refused" && subscription) {
      this.#subscriptions.delete(subscription);
      subscription.fail(new Refused(said.code ?? "", said.message ?? "", false, 0));
    }
  }

  #values(message: Uint8Array) {
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

/** What a topic's keys are, as they change. To be read once: `for await` gives each value, the newest alone of those that wait. */
export class Subscription implements AsyncIterable<Value> {
  /** The link's own. */
  id = 0;
  /** Is told of each value, in place of `for await`. */
  onvalue: ((value: Value) => void) | undefined;
  /** Is told when all that was there has come: after each time that the link has come back, too. */
  oncomplete: (() => void) | undefined;
  /** Resolves when all that was there at first has come. */
  readonly complete: Promise<void>;
  /** The newest value of each key that has one. */
  readonly values = new Map<string, Value>();
  readonly #waiting = new Map<string, Value>();
  /** Keys of which nothing was heard since the link came back. */
  #unheard = new Set<string>();
  #wake: (() => void) | undefined;
  #cause: unknown;
  #isOver = false;
  #resolve!: () => void;
  #reject!: (cause: unknown) => void;

  constructor(
    readonly topic: string,
    readonly wanted: Wanted,
    readonly end: () => void,
  ) {
    this.complete = new Promise((resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]));
    // Who does not wait for it does not want to hear of its failure here.
    this.complete.catch(() => {});
  }

  /** Ends it. */
  close() {
    if (this.#isOver) return;
    this.end();
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
        if (!this.#waiting.size) await new Promise<void>((wake) => (this.#wake = wake));
      }
      if (this.#cause) throw this.#cause;
    } finally {
      this.close();
    }
  }

  /** The link's: a value has come. */
  take({ key, version, age, isSnapshot, value }: Received) {
    this.#unheard.delete(key);
    const text = value && new TextDecoder().decode(value);
    this.#tell({ key, value: text, bytes: value, version, age, isSnapshot });
  }

  /** The link's: it has come back, and all that is there comes again. */
  restarted() {
    this.#unheard = new Set(this.values.keys());
  }

  /** The link's: all that is there has come. */
  completed() {
    // What has not come again was removed meanwhile.
    for (const key of this.#unheard) {
      this.#tell({ key, value: undefined, bytes: undefined, version: this.values.get(key)!.version, age: 0, isSnapshot: true });
    }
    this.#unheard.clear();
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

  #tell(value: Value) {
    const before = this.values.get(value.key);
    // After the link has come back, what has not changed comes again.
    const isAsBefore = before?.version === value.version && before.value === value.value;
    if (value.bytes) this.values.set(value.key, value);
    else this.values.delete(value.key);
    if (isAsBefore) return;
    if (this.onvalue) return this.onvalue(value);
    this.#waiting.delete(value.key);
    this.#waiting.set(value.key, value);
    this.#wake?.();
    this.#wake = undefined;
  }
}
