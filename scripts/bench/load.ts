/** What a case asks of every implementation, in the same words. */

/** What the handler does. `tasks.ts` says it in promises and callbacks, `effectTasks.ts` in effects. */
export type TaskName =
  | "noop"
  | "suspend"
  | "immediate"
  | "sleep"
  | "nap"
  | "index"
  | "flaky"
  | "never"
  | "burn"
  | "work"

export interface Load {
  readonly task: TaskName
  readonly concurrency: number
  /** The most requests that may wait. Absent: more than the case ever makes wait. */
  readonly capacity?: number
  /** The timeout of one attempt. Absent: what the implementation does when it is told nothing. */
  readonly timeoutMillis?: number
  /** When a caller gives up, counted from its call. */
  readonly patienceMillis?: number
  /** What fails is tried again at once, up to three times. */
  readonly retries?: boolean
  /** Counts of what was accepted and of how it ended can be read, and a histogram of how long it ran. */
  readonly metrics?: boolean
  /** Whether tasks get to know that their time is up. Effects always do. */
  readonly signals?: boolean
  /** So many keys, one after another: request `n` is of key `n % keys`. Absent: nobody's. */
  readonly keys?: number
  /** Gates that every request passes, each as wide as there are slots: closed whenever all of these are taken. */
  readonly gates?: ReadonlyArray<"pool" | "key">
  /** So many priorities, one after another: request `n` has `n % priorities`. */
  readonly priorities?: number
  /** So many requests of another tag wait behind a closed limit, from before the first until after the last. */
  readonly heldBack?: number
  /** What comes and how it ends is written to a file. */
  readonly recorded?: boolean
  /** At most so many requests in one attempt. Absent: one by one. */
  readonly batch?: number | undefined
}

/** Hears of the result; of `undefined` and the reason when there is none. */
export type Done = (result: number | undefined, reason?: "refused" | "late") => void

/** One caller: asks for `task(input)` and calls back with what came of it. */
export type Start = (input: number, done: Done) => void

/** What an implementation is said to lack that is left out of a table without a word. */
export const notMeasured = "not measured"

export interface Implementation {
  /** How it is called here, and why that is its best light. */
  readonly how: string
  /** What of this load it has no feature for. */
  readonly lacks: (load: Load) => string | undefined
  readonly open: (load: Load) => Promise<Start>
  /** Calls back with the results of a stream of `n` calls, without a caller for each. */
  readonly openStream?: (load: Load) => Promise<(n: number, outstanding: number) => Promise<number>>
  /** Hands a request over and keeps no caller waiting: answers with all that its owner holds. */
  readonly openTickets?: (load: Load) => Promise<(input: number) => unknown>
}

/** What one process has measured. */
export interface Measurement {
  /** Requests. */
  readonly n: number
  /** Requests per second. */
  readonly rate: number
  /** Processor time per request, in microseconds. */
  readonly cpuMicros: number
  readonly peakMegabytes: number
  /** What else this kind of case measures. */
  readonly [figure: string]: number
}
