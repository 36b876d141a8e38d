// `node report.mjs [folder]`: makes `report.html` and `summary.md` of the records in a folder.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { here } from "./lib/paths.mjs";
import { read } from "./lib/records.mjs";
import { page } from "./report/page.mjs";
import { summary } from "./report/summary.mjs";

export function writeReport(folder) {
  const records = read(folder);
  if (!records.length) throw new Error(`there are no records in ${folder}: bench/compare makes some`);
  writeFileSync(`${folder}/report.html`, page(records, readFileSync(here("report/style.css"), "utf8")));
  writeFileSync(`${folder}/summary.md`, summary(records));
  return `${folder}/report.html`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(`${writeReport(process.argv[2] ?? here("results"))}\n`);
}
