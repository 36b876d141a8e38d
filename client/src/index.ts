import { Tickwire, type Options } from "./link.js";

export type { Options, State } from "./link.js";
export { Refused } from "./session.js";
export { Subscription, type Position, type Value, type Wanted } from "./subscription.js";
export { Tickwire };

/** Connects to the server whose router is at `url`: `/`, or the path below which it is. */
export function connect(url = "/", options: Options = {}): Tickwire {
  return new Tickwire(url.replace(/\/$/, ""), options);
}
