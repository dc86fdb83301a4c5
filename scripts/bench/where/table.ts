/** Where the processor time of a request goes, as a table that adds up to what was measured. */
import { groups } from "./rules.ts"

/** One case by one door. */
export interface Where {
  readonly impl: string
  readonly case: string
  readonly n: number
  readonly rounds: number
  /** Microseconds of processor time per request without the profiler: the least of the rounds, and the most. */
  readonly cpuMicros: number
  readonly cpuMax: number
  /** With the profiler, likewise. */
  readonly profiledMicros: number
  /** Of `cpuMicros`, what threads beside the main one took. */
  readonly otherThreadsMicros: number
  /** Of the main thread's time, by group: they add up to one. */
  readonly shares: Readonly<Record<string, number>>
  /** The largest of what no rule knows, with shares. */
  readonly unassigned: ReadonlyArray<readonly [frame: string, share: number]>
}

export interface WhereRun {
  readonly date: string
  readonly command: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly cases: ReadonlyArray<Where>
}

const otherThreads = "other threads: collection and compilation"

/** Microseconds per request by row. The rows of a column add up to its last one. */
export const whereTable = ({ cases }: WhereRun): string => {
  const micros = (self: Where, group: string) =>
    group === otherThreads
      ? self.otherThreadsMicros
      : (self.shares[group] ?? 0) * (self.cpuMicros - self.otherThreadsMicros)
  const last = "unassigned"
  const rows = [...groups.filter((group) => group !== last), otherThreads, last]
  const head = ["µs per request", ...cases.map(columnOf)]
  return [
    head,
    head.map((_, at) => (at === 0 ? "---" : "---:")),
    ...rows.map((group) => [group, ...cases.map((self) => micros(self, group).toFixed(2))]),
    ["**measured, without the profiler**", ...cases.map(({ cpuMicros }) => `**${cpuMicros.toFixed(2)}**`)],
    ["the most of the rounds", ...cases.map(({ cpuMax }) => cpuMax.toFixed(2))],
    ["with the profiler", ...cases.map(({ profiledMicros }) => profiledMicros.toFixed(2))]
  ]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n")
}

const columnOf = ({ case: name, impl }: Where): string => (impl.endsWith("-promise") ? `${name}, promises` : name)

export const whereOrigin = ({ cases, command, date, machine }: WhereRun): string =>
  [
    ...Object.entries(machine).map(([what, value]) => `- ${what}: ${value}`),
    `- on ${date}, by \`${command}\`, ${roundsOf(cases)} rounds in turns`
  ].join("\n")

const roundsOf = (cases: ReadonlyArray<Where>): string => {
  const rounds = cases.map(({ rounds }) => rounds)
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)]
  return least === most ? `${least}` : `${least} or ${most}`
}
