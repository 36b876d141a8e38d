// What the comparison asks of a page. An adapter opens one reader; all else is the same for all products.
import { add, emptyHistogram } from "./histogram.js";
import { now, Reader } from "./reader.js";

const SAMPLE_EVERY = 5;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function measuring(adapter) {
  let readers = [];

  /** Opens `count` readers, `atOnce` of them at a time, and says how long each took until its first value. */
  async function open({ count, atOnce, targets, settings, timeout }) {
    const waiting = Array.from({ length: count }, (_, number) => targets[number % targets.length]);
    const times = [];
    const failures = [];
    async function one() {
      for (let target = waiting.shift(); target; target = waiting.shift()) {
        const reader = new Reader();
        readers.push(reader);
        reader.failure = (error) => failures.push(String(error?.message ?? error));
        reader.link = adapter.open({ ...target, settings }, reader.take, reader.failure);
        const at = await reader.until(() => reader.received > 0, timeout);
        if (at) times.push(at - reader.startedAt);
      }
    }
    await Promise.all(Array.from({ length: atOnce }, one));
    return { times, failures };
  }

  const total = (what) => readers.reduce((sum, reader) => sum + reader[what], 0);

  return {
    open,
    /** Whether each key has a value at the first reader, in time. */
    whole: (timeout) => readers[0].until(() => readers[0].missing(0) === 0, timeout).then(Boolean),
    /** How old the newest value of each key is at the first reader, again and again. */
    async ages(seconds) {
      const [reader] = readers;
      const ages = emptyHistogram();
      const before = reader.received;
      const start = now();
      const end = start + seconds * 1000;
      await new Promise((resolve) => {
        const timer = setInterval(() => {
          const at = now();
          for (const time of reader.newest.values()) add(ages, Math.max(0, at - time));
          if (at < end) return;
          clearInterval(timer);
          resolve();
        }, SAMPLE_EVERY);
      });
      return { ages, perSecond: ((reader.received - before) * 1000) / (now() - start), path: await reader.link.path?.() };
    },
    /** When each reader has values of all keys (or, with `any`, of one) that are as new as `since`. */
    newer: ({ since, timeout, any }) =>
      Promise.all(readers.map((reader) => reader.until(() => reader.missing(since) <= (any ? 19 : 0), timeout))),
    missing: (since) => readers[0].missing(since),
    reset: () => readers.forEach((reader) => reader.reset()),
    received: () => total("received"),
    /** The longest time without a value, of each reader, up to now. */
    gaps: () => readers.map((reader) => Math.max(reader.longestGap, now() - reader.lastAt)),
    /** How far this clock is from the one that `Date` reads, which is the server's: the middle of some looks. */
    async clockOffset() {
      const offsets = [];
      for (let look = 0; look < 50; look += 1) {
        // A tick of Date's is a whole millisecond, half of which it is late on average.
        offsets.push(now() - (Date.now() + 0.5));
        await sleep(3.3);
      }
      return offsets.sort((a, b) => a - b)[25];
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.link.close()));
      readers = [];
    },
  };
}
