/** What is told of the pool each second, and of each decision, in words that the page can read too: nothing of Node. */

/** The counts of which the rate is told. */
export const rated = [
  "accepted",
  "refused",
  "succeeded",
  "failed",
  "timedOut",
  "expired",
  "cancelled",
  "interrupted",
  "evicted"
] as const

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** The breakers of a type: one, or one for each key. */
export interface BreakerCounts {
  /** What has one of its own. */
  readonly per: "tag" | "key"
  readonly open: number
  readonly halfOpen: number
  /** How often one has opened, or opened again. */
  readonly opened: number
}

/** One limit, over all of its gates. */
export interface LimitCounts {
  readonly concurrency: number | "none"
  /** `period` in milliseconds. */
  readonly rate: { readonly limit: number; readonly period: number; readonly burst: number } | "none"
  readonly paused: boolean
  readonly running: number
  readonly heldBack: number
  readonly started: number
  readonly gates: number
  /** How its breakers stand, where it is one. */
  readonly breaker?: BreakerCounts
  /** The threads that it stands for, where it does. */
  readonly threads?: ThreadCounts
}

export const threadStates = ["starting", "idle", "busy", "dying", "stuck"] as const

export interface ThreadCounts {
  /** How many there are now, by what they do. */
  readonly now: Readonly<Record<(typeof threadStates)[number], number>>
  /** Of all that there ever were. */
  readonly total: Readonly<Record<"started" | "killed" | "crashed", number>>
  /** How long the last one took to become ready; `null`: none has. */
  readonly startMillis: number | null
}

/** One second of the pool. Rates are per second. */
export interface Point {
  readonly at: number
  readonly workers: Readonly<Record<"idle" | "running" | "ending" | "stuck" | "target", number>>
  readonly waiting: number
  /** Of those that wait, those at a closed gate. */
  readonly heldBack: number
  /** Keys that the queue knows. */
  readonly keys: number
  readonly limits: Readonly<Record<string, LimitCounts>>
  readonly delayed: number
  /** Of those, the ones whose time has not come yet. */
  readonly scheduled: number
  readonly running: number
  /** Of those, the ones in the batch of another. */
  readonly batched: number
  /** Not there where the pool sheds nothing, whatever comes. */
  readonly overloaded?: boolean
  /** So far. */
  readonly attempts: number
  readonly joined: number
  readonly shed: number
  readonly retriesDenied: number
  /** `null`: they are in a store, and not counted. */
  readonly deadLetters: number | null
  readonly rates: Readonly<Record<(typeof rated)[number], number>>
  /** In milliseconds, of the requests that ended in this second. */
  readonly waited: Percentiles | null
  readonly ran: Percentiles | null
  readonly state: "open" | "draining" | "closed"
  readonly paused: boolean
  readonly held: number | null
  readonly policy: string
  readonly bounds: { readonly minWorkers: number; readonly maxWorkers: number }
  /** The longest that the event loop kept a timer waiting. */
  readonly eventLoopDelayMillis: number
}

export interface Decision {
  readonly at: number
  readonly policy: string
  readonly before: number
  readonly after: number
  readonly wanted: number
  readonly proposed: number
  readonly reason: string
  readonly heldBack: string | null
  readonly sentence: string
}
