// What the records come to: rows of the tables, and where who is ahead. No text of HTML, no file.
import { quantile } from "../page/histogram.js";

/** The figures of each scene: how to read one of a record, and how it is written. Less is better in all of them. */
export const FIGURES = {
  freshness: [
    { name: "p50", unit: "ms", of: ({ ages }) => quantile(ages, 0.5), isTail: false },
    { name: "p95", unit: "ms", of: ({ ages }) => quantile(ages, 0.95), isTail: true },
    { name: "p99", unit: "ms", of: ({ ages }) => quantile(ages, 0.99), isTail: true },
    { name: "longest", unit: "ms", of: ({ ages }) => ages.max },
    { name: "back after the cut", unit: "ms", of: ({ backAfter }) => backAfter, isTail: true },
    { name: "opened after", unit: "ms", of: ({ opening }) => opening },
    { name: "last value after", unit: "ms", of: ({ wholeAfter }) => wholeAfter },
  ],
  cost: [
    { name: "processor, a value", unit: "µs", of: ({ microsecondsPerValue }) => microsecondsPerValue, isTail: true },
    { name: "memory, a reader", unit: "KiB", of: ({ memoryPerReader }) => memoryPerReader / 1024, isTail: true },
    { name: "opened after, p50", unit: "ms", of: ({ openingMedian }) => openingMedian },
    { name: "opened after, p99", unit: "ms", of: ({ opening99 }) => opening99, isTail: true },
  ],
  restart: [
    { name: "half are back after", unit: "ms", of: ({ half }) => half },
    { name: "99 % after", unit: "ms", of: ({ most }) => most, isTail: true },
    { name: "all after", unit: "ms", of: ({ all }) => all },
  ],
  drain: [
    { name: "longest gap, median of readers", unit: "ms", of: ({ gapMedian }) => gapMedian },
    { name: "longest gap of all", unit: "ms", of: ({ gapLongest }) => gapLongest, isTail: true },
  ],
};

/** How much better a product has to be for that to be said. */
const AHEAD = 0.05;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** A figure of a record, or undefined where it has none. */
export function figureOf(figure, record) {
  if (record.failed) return undefined;
  const value = figure.of(record);
  return isNumber(value) ? value : undefined;
}

/** The newest record of each product in each scene and network, in the order in which they came. */
export function newest(records) {
  const found = new Map();
  for (const record of records) {
    if (record.scene === "head") continue;
    found.set(`${record.scene} ${record.network ?? ""} ${record.product}`, record);
  }
  return [...found.values()];
}

/** Groups of records that are compared with each other: those of a scene and a network. */
export function compared(records) {
  const groups = new Map();
  for (const record of newest(records)) {
    if (!FIGURES[record.scene]) continue;
    const name = record.network ? `${record.scene}, ${record.network}` : record.scene;
    if (!groups.has(name)) groups.set(name, { name, scene: record.scene, network: record.network, records: [] });
    groups.get(name).records.push(record);
  }
  return [...groups.values()];
}

/** The smallest figure of a group, where more than one has it. */
export function best(figure, records) {
  const values = records.map((record) => figureOf(figure, record)).filter(isNumber);
  return values.length > 1 ? Math.min(...values) : undefined;
}

/** What went wrong in a run, as it was measured; nothing where nothing did. */
export function defects(record) {
  const { failed, missing, keys, backAfter, network, back, clients, within, notBack, readers } = record;
  if (failed) return [failed];
  const found = [];
  if (missing) found.push(`${missing} of ${keys} keys never got their last value`);
  if (network === "cut" && backAfter === null) found.push("not all keys were new again within 20 s of the cut");
  if (back === 0) found.push(`does not come back by itself within ${within / 1000} s`);
  else if (back < clients) found.push(`${clients - back} of ${clients} readers were not back within ${within / 1000} s`);
  if (notBack) found.push(`${notBack} of ${readers} readers got no more values`);
  return found;
}

/** Each figure in which another product is better than `own` by more than 5 %, and those that `own` has not at all. */
export function behind(records, own = "tickwire") {
  const found = [];
  for (const group of compared(records)) {
    const mine = group.records.find(({ product }) => product === own);
    if (!mine) continue;
    for (const figure of FIGURES[group.scene].filter(({ isTail }) => isTail)) {
      const ours = figureOf(figure, mine);
      for (const record of group.records.filter((record) => record !== mine)) {
        const theirs = figureOf(figure, record);
        if (theirs === undefined || (ours !== undefined && theirs >= ours * (1 - AHEAD))) continue;
        found.push({ group: group.name, figure: figure.name, unit: figure.unit, product: record.product, theirs, ours });
      }
    }
  }
  return found;
}
