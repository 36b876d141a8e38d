// What a hundred readers cost the server, without an emulated network.
import { setTimeout as sleep } from "node:timers/promises";
import { quantileOf } from "../../page/histogram.js";
import { Run, each, must, mustAllOpen, notConnected } from "../run.mjs";

const RATE = 2;
const WARM_UP = 10;
const SETTLE = 2000;

export async function cost(product, { seconds, folder, readers }) {
  return new Run(product, { folder, flags: "--direct --addresses 60" }).with(async (run) => {
    const server = await run.server();
    server.rate(RATE);
    await run.browser();
    // What is made once, for the first readers, is not what one more costs.
    const first = await run.readers(WARM_UP, server);
    must(first.times.length, notConnected(first));
    await each(first.pages, "close");
    await sleep(SETTLE);
    const without = server.cost();
    const opened = await run.readers(readers, server);
    mustAllOpen(readers, opened);
    const { pages } = opened;
    await sleep(SETTLE);
    await each(pages, "reset");
    const before = server.cost();
    await sleep(seconds * 1000);
    const after = server.cost();
    const received = (await each(pages, "received")).reduce((sum, count) => sum + count, 0);
    must(received > 0, "no value came while the cost was measured");
    return {
      seconds,
      readers,
      received,
      microsecondsPerValue: ((after.processor - before.processor) * 1e6) / received,
      memoryPerReader: (after.memory - without.memory) / readers,
      memoryBefore: without.memory,
      openingMedian: quantileOf(opened.times, 0.5),
      opening99: quantileOf(opened.times, 0.99),
    };
  });
}
