import { readFileSync } from "node:fs";
import { SERVER } from "../lib/network.mjs";
import { here } from "../lib/paths.mjs";
import { cargoBuild, lockedVersion } from "../lib/tools.mjs";

export const moq = {
  name: "moq",
  way: "Media over QUIC: WebTransport, a track of each key, a group of each value, the newest first",
  build: () => cargoBuild("moq"),
  version: () => `moq-net ${lockedVersion(readFileSync(here("rivals/rust/Cargo.lock"), "utf8"), "moq-net")}`,
  server: ({ host, port }) => ({ command: here("build/rust/release/moq"), args: [`${host}:${port}`, SERVER] }),
};
