// How things are written.

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export const escape = (text) => String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);

/** Three digits, or more where there are more before the point. */
export function number(value) {
  if (value === undefined || value === null) return "–";
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** HTML of a template, whose values are escaped unless they are HTML already. */
export function html(strings, ...values) {
  const written = values.map((value) => [value].flat().map((part) => (part instanceof Html ? part.text : escape(part ?? ""))).join(""));
  return new Html(strings.map((text, index) => text + (written[index] ?? "")).join(""));
}

export class Html {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}
