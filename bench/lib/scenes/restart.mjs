// The server is killed under its readers, and starts again after a second.
import { setTimeout as sleep } from "node:timers/promises";
import { quantileOf } from "../../page/histogram.js";
import { Run, each, mustAllOpen } from "../run.mjs";

const RATE = 2;
const AWAY = 1000;
const WITHIN = 30_000;

export async function restart(product, { folder, clients }) {
  return new Run(product, { folder, flags: "--direct --addresses 60" }).with(async (run) => {
    const server = await run.server();
    server.rate(RATE);
    await run.browser();
    const opened = await run.readers(clients, server);
    mustAllOpen(clients, opened);
    const { pages } = opened;
    await server.kill();
    await sleep(AWAY);
    await server.again();
    const since = Date.now();
    const back = await each(pages, "newer", { since, timeout: WITHIN, any: true });
    const after = back.filter((at) => at).map((at) => at - since);
    // Those that have not come are the slowest of all.
    const share = (part) => {
      const all = [...after, ...Array(clients - after.length).fill(Infinity)];
      const value = quantileOf(all, part);
      return Number.isFinite(value) ? value : null;
    };
    return { clients, back: after.length, within: WITHIN, half: share(0.5), most: share(0.99), all: share(1) };
  });
}
