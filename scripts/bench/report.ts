/**
 * Writes the figures of five runs into `docs/benchmarks.md` and `docs/durable.md`, between the marks that stand there, and draws its pictures.
 *
 * `npm run bench:report -- [FILE]`, where FILE was written by `npm run bench -- --json FILE`: a run whose ratios are to the door
 * for promises, or one of the queue's cases alone (Q), of those of threads (T) or of stores (D), is that of its own section, any other is that of all the rest. Default: the runs that the page shows already.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fillBlocks } from "../fillBlocks.ts"
import { plots } from "./plots.ts"
import {
  type Lacking,
  nameOf,
  ours,
  oursByPromise,
  oursOnStore,
  oursOnThreads,
  type Result,
  type Results
} from "./results.ts"
import { number } from "./tables.ts"
import { whereOrigin, whereTable, type WhereRun } from "./where/table.ts"

const docs = join(import.meta.dirname, "../../docs")
const page = join(docs, "benchmarks.md")
const folder = join(docs, "benchmarks")
const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Results
mkdirSync(folder, { recursive: true })
const kept = {
  all: join(folder, "results.json"),
  promises: join(folder, "promises.json"),
  queue: join(folder, "queue.json"),
  threads: join(folder, "threads.json"),
  durable: join(folder, "durable.json")
}
/** By the letter with which all of its cases begin. */
const ofLetter = { Q: kept.queue, T: kept.threads, D: kept.durable } as const
const keptOf = ({ by, cases }: Results) =>
  by === oursByPromise
    ? kept.promises
    : (Object.entries(ofLetter).find(([letter]) => Object.keys(cases).every((name) => name.startsWith(letter)))?.[1] ??
      kept.all)
if (process.argv[2] !== undefined) {
  const run = read(process.argv[2])
  writeFileSync(keptOf(run), `${JSON.stringify(run, undefined, 2)}\n`)
}
const run = read(kept.all)
const promises = read(kept.promises)
const queue = read(kept.queue)
const threads = read(kept.threads)
const durable = read(kept.durable)

const units: Readonly<Record<string, string>> = {
  moreMicros: "CPU µs more",
  share: "of the ideal",
  p50Millis: "p50 ms",
  p99Millis: "p99 ms",
  maxMillis: "max ms",
  millisEach: "ms each",
  freeMillis: "ms until both are free",
  startMillis: "ms to the first value",
  startP50Millis: "p50 ms to its start",
  startP99Millis: "p99 ms to its start",
  queriesEach: "a second and process",
  megabytesEach: "MB of a thread",
  p99WaitMillis: "p99 of waiting, ms",
  bytesEach: "bytes each",
  maxBodies: "tasks at once",
  wastedSeconds: "wasted work, s",
  refused: "refused",
  late: "late"
}

/** One case, or one and those that were measured in turns with it. */
const tableOf = (run: Results, name: string): string => {
  const here = run.results.filter((result) => result.case === name || ("beside" in result && result.beside === name))
  const isGroup = here.some((result) => result.case !== name)
  const measured = here.filter((result): result is Result => "rate" in result)
  const lacking = here.filter((result): result is Lacking => "lacks" in result)
  if (measured.length === 0) return ""
  const figures = Object.keys(units).filter((unit) => measured.some((result) => result.figures[unit] !== undefined))
  const head = [
    "",
    "per second (min to max)",
    "CPU µs",
    "peak MB",
    `${isGroup ? name : nameOf(oursOf(name, run))} by it`,
    ...figures.map((key) => units[key]!)
  ]
  const rows = measured.map((result) => [
    isGroup
      ? `**${result.case}**: ${run.cases[result.case]}`
      : nameOf(result.impl) === result.impl
        ? result.impl
        : `**${nameOf(result.impl)}**`,
    `${number(result.rate)} (${number(result.min)} to ${number(result.max)})`,
    number(result.cpuMicros),
    number(result.peakMegabytes),
    result.ratio === undefined
      ? ""
      : `${result.ratio.median.toFixed(2)} (${result.ratio.min.toFixed(2)} to ${result.ratio.max.toFixed(2)})`,
    ...figures.map((key) => (result.figures[key] === undefined ? "" : number(result.figures[key])))
  ])
  const lacks = lacking.map(({ impl, lacks }) => [impl, lacks, ...head.slice(2).map(() => "")])
  const { n, rounds } = measured[0]!
  return [
    isGroup
      ? `${number(n)} requests, ${rounds} rounds:`
      : `**${name}**: ${run.cases[name]} (${number(n)} requests, ${rounds} rounds)`,
    "",
    ...[head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows, ...lacks].map(
      (row) => `| ${row.join(" | ")} |`
    )
  ].join("\n")
}

const oursOf = (name: string, { by }: Results): string =>
  name.startsWith("T") ? oursOnThreads : name.startsWith("D") ? oursOnStore : (by ?? ours)

const origin = (run: Results): string =>
  [
    ...Object.entries(run.machine).map(([what, value]) => `- ${what}: ${value}`),
    `- versions: ${Object.entries(run.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
    `- on ${run.date}, by \`${run.command}\``
  ].join("\n")

/** Written by `npm run bench:where -- --json docs/benchmarks/where.json`. */
const where = JSON.parse(readFileSync(join(folder, "where.json"), "utf8")) as WhereRun

const blocks: Readonly<Record<string, (argument: string) => string>> = {
  "where-run": () => whereOrigin(where),
  where: () => whereTable(where),
  run: () => origin(run),
  "promises-run": () => origin(promises),
  "queue-run": () => origin(queue),
  "threads-run": () => origin(threads),
  "durable-run": () => origin(durable),
  how: () => howOf(run),
  "threads-how": () => howOf(threads),
  "durable-how": () => howOf(durable),
  table: (names) => tables(run, names),
  "promises-table": (names) => tables(promises, names),
  "queue-table": (names) => tables(queue, names),
  "threads-table": (names) => tables(threads, names),
  durable: () => inShort(durable),
  "durable-table": (names) => tables(durable, names),
  plot: (file) => {
    const plot = drawn.find((plot) => plot.file === file)
    if (plot === undefined) throw new Error(`no plot ${file}`)
    return `![${plot.title}](benchmarks/${file})`
  }
}

function tables(run: Results, names: string): string {
  return names
    .split(" ")
    .map((name) => tableOf(run, name))
    .filter(Boolean)
    .join("\n\n")
}

/** Who is measured at a store, one a row. */
function inShort({ results }: Results): string {
  const measured = results.filter((result): result is Result => "rate" in result)
  const figure = (impl: string, name: string, pick: (result: Result) => number | undefined) => {
    const result = measured.find((result) => result.case === name && result.impl === impl)
    const value = result === undefined ? undefined : pick(result)
    return value === undefined ? "" : number(value)
  }
  const both = (impl: string, ...keys: ReadonlyArray<string>) =>
    keys
      .map((key) => figure(impl, "D3", ({ figures }) => figures[key]))
      .filter(Boolean)
      .join(" / ")
  const head = [
    "",
    "of 10,000 that wait, to the last outcome, a second",
    "stored by 1,000 callers, a second",
    "idle, to the start elsewhere, p50 / p99 ms",
    "and back, ms",
    "idle statements, a second and process"
  ]
  const rows = [...new Set(measured.map(({ impl }) => impl))].map((impl) => [
    impl === oursOnStore ? "**this pool**" : impl,
    figure(impl, "D1", ({ rate }) => rate),
    figure(impl, "D2-1000", ({ rate }) => rate),
    both(impl, "startP50Millis", "startP99Millis"),
    both(impl, "p50Millis", "p99Millis"),
    figure(impl, "D4", ({ figures }) => figures["queriesEach"])
  ])
  return [head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n")
}

function howOf({ how, results }: Results): string {
  const measured = new Set(results.map(({ impl }) => impl))
  return Object.entries(how)
    .filter(([impl]) => measured.has(impl))
    .map(([impl, how]) => `- **${nameOf(impl)}**: ${how}`)
    .join("\n")
}

const drawn = [
  ...plots(run).filter(({ file }) => file !== "threads.svg" && file !== "durable.svg"),
  ...plots(threads).filter(({ file }) => file === "threads.svg"),
  ...plots(durable).filter(({ file }) => file === "durable.svg"),
  ...plots(promises)
    .filter(({ file }) => file === "cpu.svg")
    .map((plot) => ({ ...plot, file: `promises-${plot.file}` }))
]
for (const { file, svg } of drawn) writeFileSync(join(folder, file), svg)

fillBlocks(page, blocks)
fillBlocks(join(docs, "durable.md"), blocks)
console.log(`docs/benchmarks.md, docs/durable.md and ${drawn.length} pictures`)
