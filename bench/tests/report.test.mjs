import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeReport } from "../report.mjs";
import { scale } from "../report/chart.mjs";
import { page } from "../report/page.mjs";
import { summary } from "../report/summary.mjs";
import { escape, html, number } from "../report/text.mjs";
import { records, run } from "./records.mjs";

test("text is escaped, and HTML is not twice", () => {
  assert.equal(escape(`<a href="x">'&'`), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
  assert.equal(html`<p>${"<"}${html`<b>${"&"}</b>`}${[1, "'"]}${undefined}</p>`.toString(), "<p>&lt;<b>&amp;</b>1&#39;</p>");
});

test("numbers have three digits", () => {
  assert.deepEqual([number(0.123), number(12.34), number(1234.5), number(undefined)], ["0.12", "12.3", "1,235", "–"]);
});

test("the page has what was measured, and nothing of a record is HTML in it", () => {
  const written = page(records, "");
  for (const part of ["A &amp; B", "6.0-test", "16.0 GiB", "bench/compare --only &lt;all&gt;", "it is &lt;b&gt;not&lt;/b&gt; to be had", "&lt;script&gt;"]) {
    assert.ok(written.includes(part), part);
  }
  assert.ok(!written.includes("<script"));
  assert.ok(written.includes("<b>websocket</b>: 3 of 20 keys never got their last value"));
  assert.ok(written.includes("<b>pion</b>: does not connect within 15 s"));
  assert.ok(!written.includes("undefined") && !written.includes("NaN"));
});

test("the page asks for nothing from elsewhere", () => {
  const written = page(records, readFileSync(new URL("../report/style.css", import.meta.url), "utf8"));
  assert.doesNotMatch(written, /(src|href)=|url\(|@import/);
});

test("each chart is named and described by its own title and text", () => {
  const written = page(records, "");
  const ids = [...written.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, labels] of written.matchAll(/aria-labelledby="([^"]+)"/g)) {
    for (const label of labels.split(" ")) assert.ok(ids.includes(label), label);
  }
  assert.equal(written.match(/<svg/g).length, 2);
});

test("the best of a row is marked by more than its colour, and told", () => {
  assert.match(page(records, ""), /<td class="best"><b>20\.0<\/b><span aria-hidden="true"> ◂<\/span><span class="heard"> best<\/span>/);
});

test("a scale is of powers where values are far apart", () => {
  assert.equal(scale([10, 40]).isLog, false);
  const far = scale([15, 4000]);
  assert.equal(far.isLog, true);
  assert.deepEqual(far.ticks, [10, 100, 1000, 10000]);
  assert.ok(far.at(10) < far.at(100) && far.at(100) < far.at(10000));
});

test("the summary is a table with the best in bold", () => {
  const lines = summary(records).trimEnd().split("\n");
  assert.equal(lines[0], "| 95 of 100 are at most so old | tickwire | websocket | pion |");
  assert.equal(lines[2], "| good, ms | 30.0 | **20.0** | – |");
  assert.equal(lines.at(-1), "| memory, a reader, KiB | **30.0** | **30.0** | – |");
});

test("a folder of records becomes a report, of which the latest start counts", () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-report-"));
  try {
    const lines = (all) => all.map((record) => `${JSON.stringify(record)}\n`).join("");
    writeFileSync(join(folder, "2026-01-01.json"), lines(records));
    writeFileSync(join(folder, "2026-01-02.json"), lines([run("good", "websocket", 50)]));
    assert.ok(readFileSync(writeReport(folder), "utf8").startsWith("<!doctype html>"));
    assert.match(readFileSync(join(folder, "summary.md"), "utf8"), /good, ms \| \*\*30\.0\*\* \| (49|50)\.\d/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a folder without records says what makes some", () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-report-"));
  try {
    assert.throws(() => writeReport(folder), /bench\/compare makes some/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
