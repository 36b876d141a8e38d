import { Publisher } from "./publisher.js";
import { Reading } from "./reading.js";
import { Refused, type Path } from "./session.js";
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
  /** Is told when what is read may be old, and when no more: `tick.staleSince`. */
  onstale?: (since: number | undefined) => void;
  /** Is told why something that was put is not taken. */
  onrefused?: (cause: Refused) => void;
}

/** `failed` is final; after `lost` the link comes back by itself. */
export type State = "connecting" | "open" | "lost" | "failed" | "closed";

const EVENTS = ["online", "pagehide", "pageshow"];
/** How long data channels may take before a WebSocket is tried beside them; and how long one that took their place is
 * remembered, and how long it is until they are tried again, in milliseconds. */
const BESIDE_AFTER = 1_500;
const REMEMBERED = 86_400_000;
const UPGRADE_AFTER = 300_000;
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
  /**
   * Since when what is read may be old, as `Date.now()`: what keeps the topics of several servers cannot be reached.
   * Undefined while it can.
   */
  staleSince: number | undefined;
  /** Why it has failed, or could not be opened the last time. */
  cause: unknown;
  /** The session that is open, and after it the one in whose place it comes, while the link moves. */
  #sessions: Reading[] = [];
  /** Those that are being opened: by data channels, and beside them by WebSocket. */
  #next: Reading | undefined;
  #socket: Reading | undefined;
  #beside: ReturnType<typeof setTimeout> | undefined;
  #upgrading: ReturnType<typeof setInterval> | undefined;
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
    else if (persisted || (type === "online" && this.state === "lost")) this.#open();
    else if (type === "online") for (const it of this.#sessions) it.restart();
  };

  constructor(
    readonly server: string,
    readonly options: Options,
  ) {
    for (const event of EVENTS) globalThis.addEventListener?.(event, this.#listener);
    this.#open();
  }

  /** By what data comes at present. */
  get path(): Path | undefined {
    return this.#sessions[0]?.way.path;
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
    if (message) present.way.send(message);
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
    this.#stopTrying();
    for (const it of [this.#next, this.#socket, ...this.#sessions.splice(0)]) it?.end();
    this.#next = this.#socket = this.#again = undefined;
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
  #open() {
    clearTimeout(this.#again);
    this.#again = undefined;
    if (this.#next || this.#socket || this.#isOver) return;
    this.#stopTrying();
    if (!this.#sessions.length) this.#set("connecting");
    else for (const subscription of this.#subscriptions) subscription.watch();
    this.#upgrade();
    if (!this.#next || this.#remembers()) this.#trySocket();
    else this.#beside = setTimeout(() => this.#trySocket(), BESIDE_AFTER);
  }

  #trySocket() {
    clearTimeout(this.#beside);
    this.#socket ??= this.#try(true);
  }

  /** Tries data channels, where there are any. */
  #upgrade() {
    if (this.options.RTCPeerConnection ?? globalThis.RTCPeerConnection) this.#next ??= this.#try(false);
  }

  #stopTrying() {
    clearTimeout(this.#beside);
    clearInterval(this.#upgrading);
  }

  /** Whether a WebSocket was the way through of late; or has it remembered, or forgotten. */
  #remembers(isSocket?: boolean) {
    const name = `tickwire ${this.server}`;
    try {
      const { localStorage } = globalThis;
      if (isSocket) localStorage.setItem(name, `${Date.now()}`);
      if (isSocket === false) localStorage.removeItem(name);
      return Date.now() - Number(localStorage.getItem(name)) < REMEMBERED;
    } catch {
      return false;
    }
  }

  #try(isSocket: boolean): Reading {
    const link = {
      opened: () => this.#opened(next),
      lost: () => {
        // The server has answered, and nothing comes through.
        if (next === this.#next && !this.#sessions.length) this.#trySocket();
        this.#lost(next);
      },
      from: () => this.#sessions[1] && (next === this.#sessions[0] ? ("new" as const) : ("old" as const)),
      look: () => this.#look(next),
      acknowledged: (number: number) => {
        this.#publisher.acknowledge(performance.now(), number);
        this.#publish();
      },
      refused: (cause: Refused, subscription?: Subscription) => {
        if (!subscription) return this.options.onrefused?.(cause);
        subscription.link.end();
        subscription.fail(cause);
      },
    };
    const next: Reading = new Reading(this.server, this.options, link, isSocket);
    next.open().catch((cause) => {
      // It was lost or left meanwhile, and that has been dealt with.
      if (next.isOver) return;
      // Where the other way may get through, what this one has met says nothing.
      if (isSocket && this.#next) return this.#lost(next);
      this.cause = cause;
      const { code, isPassing = true, retryAfter } = (cause ?? {}) as Partial<Refused>;
      const isTokenRefused = code === "unauthorized" && !!this.options.token;
      this.#lost(next, isPassing || (isTokenRefused && (this.#isSecondToken = !this.#isSecondToken)), retryAfter);
    });
    return next;
  }

  #opened(next: Reading) {
    const [old, older] = this.#sessions;
    this.#sessions.unshift(next);
    if (older) this.#lost(older);
    this.#remembers(next.isSocket);
    this.#stopTrying();
    if (next.isSocket) {
      // Data channels are better, and may get through yet, or some day.
      if (this.#next) for (const subscription of this.#subscriptions) subscription.watch();
      this.#upgrading = setInterval(() => this.#upgrade(), UPGRADE_AFTER);
    } else {
      this.#socket?.end();
      this.#next = undefined;
    }
    this.#socket = undefined;
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
    const since = present?.staleSince;
    if (present && since !== this.staleSince) {
      this.staleSince = since;
      this.options.onstale?.(since);
    }
    if (it && it === present) {
      this.you = it.you;
      if (it.isUnwanted && !old && !this.#again) this.#open();
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
    if (it === this.#next) this.#next = undefined;
    if (it === this.#socket) this.#socket = undefined;
    const [present] = this.#sessions;
    const wasOpen = this.#sessions.includes(it);
    if (wasOpen) clearTimeout(this.#moving);
    // The other may get through.
    else if (isPassing && (this.#next || this.#socket)) return;
    // What is tried beside a WebSocket may be of a server that is gone.
    if (!wasOpen ? !present : it.isSocket && !this.#sessions[1]) {
      this.#stopTrying();
      this.#next?.end();
      this.#socket?.end();
      this.#next = this.#socket = undefined;
    }
    this.#sessions = this.#sessions.filter((other) => other !== it);
    const [left] = this.#sessions;
    if (!left) this.#set(isPassing ? "lost" : "failed");
    else if (it === present) {
      this.you = left.you;
      this.#begin();
      this.#look();
    }
    for (const subscription of this.#subscriptions) subscription.settle(!!left && !left.incomplete.has(subscription));
    if (this.state === "failed") for (const subscription of this.#subscriptions) subscription.fail(this.cause);
    else if (left && !(left.isUnwanted &&= isPassing)) this.#tries = 0;
    else if (this.#next || this.#socket) {
      this.#set("connecting");
      this.#trySocket();
    } else if (isPassing) {
      // Full jitter: those of a server that was started again, or told all when to come, do not come back at once.
      const longest = Math.min(LONGEST_WAIT, 500 * 2 ** this.#tries++);
      this.#again ??= setTimeout(() => void this.#open(), atLeast + Math.random() * Math.max(atLeast, longest));
    }
  }
}
