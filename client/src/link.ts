import { Publisher } from "./publisher.js";
import { Reading } from "./reading.js";
import { Refused } from "./session.js";
import { Subscription, type Wanted } from "./subscription.js";

export interface Options {
  /** The token that the server asks for, as `Authorization: Bearer`. Asked for anew for each session, and before it ends. */
  token?: () => string | Promise<string>;
  /** What each request carries besides. Asked for anew for each session. */
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

const EVENTS = ["online", "pagehide", "pageshow"];
/** The longest wait before another session is tried, in milliseconds. */
const LONGEST_WAIT = 30_000;
/** How long at most a session goes on beside the one that takes its place; and how long when all is there. */
const MOVE_LIMIT = 5_000;
const MOVE_REST = 500;

/** A link to a server, which comes back by itself, with all its subscriptions. */
export class Tickwire {
  state: State = "connecting";
  /** What this client is called in the present session, where others are told of it; once it has subscribed. */
  you = "";
  /** Why it has failed, or could not be opened the last time. */
  cause: unknown;
  /** The session that is open, and after it the one in whose place it comes, while the link moves. */
  #sessions: Reading[] = [];
  /** The one that is being opened. */
  #next: Reading | undefined;
  readonly #publisher = new Publisher();
  readonly #subscriptions = new Set<Subscription>();
  #tries = 0;
  /** Whether a token was refused, and another is tried. */
  #isSecondToken = false;
  #publishing: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #moving: ReturnType<typeof setTimeout> | undefined;
  readonly #listener = ({ type, persisted }: any) => {
    // A page that is left closes its session at once; one that comes back from the browser's cache opens another.
    if (type === "pagehide") this.#leave();
    else if (persisted || (type === "online" && this.state === "lost")) void this.#open();
    else if (type === "online") for (const it of this.#sessions) void it.restart();
  };

  constructor(
    readonly server: string,
    readonly options: Options,
  ) {
    for (const event of EVENTS) globalThis.addEventListener?.(event, this.#listener);
    void this.#open();
  }

  /** Subscribes to a topic: what is there, and each change from then on, over every session, until it is closed. */
  subscribe(topic: string, wanted: Wanted = {}): Subscription {
    const rest = () => {
      for (const it of this.#sessions) it.rest(subscription);
      this.#look();
    };
    const begin = () => {
      if (subscription.isResting) return;
      const [present, old] = this.#sessions;
      // All of a log that follows comes from the new session.
      if (subscription.position) old?.rest(subscription);
      present?.begin(subscription, !!old);
    };
    const subscription = new Subscription(topic, wanted, {
      rest,
      begin,
      end: () => {
        this.#subscriptions.delete(subscription);
        rest();
      },
    });
    this.#subscriptions.add(subscription);
    begin();
    if (this.#isOver) subscription.fail(this.cause ?? new Error("the link is closed"));
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
  async add(topic: string, key: string, value: string): Promise<void> {
    const [present] = this.#sessions;
    if (!present) throw new Error("the link is not open");
    return present.add(topic, key, value);
  }

  #publish() {
    clearTimeout(this.#publishing);
    const [present] = this.#sessions;
    if (!present) return;
    const now = performance.now();
    const message = this.#publisher.poll(now);
    if (message) present.values.send(message);
    const at = this.#publisher.timeout();
    if (at) this.#publishing = setTimeout(() => this.#publish(), at - now + 1);
  }

  /** Ends it, on the server too, and all subscriptions. */
  close() {
    this.#set("closed");
    for (const event of EVENTS) globalThis.removeEventListener?.(event, this.#listener);
    this.#leave();
    for (const subscription of [...this.#subscriptions]) subscription.close();
  }

  #leave() {
    clearTimeout(this.#again);
    clearTimeout(this.#moving);
    for (const it of [this.#next, ...this.#sessions.splice(0)]) it?.end();
    this.#next = this.#again = undefined;
    this.#set("lost");
  }

  get #isOver() {
    return this.state === "closed" || this.state === "failed";
  }

  #set(state: State) {
    if (this.state === state || this.#isOver) return;
    this.state = state;
    this.options.onstate?.(state);
  }

  /** Opens a session: the first, or one that takes the present one's place. */
  async #open(): Promise<void> {
    clearTimeout(this.#again);
    this.#again = undefined;
    if (this.#next || this.#isOver) return;
    if (!this.#sessions.length) this.#set("connecting");
    else for (const subscription of this.#subscriptions) subscription.watch();
    const next: Reading = (this.#next = new Reading(this.server, this.options, {
      opened: () => this.#opened(next),
      lost: () => this.#lost(next),
      from: () => this.#sessions[1] && (next === this.#sessions[0] ? "new" : "old"),
      look: () => this.#look(next),
      acknowledged: (number) => {
        this.#publisher.acknowledge(performance.now(), number);
        this.#publish();
      },
      refused: (cause, subscription) => {
        if (!subscription) return this.options.onrefused?.(cause);
        subscription.link.end();
        subscription.fail(cause);
      },
    }));
    try {
      await next.open();
    } catch (cause) {
      // It was lost or left meanwhile, and that has been dealt with.
      if (next.isOver) return;
      this.cause = cause;
      const { code, isPassing = true, retryAfter } = (cause ?? {}) as Partial<Refused>;
      const isTokenRefused = code === "unauthorized" && !!this.options.token;
      this.#lost(next, isPassing || (isTokenRefused && (this.#isSecondToken = !this.#isSecondToken)), retryAfter);
    }
  }

  #opened(next: Reading) {
    const [old] = this.#sessions;
    this.#sessions.unshift(next);
    this.#next = undefined;
    this.#isSecondToken = false;
    if (old) this.#moving = setTimeout(() => this.#lost(old), MOVE_LIMIT);
    else this.#tries = 0;
    this.#begin();
    this.#set("open");
    this.#look();
  }

  /** All is subscribed and published in the present session. */
  #begin() {
    for (const subscription of this.#subscriptions) subscription.link.begin();
    this.#publisher.restart();
    this.#publish();
  }

  /** Something was said: whether the link is to move, or has moved. */
  #look(it?: Reading) {
    const [present, old] = this.#sessions;
    if (it && it === present) {
      this.you = it.you;
      if (it.isUnwanted && !old && !this.#again) void this.#open();
    }
    if (!old || present!.isSettling || old.adding.size || present!.incomplete.size) return;
    present!.isSettling = true;
    clearTimeout(this.#moving);
    // What is on its way may still come.
    this.#moving = setTimeout(() => this.#lost(old), MOVE_REST);
  }

  /** A session is over, or could not be opened. */
  #lost(it: Reading, isPassing = true, atLeast = 0) {
    it.end();
    clearTimeout(this.#moving);
    const [present] = this.#sessions;
    this.#sessions = this.#sessions.filter((other) => other !== it);
    if (it === this.#next) this.#next = undefined;
    const [left] = this.#sessions;
    if (!left) this.#set(isPassing ? "lost" : "failed");
    else if (it === present) {
      this.you = left.you;
      this.#begin();
    }
    for (const subscription of this.#subscriptions) subscription.settle(!!left && !left.incomplete.has(subscription));
    if (this.state === "failed") for (const subscription of this.#subscriptions) subscription.fail(this.cause);
    else if (left && !(left.isUnwanted &&= isPassing)) this.#tries = 0;
    else if (this.#next) this.#set("connecting");
    else if (isPassing) {
      // Full jitter: those of a server that was started again, or told all when to come, do not come back at once.
      const longest = Math.min(LONGEST_WAIT, 500 * 2 ** this.#tries++);
      this.#again ??= setTimeout(() => void this.#open(), atLeast + Math.random() * Math.max(atLeast, longest));
    }
  }
}
