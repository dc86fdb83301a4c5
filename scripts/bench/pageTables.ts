/** The tables of the page, from the runs that are kept. What has not been measured is left out. */
import { type Kept, runOf } from "./kept.ts"
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
import type { Spread } from "./rounds.ts"
import { number, rangeOf } from "./tables.ts"

const units: Readonly<Record<string, string>> = {
  moreMicros: "CPU µs more",
  share: "of the ideal",
  turnMillis: "longest turn, ms",
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
  firstMillis: "ms to the first result",
  lastMillis: "ms to the last result",
  modules: "modules",
  kilobytes: "KB of them",
  bytesEach: "bytes each",
  maxBodies: "tasks at once",
  wastedSeconds: "wasted work, s",
  refused: "refused",
  late: "late"
}

/** A table for each of these cases that has been measured. */
export const tables = (kept: Kept, names: ReadonlyArray<string>): string =>
  names
    .map((name) => tableOf(runOf(kept, name), name))
    .filter(Boolean)
    .join("\n\n")

/** One case, or one and those that were measured in turns with it. */
const tableOf = (run: Results | undefined, name: string): string => {
  if (run === undefined) return ""
  const here = run.results.filter((result) => result.case === name || ("beside" in result && result.beside === name))
  const isGroup = here.some((result) => result.case !== name)
  const measured = here.filter((result): result is Result => "rate" in result)
  const lacking = here.filter((result): result is Lacking => "lacks" in result)
  const figures = Object.keys(units).filter((unit) => measured.some((result) => result.figures[unit] !== undefined))
  const doors = measured.some(({ byPromises }) => byPromises !== undefined)
  const head = [
    "",
    "per second (min to max)",
    "CPU µs (min to max)",
    "peak MB",
    `${isGroup ? name : nameOf(oursOf(name, run))} by it`,
    ...(doors ? [`${nameOf(oursByPromise)} by it`] : []),
    ...figures.map((key) => units[key]!)
  ]
  const rows = measured.map((result) => [
    isGroup
      ? `**${result.case}**: ${run.cases[result.case]}`
      : nameOf(result.impl) === result.impl
        ? result.impl
        : `**${nameOf(result.impl)}**`,
    rangeOf(result.rate, result.min, result.max),
    rangeOf(result.cpuMicros, result.cpuMin, result.cpuMax),
    number(result.peakMegabytes),
    times(result.ratio),
    ...(doors ? [times(result.byPromises)] : []),
    ...figures.map((key) => (result.figures[key] === undefined ? "" : number(result.figures[key])))
  ])
  const lacks = lacking.map(({ impl, lacks }) => [impl, lacks, ...head.slice(2).map(() => "")])
  const { n, rounds } = measured[0]!
  const size = `${number(n)} requests, ${rounds === 1 ? "one round" : `${rounds} rounds`}`
  const title = isGroup ? `${size}:` : `**${name}**: ${run.cases[name]} (${size})`
  return [title, "", table([head, ...rows, ...lacks])].join("\n")
}

/** The pools of promises, and what is stacked on them. */
const peers = [
  "p-queue",
  "p-limit",
  "fastq-promise",
  "p-queue-stacked",
  "p-limit-stacked",
  "fastq-promise-stacked",
  "async-stacked"
]

/** How many times as fast as the peers both doors are, a row for each case and door. */
export const ratios = (kept: Kept, names: ReadonlyArray<string>): string => {
  const rowsOf = names.flatMap((name) => {
    const run = runOf(kept, name)
    const measured = run?.results.filter((result): result is Result => result.case === name && "rate" in result) ?? []
    const to = (door: string, pick: (result: Result) => Spread | undefined) => ({
      title: `**${name}** ${run?.cases[name]}: ${nameOf(door)}`,
      of: new Map(
        measured.filter(({ impl }) => peers.includes(impl)).map((result) => [result.impl, times(pick(result))])
      )
    })
    // A run whose ratios are to another implementation says nothing of both doors.
    const both = run !== undefined && (run.by ?? ours) === ours
    return both ? [to(ours, ({ ratio }) => ratio), to(oursByPromise, ({ byPromises }) => byPromises)] : []
  })
  const rows = rowsOf.filter(({ of }) => [...of.values()].some(Boolean))
  const there = peers.filter((peer) => rows.some(({ of }) => of.has(peer)))
  if (rows.length === 0) return ""
  return table([["", ...there], ...rows.map(({ of, title }) => [title, ...there.map((peer) => of.get(peer) ?? "")])])
}

const times = (ratio: Spread | undefined): string =>
  ratio === undefined ? "" : rangeOf(ratio.median, ratio.min, ratio.max, (value) => value.toFixed(2))

const oursOf = (name: string, { by }: Results): string =>
  name.startsWith("T") ? oursOnThreads : name.startsWith("D") ? oursOnStore : (by ?? ours)

/** Where and when it was measured; where there are several runs, which cases are of which. */
export const origins = (kept: Kept): string =>
  kept
    .map((run) => [...originOf(run), ...(kept.length === 1 ? [] : [`- cases: ${Object.keys(run.cases).join(", ")}`])])
    .map((lines) => lines.join("\n"))
    .join("\n\nand\n\n")

const originOf = (run: Results): ReadonlyArray<string> => [
  ...Object.entries(run.machine).map(([what, value]) => `- ${what}: ${value}`),
  `- versions: ${Object.entries(run.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}`,
  `- on ${run.date}, by \`${run.command}\``
]

/** How those that were measured were called; where the runs differ, as in the newest. */
export const hows = (kept: Kept): string => {
  const measured = new Set(kept.flatMap(({ results }) => results.map(({ impl }) => impl)))
  const how = Object.assign({}, ...kept.map(({ how }) => how).toReversed()) as Results["how"]
  return Object.entries(how)
    .filter(([impl]) => measured.has(impl))
    .map(([impl, how]) => `- **${nameOf(impl)}**: ${how}`)
    .join("\n")
}

/** Who is measured at a store, one a row. */
export const inShort = (kept: Kept): string => {
  const measured = kept.flatMap(({ results }) => results).filter((result): result is Result => "rate" in result)
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
  return table([head, ...rows])
}

/** The first row is the head. */
const table = ([head, ...rows]: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head!, head!.map((_, at) => (at === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")
