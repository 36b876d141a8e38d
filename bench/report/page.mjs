// The report as one page that needs nothing else.
import { NETWORKS } from "../lib/network.mjs";
import { chart } from "./chart.mjs";
import { behind, compared, newest } from "./figures.mjs";
import { behindTable, table } from "./tables.mjs";
import { Html, html, number } from "./text.mjs";

const HEADINGS = {
  freshness: "Freshness",
  cost: "What readers cost the server",
  restart: "A server is killed and starts again",
  drain: "A server ends beside another",
};

const SAYS = {
  freshness: `20 keys change 20 times a second each. Every 5 ms the reader, a page in Chromium, takes the age of the newest
value that it has of each key: now less the time at which the value was made, by the clock of the same machine. Every network
is emulated, each direction alike and with the same seed for all products. After the run the producer stops: “last value
after” is how long it then takes until each key has its last value.`,
  cost: `100 readers or as many as the command says, 20 keys that change twice a second, no emulated network. Processor time and
memory are those of the server's process. A producer inside of that process is part of it; where the server is fed over HTTP, its
receiving is.`,
  restart: `The server is killed under its readers (SIGKILL) and started after a second. Times count from when it was started; a
reader is back with its first value that was made after that.`,
  drain: `Two servers behind a balancer of TCP, 20 readers; one server is asked to end (SIGTERM). The gap is the longest time
that a reader is without a value. Products that answer with an address of their own for UDP, and have no way to leave, are not
part of it.`,
};

function machine(head) {
  if (!head) return "";
  const { processor, cores, memory, kernel } = head.machine;
  const facts = [
    ["date", head.date],
    ["commit", head.commit],
    ["command", head.command],
    ["processor", `${processor}, ${cores} cores, shared by server, producer and browser`],
    ["memory", `${number(memory / 2 ** 30)} GiB`],
    ["kernel", kernel],
    ["browser", head.browser],
    ["Node", head.node],
  ];
  return html`<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function products(records) {
  const all = new Map(records.filter(({ way }) => way).map((record) => [record.product, record]));
  const failed = records.filter(({ scene }) => scene === "setup");
  return html`<ul>${[...all.values()].map(({ product, version, way }) => html`<li><b>${product}</b> (${version}): ${way}</li>`)}
${failed.map(({ product, failed }) => html`<li><b>${product}</b> was left out: ${failed}</li>`)}</ul>`;
}

function section(scene, groups) {
  if (!groups.length) return "";
  const parts = groups.map((group, index) => {
    const caption = group.network ? `${group.network}: ${NETWORKS[group.network]?.says ?? ""}` : HEADINGS[scene];
    const heading = group.network ? html`<h3 id="${scene}-${group.network}">${caption}</h3>` : "";
    return html`${heading}${scene === "freshness" ? chart(group, `chart-${index}`) : ""}${table(group, caption)}`;
  });
  return html`<section aria-labelledby="${scene}"><h2 id="${scene}">${HEADINGS[scene]}</h2><p>${SAYS[scene]}</p>${parts}</section>`;
}

export function page(records, style) {
  const heads = records.filter(({ scene }) => scene === "head");
  const latest = newest(records);
  const groups = compared(records);
  const written = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>How fresh values are at browsers, by each way</title>
<style>${new Html(style)}</style></head>
<body><main>
<h1>How fresh values are at browsers, by each way</h1>
<p>Where less is better, the best figure of a row is bold and has a ◂. In charts a circle is p50, a square p95, a triangle p99,
whose figure stands beside it.</p>
<section aria-labelledby="measured"><h2 id="measured">What was measured, and on what</h2>${machine(heads.at(-1))}${products(latest)}</section>
<section aria-labelledby="behind"><h2 id="behind">Where Tickwire is behind</h2>${behindTable(behind(records))}</section>
${Object.keys(HEADINGS).map((scene) => section(scene, groups.filter((group) => group.scene === scene)))}
</main></body></html>
`;
  return written.toString();
}
