/** One case as a table on the terminal. */
import { type Lacking, nameOf, oursByPromise, type Result } from "./results.ts"
import type { Spread } from "./rounds.ts"

export const printCase = (
  name: string,
  what: string,
  by: string,
  measured: ReadonlyArray<Result>,
  lacking: ReadonlyArray<Lacking>
): void => {
  const figures = [...new Set(measured.flatMap(({ figures }) => Object.keys(figures)))]
  const { beside, n, rounds } = measured[0] ?? { n: 0, rounds: 0 }
  const doors = measured.some(({ byPromises }) => byPromises !== undefined)
  const head = [
    "impl",
    "per second (min to max)",
    "CPU µs (min to max)",
    "peak MB",
    `${beside ?? nameOf(by)} is`,
    ...(doors ? [`${nameOf(oursByPromise)} is`] : []),
    ...figures
  ]
  const rows = measured.map((result) => [
    result.impl,
    rangeOf(result.rate, result.min, result.max),
    rangeOf(result.cpuMicros, result.cpuMin, result.cpuMax),
    result.peakMegabytes.toFixed(0),
    times(result.ratio),
    ...(doors ? [times(result.byPromises)] : []),
    ...figures.map((figure) => (result.figures[figure] === undefined ? "" : number(result.figures[figure])))
  ])
  console.log(`\n${name}: ${what} (n = ${number(n)}, rounds: ${rounds})`)
  printTable(head, rows)
  for (const { impl, lacks } of lacking) console.log(`  ${impl}: ${lacks}`)
}

/** The median of the rounds with the least and the most of them; of a single one nothing else. */
export const rangeOf = (median: number, min: number, max: number, show = number): string =>
  min === max ? show(median) : `${show(median)} (${show(min)} to ${show(max)})`

/** Three significant digits at least. */
export const number = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2 })

const times = (ratio: Spread | undefined): string =>
  ratio === undefined ? "" : rangeOf(ratio.median, ratio.min, ratio.max, (value) => `${value.toFixed(2)} x`)

export const printTable = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): void => {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]!.length)))
  for (const row of [head, ...rows]) {
    console.log(
      `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ")}`
    )
  }
}
