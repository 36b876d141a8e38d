// What a reader holds: of each key the newest value's time, whatever order values come in.

export const KEYS = 20;

export const now = () => performance.timeOrigin + performance.now();

export class Reader {
  newest = new Map();
  received = 0;
  startedAt = now();
  firstAt = undefined;
  lastAt = undefined;
  longestGap = 0;
  #waiting = new Set();

  /** Takes a value as it was made, a JSON text. */
  take = (text) => {
    const { key, time } = JSON.parse(text);
    const at = now();
    this.received += 1;
    this.firstAt ??= at;
    if (this.lastAt !== undefined) this.longestGap = Math.max(this.longestGap, at - this.lastAt);
    this.lastAt = at;
    if (!(this.newest.get(key) >= time)) this.newest.set(key, time);
    for (const check of this.#waiting) check(at);
  };

  /** Forgets what was counted so far. */
  reset() {
    this.received = 0;
    this.longestGap = 0;
    this.lastAt = now();
  }

  /** How many keys have no value that is as new as `since`: one time for all, or one for each key. */
  missing(since) {
    let count = 0;
    for (let key = 0; key < KEYS; key += 1) {
      const wanted = Array.isArray(since) ? since[key] : since;
      if (!(this.newest.get(`k${key}`) >= wanted)) count += 1;
    }
    return count;
  }

  /** When `isThere()` first holds after a value came, or undefined where it does not within `timeout` ms. */
  until(isThere, timeout) {
    return new Promise((resolve) => {
      const done = (at) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(at);
      };
      const check = (at) => {
        if (isThere()) done(at);
      };
      const timer = setTimeout(done, timeout);
      this.#waiting.add(check);
      check(now());
    });
  }
}
