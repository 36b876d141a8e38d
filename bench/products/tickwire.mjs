import { existsSync, readFileSync } from "node:fs";
import { here, repository } from "../lib/paths.mjs";
import { cargoBuild, run } from "../lib/tools.mjs";

/** The folder of the built client: BENCH_TICKWIRE_CLIENT names another. */
export const client = () => process.env.BENCH_TICKWIRE_CLIENT ?? repository("client/dist");

export const tickwire = {
  name: "tickwire",
  way: "Tickwire, a topic of the newest values, in a program with its library",
  build() {
    // It takes the compiler that the repository has.
    cargoBuild("tickwire-reading", [repository("scripts/env"), "cargo"]);
    if (!existsSync(`${client()}/index.js`)) {
      run("npm", ["ci"], { cwd: repository("client") });
      run("npm", ["run", "build"], { cwd: repository("client") });
    }
  },
  version: () => `tickwire ${JSON.parse(readFileSync(repository("client/package.json"), "utf8")).version}`,
  server: ({ host, port }) => ({ command: here("build/rust/release/tickwire-reading"), args: [`${host}:${port}`] }),
  isBalanced: true,
  readyPath: "/health/ready",
};
