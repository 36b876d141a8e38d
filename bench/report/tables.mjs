// The tables of the report. A row is a figure and a column a product, so that what is compared stands side by side.
import { FIGURES, best, defects, figureOf } from "./figures.mjs";
import { html, number } from "./text.mjs";

function cell(figure, record, least) {
  const value = figureOf(figure, record);
  if (value === undefined) return html`<td class="none">–</td>`;
  // The mark says it to who does not see the colour, and the words to who hears it.
  return value === least
    ? html`<td class="best"><b>${number(value)}</b><span aria-hidden="true"> ◂</span><span class="heard"> best</span></td>`
    : html`<td>${number(value)}</td>`;
}

function figureRow(figure, records) {
  const least = best(figure, records);
  if (records.every((record) => figureOf(figure, record) === undefined)) return "";
  return html`<tr><th scope="row">${figure.name} <span class="unit">${figure.unit}</span></th>
${records.map((record) => cell(figure, record, least))}</tr>
`;
}

/** What is no better for being less. */
const FACTS = [
  { name: "values a second", of: ({ perSecond }) => number(perSecond), isThere: ({ perSecond }) => perSecond !== undefined },
  { name: "came by", of: ({ path }) => path, isThere: ({ path }) => path },
  { name: "keys without their last value", of: ({ missing }) => missing, isThere: ({ missing }) => missing !== undefined },
  { name: "readers back", of: ({ back, clients }) => `${back} of ${clients}`, isThere: ({ back }) => back !== undefined },
];

function factRow({ name, of, isThere }, records) {
  if (!records.some(isThere)) return "";
  const cells = records.map((record) => (isThere(record) ? html`<td>${of(record)}</td>` : html`<td class="none">–</td>`));
  return html`<tr><th scope="row">${name}</th>${cells}</tr>
`;
}

export function table(group, caption) {
  const { records, scene } = group;
  const found = records.flatMap((record) => defects(record).map((defect) => html`<li><b>${record.product}</b>: ${defect}</li>`));
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Table: ${caption}"><table>
<caption>${caption}</caption>
<thead><tr><th scope="col">figure</th>${records.map(({ product }) => html`<th scope="col">${product}</th>`)}</tr></thead>
<tbody>
${FIGURES[scene].map((figure) => figureRow(figure, records))}${FACTS.map((fact) => factRow(fact, records))}</tbody></table></div>
${found.length ? html`<ul class="defects">${found}</ul>` : ""}`;
}

export function behindTable(found) {
  if (!found.length) return html`<p>Nowhere, by more than 5 %, in what was measured.</p>`;
  const rows = found.map(
    ({ group, figure, unit, product, theirs, ours }) => html`<tr><th scope="row">${group}</th><td class="text">${figure}</td>
<td class="text">${product}</td><td>${number(theirs)} ${unit}</td><td>${ours === undefined ? "none" : `${number(ours)} ${unit}`}</td>
<td>${ours === undefined ? "–" : `${Math.round((ours / theirs - 1) * 100)} %`}</td></tr>
`,
  );
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Table: where Tickwire is behind"><table>
<caption>Figures in which another product is better by more than 5 %</caption>
<thead><tr><th scope="col">scene</th><th scope="col">figure</th><th scope="col">product</th><th scope="col">its figure</th>
<th scope="col">Tickwire's</th><th scope="col">more by</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}
