import { Client, inFolder, PYTHON } from "./clients";

/** A key's value, null where it was removed; or an entry of a log, whose version is its position. */
export interface Told {
  key: string;
  version: number;
  /** How old it was when it left, in milliseconds. */
  age: number;
  isSnapshot?: boolean;
  value: string | null;
}

/** A place in a log. */
export interface Position {
  epoch: number;
  position: number;
}

/** A reader of topics, with aiortc (`clients/aiortc_topics.py`). */
export class TopicReader extends Client {
  private subscriptions = 0;

  constructor() {
    super({ name: "aiortc", command: [PYTHON, inFolder("clients/aiortc_topics.py")] });
    this.tell("topics");
  }

  async ready() {
    await this.next("ready");
  }

  /** Returns the number of the subscription. */
  subscribe(topic: string, wanted: { keys?: string[]; maxRate?: number; after?: Position } = {}): number {
    const id = ++this.subscriptions;
    this.tell("subscribe", { id, topic, ...wanted });
    return id;
  }

  /** All is there that was there at the subscription. */
  async complete(subscription: number) {
    await this.next("complete", { subscription });
  }

  /** What follows is after this position of the log. */
  async log(subscription: number): Promise<Position & { gap: boolean }> {
    return this.next<Position & { gap: boolean }>("log", { subscription });
  }

  async refused(subscription: number): Promise<{ code: string }> {
    return this.next<{ code: string }>("refused", { subscription });
  }

  /** What has come of a subscription until now, in this order. */
  told(subscription: number, event: "value" | "entry" = "value"): Told[] {
    return this.heard<Told>(event, { subscription });
  }

  /** The keys that have a value by now, and which. */
  newest(subscription: number): Record<string, string> {
    const newest = Object.fromEntries(this.told(subscription).map(({ key, value }) => [key, value]));
    return Object.fromEntries(Object.entries(newest).filter((it): it is [string, string] => it[1] !== null));
  }
}
