// Two servers behind a balancer, and one is asked to end. How long each reader is without a value.
import { setTimeout as sleep } from "node:timers/promises";
import { quantileOf } from "../../page/histogram.js";
import { Child } from "../child.mjs";
import { here } from "../paths.mjs";
import { Run, each, mustAllOpen } from "../run.mjs";

const RATE = 20;
const READERS = 20;
const BALANCER = 8080;
const PORTS = [8081, 8082];
const OBSERVED = 15_000;

export async function drain(product, { folder }) {
  return new Run(product, { folder, flags: "--direct --addresses 10" }).with(async (run) => {
    const servers = [];
    for (const port of PORTS) servers.push(await run.server(port));
    servers.forEach((server) => server.rate(RATE));
    const balancer = new Child(process.execPath, [here("lib/balancer.mjs"), BALANCER, product.readyPath ?? "", ...PORTS].map(String), {
      namespace: run.network.server,
      log: `${run.folder}/balancer.log`,
    });
    await run.own(balancer);
    await balancer.told();
    await run.browser(BALANCER);
    const opened = await run.readers(READERS, servers[0]);
    mustAllOpen(READERS, opened);
    const { pages } = opened;
    await sleep(1000);
    await each(pages, "reset");
    servers[0].child.signal("SIGTERM");
    await sleep(OBSERVED);
    const gaps = await each(pages, "gaps");
    // Who was on the other server has seen nothing; who has no value for the last 5 s has not come back.
    const lost = gaps.filter((gap) => gap > OBSERVED - 5000).length;
    return { readers: READERS, gapMedian: quantileOf(gaps, 0.5), gapLongest: Math.max(...gaps), notBack: lost };
  });
}
