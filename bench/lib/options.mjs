// What the command line says.
import { parseArgs } from "node:util";
import { NETWORKS } from "./network.mjs";
import { here } from "./paths.mjs";

export const SCENES = ["freshness", "cost", "restart", "drain"];

const help = (products) => `bench/compare [options]

  --seconds S        how long ages and costs are measured in each run (10)
  --only a,b         products: ${products.join(", ")}
  --scenes a,b       ${SCENES.join(", ")}
  --networks a,b     ${Object.keys(NETWORKS).join(", ")}
  --readers N        how many readers there are when cost is measured (100)
  --clients N        how many are there when the server is killed (200)
  --out folder       where records and the report go (bench/results)
  --setup            sets up what is missing, and measures nothing

The first start builds the products, which takes a while. Needs Linux and root.`;

function list(given, all, what) {
  if (given === undefined) return all;
  const names = given.split(",");
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`there is no ${what} '${unknown}': there are ${all.join(", ")}`);
  return names;
}

function count(given, what) {
  const number = Number(given);
  if (!(number >= 1)) throw new Error(`--${what} is a number from 1, not '${given}'`);
  return number;
}

export function parse(args, products) {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "10" },
      only: { type: "string" },
      scenes: { type: "string" },
      networks: { type: "string" },
      readers: { type: "string", default: "100" },
      clients: { type: "string", default: "200" },
      out: { type: "string", default: here("results") },
      setup: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    help: values.help && help(products),
    setup: values.setup,
    out: values.out,
    seconds: count(values.seconds, "seconds"),
    readers: count(values.readers, "readers"),
    clients: count(values.clients, "clients"),
    only: list(values.only, products, "product"),
    scenes: list(values.scenes, SCENES, "scene"),
    networks: list(values.networks, Object.keys(NETWORKS), "network"),
  };
}
