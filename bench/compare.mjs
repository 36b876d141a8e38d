// Runs the scenes for each product, a record each. A product that fails in one is a record too, and the run goes on.
import { chromiumPath } from "./lib/browser.mjs";
import { stopAll } from "./lib/child.mjs";
import { here } from "./lib/paths.mjs";
import { output } from "./lib/tools.mjs";
import { parse } from "./lib/options.mjs";
import { Records } from "./lib/records.mjs";
import { setUp } from "./lib/setup.mjs";
import { PRODUCTS } from "./products/index.mjs";
import { planned } from "./lib/plan.mjs";
import { writeReport } from "./report.mjs";

const say = (text) => process.stderr.write(`${text}\n`);

async function end(code) {
  await stopAll();
  process.exit(code);
}

function needs() {
  if (process.platform !== "linux" || process.getuid() !== 0) {
    throw new Error("this needs Linux and root, for network namespaces: start it with sudo");
  }
  output("ip", ["-V"]);
  output("python3", ["-V"]);
}

async function carriedOut({ start }) {
  try {
    return await start();
  } catch (error) {
    const failed = error.message.split("\n")[0];
    say(`  failed: ${failed}`);
    return { failed };
  }
}

async function main() {
  const options = parse(process.argv.slice(2), PRODUCTS.map(({ name }) => name));
  if (options.help) return say(options.help);
  needs();
  const { ready, failed } = await setUp(PRODUCTS.filter(({ name }) => options.only.includes(name)), say);
  if (options.setup) return;
  const records = new Records(options.out);
  const command = ["bench/compare", ...process.argv.slice(2)].join(" ");
  records.head({ command, browser: output(chromiumPath(), ["--version"]) });
  for (const { name, why } of failed) records.add({ scene: "setup", product: name, failed: why });
  const runs = planned(ready, options, here("build/logs"));
  for (const [number, run] of runs.entries()) {
    const { product, scene, network } = run;
    say(`${number + 1}/${runs.length} ${scene}${network ? ` ${network}` : ""}: ${product.name}`);
    const result = await carriedOut(run);
    const record = { scene, product: product.name, version: product.version(), way: product.way, network, ...result };
    records.add(record);
  }
  say(`Records are in ${records.file}, the report in ${writeReport(options.out)}.`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => end(1));
main().then(
  () => end(0),
  (error) => {
    say(`bench/compare: ${error.message}`);
    return end(1);
  },
);
