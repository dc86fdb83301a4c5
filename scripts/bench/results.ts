/** What `--json` writes and `bench:report` reads. */
import type { Measurement } from "./load.ts"
import { median, type Spread, spread } from "./rounds.ts"

export interface Results {
  readonly machine: Readonly<Record<string, string | number>>
  readonly versions: Readonly<Record<string, string>>
  readonly command: string
  readonly date: string
  readonly quick: boolean
  /** Whose rate the ratios compare with; on threads that of this pool on threads, and on a store likewise. */
  readonly by?: string
  /** How each implementation was called, and why. */
  readonly how: Readonly<Record<string, string>>
  /** What each case is. */
  readonly cases: Readonly<Record<string, string>>
  readonly results: ReadonlyArray<Result | Lacking>
}

export interface Result {
  readonly case: string
  readonly impl: string
  readonly rounds: number
  readonly n: number
  /** Requests per second: the median of the rounds, the lowest and the highest. */
  readonly rate: number
  readonly min: number
  readonly max: number
  /** Processor time per request in microseconds, likewise. */
  readonly cpuMicros: number
  readonly cpuMin: number
  readonly cpuMax: number
  readonly peakMegabytes: number
  /** The case with which it was measured in turns: `ratio` is the rate there by that here, and `figures.moreMicros` what it costs more. */
  readonly beside?: string
  /** The rate of this pool (or of whom `by` names) by that of `impl`, round by round: both halves saw the same machine. */
  readonly ratio?: Spread
  /** Likewise, that of this pool's door for promises by that of `impl`. */
  readonly byPromises?: Spread
  /** Medians of what else the case measures. */
  readonly figures: Readonly<Record<string, number>>
}

/** An implementation that has no feature for the case. */
export interface Lacking {
  readonly case: string
  readonly impl: string
  readonly lacks: string
}

const always: ReadonlySet<string> = new Set(["n", "rate", "cpuMicros", "peakMegabytes"])

export const ours = "effect-worker-pool"
export const oursOnThreads = "effect-worker-pool-threads"
export const oursOnStore = "effect-worker-pool-durable"
export const oursByPromise = "effect-worker-pool-promise"

/** As tables and pictures call it. */
export const nameOf = (impl: string): string =>
  impl === ours
    ? "this pool"
    : impl === oursByPromise
      ? "this pool, promises"
      : impl.startsWith(`${ours}-`)
        ? `this pool, ${impl.slice(ours.length + 1).replaceAll("-", " ")}`
        : impl

export const summarize = (
  name: string,
  impl: string,
  runs: ReadonlyArray<Measurement>,
  byRuns: ReadonlyArray<Measurement> | undefined,
  promiseRuns?: ReadonlyArray<Measurement>
): Result => {
  const by = (others: ReadonlyArray<Measurement> | undefined) =>
    others === undefined || others === runs
      ? undefined
      : spread(others.map((other, round) => other.rate / runs[round]!.rate))
  const ratio = by(byRuns)
  const byPromises = promiseRuns === byRuns ? undefined : by(promiseRuns)
  const rate = spread(runs.map(({ rate }) => rate))
  const cpu = spread(runs.map(({ cpuMicros }) => cpuMicros))
  const figures = Object.keys(runs[0]!).filter((key) => !always.has(key))
  return {
    case: name,
    impl,
    rounds: runs.length,
    n: runs[0]!.n,
    rate: rate.median,
    min: rate.min,
    max: rate.max,
    cpuMicros: cpu.median,
    cpuMin: cpu.min,
    cpuMax: cpu.max,
    peakMegabytes: median(runs.map(({ peakMegabytes }) => peakMegabytes)),
    ...(ratio === undefined ? {} : { ratio }),
    ...(byPromises === undefined ? {} : { byPromises }),
    figures: Object.fromEntries(figures.map((key) => [key, median(runs.map((run) => run[key]!))]))
  }
}

/** The same for a case beside which another one was measured: how it compares with that, round by round. */
export const compare = (
  name: string,
  impl: string,
  runs: ReadonlyArray<Measurement>,
  { beside, runs: besideRuns }: { readonly beside: string; readonly runs: ReadonlyArray<Measurement> }
): Result => {
  const more = median(runs.map(({ cpuMicros }, round) => cpuMicros - besideRuns[round]!.cpuMicros))
  const result = summarize(name, impl, runs, besideRuns)
  return { ...result, beside, figures: { moreMicros: more, ...result.figures } }
}
