// How old the newest values are at one reader, over a network.
import { setTimeout as sleep } from "node:timers/promises";
import { KEYS } from "../../page/reader.js";
import { NETWORKS } from "../network.mjs";
import { Run } from "../run.mjs";

export const RATE = 20;
const WARM_UP = 3000;
const CUT = 3000;
const WAIT_FOR_LAST = 5000;

/** Cuts the network in the middle, and says how long after it was there again all keys were new. */
async function cut(run, page, seconds) {
  await sleep((seconds * 1000 - CUT) / 2);
  await run.network.say("cut");
  await sleep(CUT);
  const since = await run.network.say("join");
  const [at] = await page("newer", { since, timeout: 20_000 });
  return { backAfter: at ? at - since : null };
}

/** After how long each key had its last value, or how many never had. */
async function ending(server, page) {
  const last = await server.last();
  const [at] = await page("newer", { since: last, timeout: WAIT_FOR_LAST });
  const missing = await page("missing", last);
  return { keys: KEYS, missing, wholeAfter: at ? Math.max(0, at - Math.max(...last)) : null };
}

export async function freshness(product, network, { seconds, folder }) {
  const { flags, isCut } = NETWORKS[network];
  return new Run(product, { folder, flags }).with(async (run) => {
    const server = await run.server();
    server.rate(RATE);
    const { page, opening } = await run.reader(server);
    const [clockOffset] = await Promise.all([page("clockOffset"), sleep(WARM_UP)]);
    const length = isCut ? Math.max(seconds, CUT / 1000 + 3) : seconds;
    const [measured, back] = await Promise.all([page("ages", length), isCut ? cut(run, page, length) : {}]);
    return { seconds: length, opening, clockOffset, ...measured, ...back, ...(await ending(server, page)) };
  });
}
