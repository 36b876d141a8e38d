import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

test("is smaller than 8 KiB", () => {
  const folder = new URL("../dist/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const bytes = gzipSync(Buffer.concat(files.map((name) => readFileSync(new URL(name, folder)))), { level: 9 }).length;
  assert.ok(bytes > 1_000 && bytes < 8 * 1_024, `${bytes} bytes with gzip`);
});
