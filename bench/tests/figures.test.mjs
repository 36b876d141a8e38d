import assert from "node:assert/strict";
import { test } from "node:test";
import { add, emptyHistogram, merge, quantile, quantileOf } from "../page/histogram.js";
import { behind, best, compared, defects, FIGURES, figureOf } from "../report/figures.mjs";
import { records, run } from "./records.mjs";

test("a quantile of a histogram is that of its values, to 1 %", () => {
  const histogram = emptyHistogram();
  for (let age = 1; age <= 1000; age += 1) add(histogram, age);
  for (const [share, value] of [[0.5, 500], [0.95, 950], [0.99, 990]]) {
    assert.ok(Math.abs(quantile(histogram, share) - value) <= value * 0.0101, `${share}: ${quantile(histogram, share)}`);
  }
  assert.equal(histogram.max, 1000);
  assert.ok(quantile(histogram, 1) <= 1000);
});

test("an empty histogram has no quantile, and ages below the smallest bin are in it", () => {
  assert.equal(quantile(emptyHistogram(), 0.5), undefined);
  const histogram = emptyHistogram();
  add(histogram, 0);
  assert.equal(quantile(histogram, 0.99), 0);
});

test("histograms add up", () => {
  const [one, other] = [emptyHistogram(), emptyHistogram()];
  add(one, 10);
  add(other, 10);
  add(other, 500);
  const all = merge([one, other]);
  assert.equal(all.count, 3);
  assert.equal(all.max, 500);
  assert.ok(Math.abs(quantile(all, 0.5) - 10) < 0.2);
});

test("a quantile of a list is one of its values", () => {
  assert.equal(quantileOf([3, 1, 2], 0.5), 2);
  assert.equal(quantileOf([3, 1, 2], 0.99), 3);
  assert.equal(quantileOf([], 0.5), undefined);
});

test("records are compared within a scene and a network, and the newest of a product counts", () => {
  const groups = compared([...records, run("good", "websocket", 7)]);
  assert.deepEqual(groups.map(({ name }) => name), ["freshness, good", "freshness, loss-5", "cost"]);
  const again = groups[0].records.filter(({ product }) => product === "websocket");
  assert.equal(again.length, 1);
  assert.ok(figureOf(FIGURES.freshness[1], again[0]) < 8);
});

test("the best of a row is only said where two have a figure", () => {
  const [p50] = FIGURES.freshness;
  assert.equal(best(p50, [run("good", "tickwire", 30)]), undefined);
  assert.ok(best(p50, [run("good", "tickwire", 30), run("good", "pion", 20)]) < 21);
});

test("where a rival is better by more than 5 % is said, and by less is not", () => {
  const found = behind(records);
  assert.deepEqual(
    found.map(({ group, figure, product }) => [group, figure, product]),
    [
      ["freshness, good", "p95", "websocket"],
      ["freshness, good", "p99", "websocket"],
      ["cost", "processor, a value", "websocket"],
    ],
  );
  assert.equal(behind([run("good", "tickwire", 100), run("good", "pion", 97)]).length, 0);
});

test("where Tickwire failed and a rival did not, it is behind", () => {
  const failed = { scene: "freshness", network: "good", product: "tickwire", failed: "does not connect" };
  const found = behind([failed, run("good", "pion", 20)]);
  assert.deepEqual(found.map(({ figure, ours }) => [figure, ours]), [["p95", undefined], ["p99", undefined]]);
});

test("defects are those that were measured", () => {
  assert.deepEqual(defects(run("good", "pion", 20)), []);
  assert.deepEqual(defects({ ...run("good", "pion", 20), missing: 3 }), ["3 of 20 keys never got their last value"]);
  assert.deepEqual(defects({ failed: "does not connect" }), ["does not connect"]);
  assert.deepEqual(defects({ scene: "restart", clients: 9, back: 0, within: 30000 }), ["does not come back by itself within 30 s"]);
  assert.deepEqual(defects({ scene: "restart", clients: 9, back: 8, within: 30000 }), ["1 of 9 readers were not back within 30 s"]);
});
