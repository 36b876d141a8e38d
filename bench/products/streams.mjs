import { readFileSync } from "node:fs";
import { here } from "../lib/paths.mjs";
import { cargoBuild, lockedVersion } from "../lib/tools.mjs";

const axum = {
  build: () => cargoBuild("streams"),
  version: () => `axum ${lockedVersion(readFileSync(here("rivals/rust/Cargo.lock"), "utf8"), "axum")}`,
  server: ({ host, port }) => ({ command: here("build/rust/release/streams"), args: [`${host}:${port}`] }),
  isBalanced: true,
};

export const websocket = { ...axum, name: "websocket", way: "WebSocket, TCP_NODELAY, 256 values may wait for a reader" };

export const sse = {
  ...axum,
  name: "sse",
  way: "Server-Sent Events over HTTP/1.1, TCP_NODELAY, 256 values may wait for a reader",
  // A browser opens six connections to a host.
  readersPerAddress: 5,
};
