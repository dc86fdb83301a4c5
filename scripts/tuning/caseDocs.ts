/** Real cases in `docs/tuning.md`: their figures, kept in `docs/tuning/cases.json`, and the pictures of one. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { fillBlocks } from "../fillBlocks.ts"
import { cases } from "./cases.ts"

interface Really {
  readonly requests: number
  readonly refused: number
  readonly waitP99: number
  readonly workerSeconds: number
}

export interface CaseRow {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly target: string
  readonly settings: "none" | "today's" | Readonly<Record<string, string | number>>
  /** What happened with the settings of before. */
  readonly before: Really
  /** What the search says of them. */
  readonly today: { readonly waitP99: number; readonly workers: number }
  readonly promised: { readonly waitP99: number; readonly workers: number } | null
  readonly after: Really
  /** The requests of the second run, simulated. */
  readonly replayedWaitP99: number
  readonly searchSeconds: number
  /** How much the machine had to do besides. */
  readonly machine: number
}

const docs = join(import.meta.dirname, "../../docs")
const folder = join(docs, "tuning")
const file = join(folder, "cases.json")

/** `from`: where its pictures are. */
export const writeDocs = (row: CaseRow, from: string): void => {
  mkdirSync(folder, { recursive: true })
  const known: ReadonlyArray<CaseRow> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : []
  const names = Object.keys(cases)
  const rows = [...known.filter(({ name }) => name !== row.name), row].sort(
    (a, b) => names.indexOf(a.name) - names.indexOf(b.name)
  )
  writeFileSync(file, `${JSON.stringify(rows, undefined, 2)}\n`)
  const page = join(docs, "tuning.md")
  const shown = readFileSync(page, "utf8").includes(`<!-- case ${row.name} -->`) ? ["cost", "load"] : []
  for (const picture of shown) copyFileSync(join(from, `${picture}.svg`), join(folder, `${row.name}-${picture}.svg`))
  fillBlocks(page, {
    case: (name) => {
      const row = rows.find((row) => row.name === name)
      return row === undefined ? "Not measured." : caseText(row)
    },
    cases: () => [table(rows), busyText(rows)].filter((text) => text !== "").join("\n\n")
  })
}

const caseText = (row: CaseRow): string =>
  [
    `![What choices cost, and how long requests wait](tuning/${row.name}-cost.svg)`,
    `![The load under today's settings and under the recommended ones](tuning/${row.name}-load.svg)`,
    table([row]),
    busyText([row])
  ]
    .filter((text) => text !== "")
    .join("\n\n")

/** What was measured beside other work is not what it would be without. */
const busyText = (rows: ReadonlyArray<CaseRow>): string => {
  const busiest = Math.max(...rows.map(({ machine }) => machine))
  const cores = availableParallelism()
  return busiest < cores
    ? ""
    : `The machine had other work: up to ${busiest.toFixed(0)} programs wanted a core when a case began, and it has ${cores}.`
}

const millis = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`

const table = (rows: ReadonlyArray<CaseRow>): string =>
  [
    [
      "",
      "of",
      "recommended",
      "p99 of waiting before",
      "promised",
      "came",
      "worker-seconds before",
      "after",
      "searched for"
    ],
    ["---", "---:", "---", "---:", "---:", "---:", "---:", "---:", "---:"],
    ...rows.map(({ after, before, promised, searchSeconds, seconds, settings, title, name }) => [
      title,
      name === "job" ? "all" : `${seconds} s`,
      typeof settings === "string" ? settings : `\`${settings["policy"]}\``,
      millis(before.waitP99),
      promised === null ? "" : millis(promised.waitP99),
      promised === null ? "" : millis(after.waitP99),
      before.workerSeconds.toFixed(0),
      promised === null ? "" : after.workerSeconds.toFixed(0),
      `${searchSeconds.toFixed(0)} s`
    ])
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")
