/** One case as a table on the terminal. */
import type { Lacking, Result } from "./results.ts"
import type { Spread } from "./rounds.ts"

export const printCase = (
  name: string,
  what: string,
  measured: ReadonlyArray<Result>,
  lacking: ReadonlyArray<Lacking>
): void => {
  const figures = [...new Set(measured.flatMap(({ figures }) => Object.keys(figures)))]
  const { beside, n, rounds } = measured[0] ?? { n: 0, rounds: 0 }
  const head = [
    "impl",
    "per second",
    "min",
    "max",
    "CPU µs",
    "peak MB",
    beside === undefined ? "this pool is" : `${beside} is`,
    ...figures
  ]
  const rows = measured.map((result) => [
    result.impl,
    number(result.rate),
    number(result.min),
    number(result.max),
    result.cpuMicros.toFixed(2),
    result.peakMegabytes.toFixed(0),
    result.ratio === undefined ? "" : times(result.ratio),
    ...figures.map((figure) => (result.figures[figure] === undefined ? "" : number(result.figures[figure])))
  ])
  console.log(`\n${name}: ${what} (n = ${number(n)}, rounds: ${rounds})`)
  printTable(head, rows)
  for (const { impl, lacks } of lacking) console.log(`  ${impl}: ${lacks}`)
}

/** Three significant digits at least. */
export const number = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2 })

const times = ({ max, median, min }: Spread): string =>
  `${median.toFixed(2)} x (${min.toFixed(2)} to ${max.toFixed(2)})`

export const printTable = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): void => {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]!.length)))
  for (const row of [head, ...rows]) {
    console.log(
      `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ")}`
    )
  }
}
