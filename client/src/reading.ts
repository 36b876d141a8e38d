import { Receiver } from "./receiver.js";
import { Refused, Session } from "./session.js";
import type { Position, Subscription } from "./subscription.js";
import { ACKNOWLEDGEMENT, readAcknowledged, readLogEntry } from "./wire.js";

/** What the server says on `control`. */
interface Said extends Position {
  type: string;
  id?: number;
  you: string;
  gap: boolean;
  within: number;
  since?: number;
  code?: string;
  message?: string;
}

/** What is read and said in one session. */
export class Reading extends Session {
  /** What the client is called in it. */
  you = "";
  /** Since when what is read may be old, as what keeps the topics of several servers cannot be reached: as `Date.now()`. */
  staleSince: number | undefined;
  /** The link's: whether all is there that the session has in whose place it comes. */
  isSettling = false;
  /** The subscriptions whose `complete` is waited for, and what was added and is not answered yet. */
  readonly incomplete = new Set<Subscription>();
  readonly adding = new Map<number, [resolve: () => void, reject: (cause: unknown) => void]>();
  readonly #receiver = new Receiver();
  readonly #byId = new Map<number, Subscription>();
  #nextId = 1;
  #acknowledging: ReturnType<typeof setTimeout> | undefined;
  #renewing: ReturnType<typeof setTimeout> | undefined;

  /** Ends it, on the server too. */
  override end() {
    clearTimeout(this.#acknowledging);
    clearTimeout(this.#renewing);
    for (const [, reject] of this.adding.values()) reject(new Error("the link was lost before the server has answered"));
    this.adding.clear();
    super.end();
  }

  /** Subscribes; beside another session, or in its place. */
  begin(subscription: Subscription, isMove: boolean) {
    this.rest(subscription);
    const id = this.#nextId++;
    this.#byId.set(id, subscription);
    this.incomplete.add(subscription);
    this.#receiver.subscribe(id, (received) => subscription.take(received, this.link.from()));
    subscription.restarted(isMove);
    const { topic, wanted, position: after = wanted.after } = subscription;
    this.#say({ type: "subscribe", id, topic, ...wanted, after });
  }

  /** Nothing more of it. */
  rest(subscription: Subscription) {
    this.incomplete.delete(subscription);
    for (const [id, it] of this.#byId) {
      if (it !== subscription) continue;
      this.#byId.delete(id);
      this.#receiver.unsubscribe(id);
      this.#say({ type: "unsubscribe", id });
    }
  }

  add(topic: string, key: string, value: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.adding.set(id, [resolve, reject]);
      this.#say({ type: "publish", id, topic, key, value });
    });
  }

  #say(message: object) {
    this.way.say(JSON.stringify(message));
  }

  override onControl(message: string | Uint8Array) {
    if (typeof message !== "string") {
      const entry = readLogEntry(message);
      return this.#byId.get(entry.subscription)?.entry(entry);
    }
    const said: Said = JSON.parse(message);
    const { type, id = 0 } = said;
    const { link } = this;
    const subscription = this.#byId.get(id);
    if (subscription && link.from() === "old") {
      // The new session says what becomes of it. A log is its alone, from where it was.
      if (type === "log") this.rest(subscription);
      return;
    }
    const [resolve, reject] = this.adding.get(id) ?? [];
    if (type === "log") subscription?.log(said, said.gap);
    if (type === "hello") this.you = said.you;
    if (type === "stale") this.staleSince = said.since === undefined ? undefined : Date.now() - said.since;
    if (type === "go-away") this.isUnwanted = true;
    if (type === "renew-token" && this.options.token) void this.#renew(performance.now() + said.within);
    if (type === "complete" && subscription) {
      this.incomplete.delete(subscription);
      subscription.completed();
    }
    if (type === "published") resolve?.();
    if (type === "refused") {
      const cause = new Refused(said.code ?? "", said.message ?? "");
      if (reject) reject(cause);
      else link.refused(cause, subscription);
    }
    this.adding.delete(id);
    link.look();
  }

  /** Says a new token, while there is time. */
  async #renew(until: number) {
    clearTimeout(this.#renewing);
    try {
      const token = await this.options.token!();
      if (this.isOver) return;
      this.show(token);
      this.#say({ type: "token", token });
    } catch {
      // From one to five seconds: many clients may have been told at once.
      const wait = 1_000 + 4_000 * Math.random();
      if (!this.isOver && performance.now() + wait < until) this.#renewing = setTimeout(() => void this.#renew(until), wait);
    }
  }

  override onValues(message: Uint8Array) {
    if (message[0] === ACKNOWLEDGEMENT) return this.link.acknowledged(readAcknowledged(message));
    const receiver = this.#receiver;
    receiver.handle(performance.now(), message);
    if (receiver.acknowledgeAt === undefined) return;
    const acknowledge = () => {
      const acknowledgement = receiver.acknowledgement(performance.now() + 1);
      if (acknowledgement) this.way.send(acknowledgement);
    };
    const wait = receiver.acknowledgeAt - performance.now();
    clearTimeout(this.#acknowledging);
    if (wait > 0) this.#acknowledging = setTimeout(acknowledge, wait);
    else acknowledge();
  }
}
