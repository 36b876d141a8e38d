import { readFileSync } from "node:fs";
import { here } from "../lib/paths.mjs";
import { go, run } from "../lib/tools.mjs";

const PROGRAM = "build/pion";

export const pion = {
  name: "pion",
  way: "Pion, a data channel: unordered, no retransmissions",
  build() {
    // The Go that is there, and no other that a module asks for.
    const env = { GOTOOLCHAIN: "local", GOCACHE: here("build/gocache"), GOPATH: here("build/gopath") };
    run(go(), ["build", "-trimpath", "-o", here(PROGRAM), "."], { cwd: here("rivals/pion"), env });
  },
  version: () => `pion/webrtc ${readFileSync(here("rivals/pion/go.mod"), "utf8").match(/webrtc\/v4 v(\S+)/)[1]}`,
  server: ({ host, port }) => ({ command: here(PROGRAM), args: [`${host}:${port}`] }),
};
