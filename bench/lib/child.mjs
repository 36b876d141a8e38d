// Programs that the comparison starts. Each ends when its input does, so that none outlives this one, however it ends.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const running = new Set();

/** Ends all that were started. */
export const stopAll = () => Promise.all([...running].map((child) => child.stop()));

export class Child {
  #lines = [];
  #readers = [];
  #process;

  /** `namespace`: in which network; `log`: a file for what it says on standard error. */
  constructor(command, args, { namespace, env, cwd, log }) {
    const words = namespace ? ["ip", "netns", "exec", namespace, command, ...args] : [command, ...args];
    this.name = command.split("/").at(-1);
    this.#process = spawn(words[0], words.slice(1), {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
      // In a group of its own, so that Ctrl-C comes to this program alone, which ends the others in order.
      detached: true,
    });
    this.exited = new Promise((resolve) => this.#process.once("exit", resolve));
    const file = createWriteStream(log, { flags: "a" });
    this.#process.stderr.pipe(file);
    this.#process.on("error", (error) => this.#end(new Error(`${this.name} cannot be started: ${error.message}`)));
    this.exited.then(() => this.#end(new Error(`${this.name} has ended; what it said is in ${log}`)));
    // A program that has ended does not read: its end is told above.
    this.#process.stdin.on("error", () => {});
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      const told = parsed(line);
      if (!told) file.write(`${line}\n`);
      else if (this.#readers.length) this.#readers.shift().resolve(told);
      else this.#lines.push(told);
    });
    running.add(this);
  }

  get pid() {
    return this.#process.pid;
  }

  /** The next thing that it tells, as JSON on a line. */
  async told() {
    if (this.#lines.length) return this.#lines.shift();
    if (this.failure) throw this.failure;
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  say(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  signal(name) {
    this.#process.kill(name);
  }

  /** Asks it to end, and ends it where it has not after 3 s. */
  async stop() {
    this.#process.stdin.end();
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), 3000);
    await this.exited;
    clearTimeout(timer);
  }

  /** Seconds of processor time, and bytes of memory. */
  cost() {
    return costOf(this.pid);
  }

  #end(failure) {
    this.failure ??= failure;
    running.delete(this);
    for (const { reject } of this.#readers.splice(0)) reject(this.failure);
  }
}

function parsed(line) {
  try {
    const told = JSON.parse(line);
    return typeof told === "object" ? told : undefined;
  } catch {
    return undefined;
  }
}

/** What /proc says: ticks are 10 ms on every Linux that there is, and pages as large as the machine has them. */
function costOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const memory = readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m);
  return { processor: (Number(fields[11]) + Number(fields[12])) / 100, memory: Number(memory[1]) * 1024 };
}
