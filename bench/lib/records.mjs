// What a run came to: a line of JSON each, in a file for each day and start.
import { appendFileSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { repository } from "./paths.mjs";
import { output } from "./tools.mjs";

export class Records {
  constructor(folder) {
    mkdirSync(folder, { recursive: true });
    const start = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    this.file = `${folder}/${start.replaceAll(":", "-")}.json`;
    this.start = start;
  }

  add(record) {
    appendFileSync(this.file, `${JSON.stringify(record)}\n`);
  }

  /** What was measured on, and by which command. */
  head({ command, browser }) {
    this.add({
      scene: "head",
      date: this.start,
      command,
      commit: output("git", ["rev-parse", "--short=12", "HEAD"], { cwd: repository() }),
      browser,
      node: process.version,
      machine: {
        processor: cpus()[0].model.trim(),
        cores: cpus().length,
        memory: totalmem(),
        kernel: release(),
      },
    });
  }
}

/** All records of a folder, those of the latest start last. */
export function read(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.sort().flatMap((file) => readFileSync(`${folder}/${file}`, "utf8").split("\n").filter(Boolean).map(JSON.parse));
}
