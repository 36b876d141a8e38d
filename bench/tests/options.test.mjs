import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../lib/options.mjs";

const PRODUCTS = ["tickwire", "websocket"];

test("without a word everything is measured", () => {
  const options = parse([], PRODUCTS);
  assert.deepEqual(options.only, PRODUCTS);
  assert.deepEqual(options.scenes, ["freshness", "cost", "restart", "drain"]);
  assert.equal(options.networks.length, 9);
  assert.equal(options.seconds, 10);
});

test("what is chosen is what is measured", () => {
  const options = parse(["--only", "websocket", "--networks", "cut,good", "--scenes", "freshness", "--seconds", "3"], PRODUCTS);
  assert.deepEqual([options.only, options.networks, options.scenes, options.seconds], [["websocket"], ["cut", "good"], ["freshness"], 3]);
});

test("what is not there is told with what is", () => {
  assert.throws(() => parse(["--only", "tickwire,pigeon"], PRODUCTS), /no product 'pigeon': there are tickwire, websocket/);
  assert.throws(() => parse(["--seconds", "0"], PRODUCTS), /--seconds is a number from 1, not '0'/);
});
