// What is built for pages has no comments, and after this no indentation: a fifteenth of what travels.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("dist/", import.meta.url);
for (const name of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
  const file = new URL(name, folder);
  writeFileSync(file, readFileSync(file, "utf8").replace(/^ +/gm, ""));
}
