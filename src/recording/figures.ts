/** What is told of a recording. */
import type { RecordedEnd } from "./recorded.ts"
import type { Bucket } from "./timeline.ts"

/** Times in milliseconds. */
export interface Times {
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Requests of one type. */
export interface TypeStats {
  /** `null`: all types beyond the first hundred. */
  readonly type: string | null
  readonly requests: number
  readonly attempts: number
  /** Of the attempts. */
  readonly failed: number
  readonly timedOut: number
  /** Before the first attempt; of requests that never ran nothing is in it. */
  readonly wait: Times
  /** How long attempts ran. */
  readonly service: Times
  /** How many attempts took how long: each bar up to `untilMillis`, which is twice that of the one before. */
  readonly histogram: ReadonlyArray<{ readonly untilMillis: number; readonly attempts: number }>
}

/** What is in a recording. */
export interface Stats {
  /** In milliseconds since 1970. */
  readonly startedAtMillis: number
  readonly durationMillis: number
  /** Processes that have written it, one after the other or side by side. */
  readonly recordings: number
  readonly requests: number
  /** How they ended; those that nobody had are left out. */
  readonly ends: Readonly<Partial<Record<RecordedEnd, number>>>
  /** Of all but the joined ones, the share that was refused. */
  readonly refusedShare: number
  readonly attempts: number
  /** Of them, those that failed or timed out. */
  readonly failedShare: number
  readonly types: ReadonlyArray<TypeStats>
  /** Keys that occur, up to 10,000 of them, and the share that the busiest one had of the time that attempts ran. */
  readonly keys: number
  readonly busiestKeyShare: number
  /** Requests per second: the mean, and in the fullest second. */
  readonly rate: { readonly mean: number; readonly most: number }
  /** Attempts that ran at once: their mean in each second, over all seconds. */
  readonly concurrency: {
    readonly mean: number
    readonly p50: number
    readonly p95: number
    readonly p99: number
    readonly max: number
  }
  /**
   * The index of dispersion: the variance of the requests that come in a window, by their mean. It is 1 where they come independently of
   * each other at a rate that does not change, and more in bursts. `null`: there are fewer than ten such windows.
   */
  readonly burstiness: ReadonlyArray<{ readonly windowMillis: number; readonly index: number | null }>
  /** As the pool counted it; `null`: the recording does not say. */
  readonly workerSeconds: number | null
  /** Of what `attempts` took. */
  readonly busySeconds: number
  /** Requests that had not ended, or could not be written in time. */
  readonly pending: number
  readonly lost: number
  /** Lines that are not whole, since their process was killed. */
  readonly cut: number
  /** Recordings of which the end is missing: their process was killed, or they go on. */
  readonly unfinished: number
  /** At most 600 points of equal width over all of it. */
  readonly series: ReadonlyArray<Bucket>
  readonly pointMillis: number
}
