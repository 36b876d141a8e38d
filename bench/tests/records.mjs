// A fixed set of records, for tests.
import { add, emptyHistogram } from "../page/histogram.js";

/** A run of freshness in which all ages are the same. */
export function run(network, product, age) {
  const ages = emptyHistogram();
  for (let times = 0; times < 100; times += 1) add(ages, age);
  return { scene: "freshness", network, product, version: "1.0.0", way: `by ${product}`, ages, perSecond: 400, keys: 20, missing: 0, wholeAfter: 11 };
}

export const head = {
  scene: "head",
  date: "2026-01-02T03:04:05Z",
  command: "bench/compare --only <all>",
  commit: "0123456789ab",
  browser: "Chromium 1",
  node: "v20",
  machine: { processor: "A & B", cores: 2, memory: 2 ** 34, kernel: "6.0-test" },
};

const cost = { scene: "cost", version: "1.0.0", memoryPerReader: 30720, openingMedian: 20, opening99: 40 };

export const records = [
  head,
  { scene: "setup", product: "moq", failed: "it is <b>not</b> to be had" },
  run("good", "tickwire", 30),
  run("good", "websocket", 20),
  run("loss-5", "tickwire", 40),
  { ...run("loss-5", "websocket", 900), missing: 3, path: "<script>" },
  { scene: "freshness", network: "loss-5", product: "pion", failed: "does not connect within 15 s" },
  { ...cost, product: "tickwire", microsecondsPerValue: 20 },
  { ...cost, product: "websocket", microsecondsPerValue: 10 },
];
