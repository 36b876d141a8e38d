import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { here, repository } from "../lib/paths.mjs";
import { run } from "../lib/tools.mjs";

const KEY = "a-key-for-the-comparison";

// All readers of a run come from one address, so that limits of one address are those of all; draining takes no
// longer than a scene does.
const SETTINGS = `[session]
max = 5000
[api]
keys = ["${KEY}"]
[limit]
sessions-per-address = 5000
connections-per-address = 5000
pending-per-address = 1024
offers-per-second = 1000
[drain]
over = "5s"
[log]
filter = "error"
[[topic]]
match = "bench"
`;

/** The server that is compared: TICKWIRE names one that is built already, as the client's folder does. */
const program = () => process.env.BENCH_TICKWIRE ?? repository("target/release/tickwire");
export const client = () => process.env.BENCH_TICKWIRE_CLIENT ?? repository("client/dist");

export const tickwire = {
  name: "tickwire",
  way: "Tickwire, a topic of the newest values, put over HTTP",
  build() {
    if (!process.env.BENCH_TICKWIRE) {
      run(repository("scripts/env"), ["cargo", "build", "--release", "--bin", "tickwire"], { cwd: repository() });
    }
    if (!existsSync(`${client()}/index.js`)) {
      run("npm", ["ci"], { cwd: repository("client") });
      run("npm", ["run", "build"], { cwd: repository("client") });
    }
  },
  version: () => `tickwire ${JSON.parse(readFileSync(repository("client/package.json"), "utf8")).version}`,
  server({ host, port, folder, name }) {
    const settings = `${folder}/${name}`;
    mkdirSync(settings, { recursive: true });
    writeFileSync(`${settings}/Leptos.toml`, SETTINGS);
    return { command: program(), args: [], cwd: settings, env: { LEPTOS_SITE_ADDR: `${host}:${port}` } };
  },
  producer: ({ host, port }) => ({
    command: process.execPath,
    args: [here("rivals/node/put.mjs"), "tickwire", host, String(port)],
    env: { BENCH_KEY: KEY },
  }),
  isBalanced: true,
  readyPath: "/health/ready",
};
