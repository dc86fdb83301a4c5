/** The parts of a page. */
import type { Chart, Draw } from "./charts.ts"

/** Text in a page: whatever it says, it stays text. */
export const escape = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

/** A table with a head; the first column names the rows. `cells` are text. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  className: string
): string =>
  [
    `<div class="scroll"><table class="${className}">`,
    `<thead><tr>${head.map((cell) => `<th scope="col">${escape(cell)}</th>`).join("")}</tr></thead>`,
    "<tbody>",
    ...rows.map(
      ([name, ...cells]) =>
        `<tr><th scope="row">${escape(name!)}</th>${cells.map((cell) => `<td>${escape(cell)}</td>`).join("")}</tr>`
    ),
    "</tbody></table></div>"
  ].join("\n")

/** What things are called, and what they are. */
export const terms = (all: ReadonlyArray<readonly [name: string, value: string]>): string =>
  `<dl>${all.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join("")}</dl>`

/** One picture, for wide pages and for narrow ones. */
export const picture = (title: string, remark: string, height: number, chart: Chart, draw: Draw): string => {
  const svg = (className: string, width: number) =>
    `<div class="${className}" role="img" aria-label="${escape(title)}">${draw(chart, { width, height })}</div>`
  return [
    `<figure><figcaption>${escape(title)} <span>${escape(remark)}</span></figcaption>`,
    svg("wide", 920),
    svg("narrow", 380),
    "</figure>"
  ].join("\n")
}

/** A whole page that loads nothing and runs nothing. `body` is HTML. */
export const page = (title: string, body: ReadonlyArray<string>): string =>
  [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escape(title)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    ...body,
    "</body>",
    "</html>",
    ""
  ].join("\n")

const style = `
:root { color-scheme: light dark; --ink: #3b3f45; --strong: #16181b; --rule: #d9dce1; --paper: #ffffff; --shade: #f5f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #b4bac2; --strong: #f0f2f4; --rule: #3a3f46; --paper: #16181b; --shade: #1f2226 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1, h2 { color: var(--strong); line-height: 1.2 }
h1 { font-size: 1.5rem; margin: 0 0 0.75rem }
h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem }
dl { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0 }
dl div { display: flex; gap: 0.4rem }
dd { margin: 0; color: var(--strong); overflow-wrap: anywhere }
ul.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0.75rem 0; padding: 0 }
ul.legend svg { width: 2rem; height: 0.7rem; margin-right: 0.4rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 0.2rem 0.75rem 0.2rem 0; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--rule); font-weight: normal }
thead th { color: var(--strong); font-weight: 600 }
table.figures th:first-child { text-align: left; padding-right: 1.5rem; white-space: normal; min-width: 9rem }
table.decisions td:last-child, table.decisions th:last-child { text-align: left; white-space: normal; min-width: 18rem }
figure { margin: 1.25rem 0 0 }
figcaption { color: var(--strong); margin-bottom: 0.25rem }
figcaption span { color: var(--ink); font-size: 0.85em }
figure svg { display: block; width: 100%; height: auto }
.narrow, .printed { display: none }
details { margin: 0.5rem 0; border: 1px solid var(--rule); border-radius: 4px; padding: 0.4rem 0.75rem }
summary { cursor: pointer; color: var(--strong) }
@media screen and (max-width: 40rem) { .narrow { display: block } .wide { display: none } }
@media print {
  :root { color-scheme: light; --ink: #3b3f45; --strong: #000; --rule: #d0d3d8; --paper: #fff }
  body { max-width: none; padding: 0; font-size: 10pt }
  figure, tr { break-inside: avoid }
  h2 { break-after: avoid }
  details { display: none }
  .printed { display: block }
}
`
