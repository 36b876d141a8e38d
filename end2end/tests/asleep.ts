import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Whether the browser can be put to sleep here: its processes are looked for in `/proc`. */
export const CAN_SLEEP = existsSync("/proc/self/stat");

/** Runs something while the browser is stopped with all its processes, as by a laptop that sleeps. */
export async function asleep(run: () => Promise<unknown>) {
  const processes = browserProcesses();
  const send = (signal: NodeJS.Signals) => processes.forEach((id) => process.kill(id, signal));
  send("SIGSTOP");
  try {
    await run();
  } finally {
    send("SIGCONT");
  }
}

/** The browser, which is a child of this process, and what it has started. */
function browserProcesses(): number[] {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  const all = ids.map((id) => {
    const [stat, command] = [read(id, "stat"), read(id, "cmdline")];
    // After the name, which may contain anything: the state, and the parent.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    return { id, parent, isBrowser: parent === process.pid && command.includes("-headless") };
  });
  const found = all.filter(({ isBrowser }) => isBrowser).map(({ id }) => id);
  if (found.length !== 1) throw new Error(`Expected one headless browser, found ${found.length}.`);
  for (const parent of found) found.push(...all.filter((other) => other.parent === parent).map(({ id }) => id));
  return found;
}

/** Empty where the process has ended meanwhile. */
function read(id: number, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, "utf8");
  } catch {
    return "";
  }
}
