// A chart of ages: a line for each product, with marks at p50, p95 and p99, on a scale of powers where it needs one.
import { FIGURES, figureOf } from "./figures.mjs";
import { html, number } from "./text.mjs";

const WIDTH = 720;
const LEFT = 96;
const RIGHT = 76;
const ROW = 30;
const TOP = 26;
// Marks differ by shape, for who cannot tell their colours apart.
const MARKS = {
  p50: (x, y) => html`<circle class="p50" cx="${x}" cy="${y}" r="5"/>`,
  p95: (x, y) => html`<rect class="p95" x="${x - 5}" y="${y - 5}" width="10" height="10"/>`,
  p99: (x, y) => html`<path class="p99" d="M${x} ${y - 7}L${x + 7} ${y + 5}H${x - 7}Z"/>`,
};
const MARKED = FIGURES.freshness.filter(({ name }) => MARKS[name]);

/** From a value to its place, and the values that are written at the axis. */
export function scale(values) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const width = WIDTH - LEFT - RIGHT;
  if (most / least < 8) {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((step) => most / step <= 6) ?? most;
    const end = Math.ceil(most / step) * step;
    const ticks = Array.from({ length: end / step + 1 }, (_, index) => index * step);
    return { isLog: false, ticks, at: (value) => LEFT + (width * value) / end };
  }
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most));
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
  return { isLog: true, ticks, at: (value) => LEFT + (width * (Math.log10(value) - from)) / (to - from) };
}

const place = (value) => value.toFixed(1);

function row(record, y, at) {
  const name = html`<text class="name" x="${LEFT - 10}" y="${y + 4}">${record.product}</text>`;
  const values = MARKED.map((figure) => [figure.name, figureOf(figure, record)]);
  if (values.some(([, value]) => value === undefined)) {
    return html`${name}<text class="none" x="${LEFT + 4}" y="${y + 4}">no values: see below</text>`;
  }
  const [first, , last] = values.map(([, value]) => at(value));
  const marks = values.map(([name, value]) => MARKS[name](Number(place(at(value))), y));
  return html`${name}<line class="span" x1="${place(first)}" x2="${place(last)}" y1="${y}" y2="${y}"/>${marks}
<text class="value" x="${place(last + 12)}" y="${y + 4}">${number(values[2][1])}</text>`;
}

export function chart(group, id) {
  const values = group.records.flatMap((record) => MARKED.map((figure) => figureOf(figure, record))).filter((value) => value > 0);
  if (!values.length) return "";
  const { at, ticks, isLog } = scale(values);
  const height = TOP + ROW * group.records.length + 30;
  const said = group.records
    .filter((record) => figureOf(MARKED[0], record) !== undefined)
    .map((record) => `${record.product} ${MARKED.map((figure) => number(figureOf(figure, record))).join(", ")}`);
  const lines = ticks.map(
    (tick) => html`<line class="grid" x1="${place(at(tick))}" x2="${place(at(tick))}" y1="${TOP - 8}" y2="${height - 26}"/>
<text class="tick" x="${place(at(tick))}" y="${height - 10}">${tick.toLocaleString("en")}</text>`,
  );
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Chart: ${group.network}">
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">Age of the newest value, ${group.network}, in ms${isLog ? ", scale of powers of ten" : ""}</title>
<desc id="${id}-desc">p50, p95 and p99 in ms: ${said.join("; ")}. The table below has the same figures.</desc>
${lines}${group.records.map((record, index) => row(record, TOP + ROW * index + 8, at))}
</svg></div>`;
}
