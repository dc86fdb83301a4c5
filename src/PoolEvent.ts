/** What happens in a pool, as a stream of records. Nothing is built while nobody listens. */
import type { DrainReport } from "./DrainReport.ts"
import type { Outcome } from "./Outcome.ts"

export type PoolEvent =
  /** A request ended. */
  | { readonly _tag: "RequestEnded"; readonly outcome: Outcome }
  /** An attempt failed or timed out; the next one starts no sooner than after `delayMillis`. */
  | {
      readonly _tag: "AttemptFailed"
      readonly id: string
      readonly tag: string
      readonly attempt: number
      readonly error: unknown
      readonly delayMillis: number
    }
  | { readonly _tag: "WorkerStarted"; readonly worker: number }
  | { readonly _tag: "WorkerEnded"; readonly worker: number }
  /** An attempt ignores its interruption. */
  | { readonly _tag: "WorkerStuck"; readonly worker: number; readonly id: string; readonly tag: string }
  /** The number of workers asked for changed. Why is in `Scaler.decisions`. */
  | { readonly _tag: "Resized"; readonly before: number; readonly after: number }
  | { readonly _tag: "Paused" }
  | { readonly _tag: "Resumed" }
  | { readonly _tag: "Draining" }
  /** The last event of a pool. */
  | { readonly _tag: "Drained"; readonly report: DrainReport }
  /** This subscriber was too slow: its buffer of 1,024 events overflowed and it missed the oldest. */
  | { readonly _tag: "EventsMissed"; readonly count: number }
