import { here } from "../lib/paths.mjs";
import { cargoInstall, protoc } from "../lib/tools.mjs";

const VERSION = "5.2.0";
const SECRET = "a-secret-for-the-comparison";

// One app, and no limit that all readers from one address would meet.
const SETTINGS = {
  SOCKUDO_DEFAULT_APP_ID: "bench",
  SOCKUDO_DEFAULT_APP_KEY: "bench",
  SOCKUDO_DEFAULT_APP_SECRET: SECRET,
  SOCKUDO_DEFAULT_APP_ENABLED: "true",
  SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS: "10000",
  SOCKUDO_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SECOND: "100000",
  RATE_LIMITER_ENABLED: "false",
  METRICS_ENABLED: "false",
};

export const sockudo = {
  name: "sockudo",
  way: "Sockudo, a server of Pusher's protocol, fed over HTTP; pusher-js",
  build: () =>
    cargoInstall("sockudo", VERSION, { args: ["--no-default-features", "--features", "local"], env: { PROTOC: protoc() } }),
  version: () => `sockudo ${VERSION}`,
  server: ({ host, port, folder }) => ({
    command: here(`build/sockudo-${VERSION}/bin/sockudo`),
    args: [],
    cwd: folder,
    env: { ...SETTINGS, HOST: host, PORT: String(port) },
  }),
  producer: ({ host, port }) => ({
    command: process.execPath,
    args: [here("rivals/node/put.mjs"), "pusher", host, String(port)],
    env: { BENCH_KEY: SECRET },
  }),
  isBalanced: true,
};
