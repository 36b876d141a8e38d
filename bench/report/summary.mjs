// The shortest table that says what was measured, as Markdown for a README.
import { FIGURES, best, compared, figureOf } from "./figures.mjs";
import { number } from "./text.mjs";

const P95 = FIGURES.freshness.find(({ name }) => name === "p95");
const COSTS = FIGURES.cost.slice(0, 2);

const cells = (figure, products, records) => {
  const least = best(figure, records);
  return products.map((product) => {
    const record = records.find((record) => record.product === product);
    const value = record && figureOf(figure, record);
    if (value === undefined) return "–";
    return value === least ? `**${number(value)}**` : number(value);
  });
};

const line = (words) => `| ${words.map((word) => String(word).replaceAll("|", "\\|")).join(" | ")} |`;

export function summary(records) {
  const groups = compared(records);
  const products = [...new Set(groups.flatMap((group) => group.records.map(({ product }) => product)))];
  const fresh = groups.filter(({ scene }) => scene === "freshness");
  const cost = groups.find(({ scene }) => scene === "cost");
  const rows = [
    ...fresh.map((group) => [`${group.network}, ms`, ...cells(P95, products, group.records)]),
    ...(cost ? COSTS.map((figure) => [`${figure.name}, ${figure.unit}`, ...cells(figure, products, cost.records)]) : []),
  ];
  const head = ["95 of 100 are at most so old", ...products];
  const rule = ["---", ...products.map(() => "---:")];
  return [line(head), line(rule), ...rows.map(line), ""].join("\n");
}
