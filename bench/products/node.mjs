import { readFileSync } from "node:fs";
import { here } from "../lib/paths.mjs";

const version = (name) => JSON.parse(readFileSync(here(`node_modules/${name}/package.json`), "utf8")).version;

// Both are installed with the packages of this folder.
const build = () => {};

const server = (script) => ({ host, port }) => ({
  command: process.execPath,
  args: [here(`rivals/node/${script}`), host, String(port)],
});

export const socketio = {
  name: "socketio",
  way: "Socket.IO, volatile events, WebSocket after its upgrade",
  build,
  version: () => `socket.io ${version("socket.io")}`,
  server: server("socketio.mjs"),
  isBalanced: true,
};

export const geckos = {
  name: "geckos",
  way: "geckos.io, its default channel: unordered, no retransmissions",
  build,
  version: () => `geckos.io ${version("@geckos.io/server")}, node-datachannel ${version("node-datachannel")}`,
  server: server("geckos.mjs"),
};
