/** What happens in a pool, as a stream of records. Nothing is built while nobody listens. */
import type * as CircuitBreaker from "./CircuitBreaker.ts"
import type { ThreadChange } from "./Capacity.ts"
import type { DrainReport } from "./DrainReport.ts"
import type { Outcome } from "./Outcome.ts"
import type { GateView, Pausable } from "./Selection.ts"

/** One thing that happened, told by its `_tag`. Workers are named by their numbers, which are not used again. */
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
  /** A worker was started. */
  | { readonly _tag: "WorkerStarted"; readonly worker: number }
  /** A worker ended: it was one too many, its attempt was interrupted, it died, or the pool is closing. */
  | { readonly _tag: "WorkerEnded"; readonly worker: number }
  /** An attempt ignores its interruption. */
  | { readonly _tag: "WorkerStuck"; readonly worker: number; readonly id: string; readonly tag: string }
  /** The number of workers asked for changed. Why is in `Scaler.decisions`. */
  | { readonly _tag: "Resized"; readonly before: number; readonly after: number }
  /** No attempt starts until `Resumed`; with `only`: none of that tag, of that key, or to which that limit applies. */
  | { readonly _tag: "Paused"; readonly only?: Pausable }
  /** Attempts start again. */
  | { readonly _tag: "Resumed"; readonly only?: Pausable }
  /** A handler has said that nothing which this concerns is to start for so long: see `NotBefore`. */
  | {
      readonly _tag: "Postponed"
      readonly id: string
      readonly tag: string
      readonly kind: GateView["kind"]
      readonly name: string
      readonly millis: number
    }
  /** `setLimit` has changed a limit. */
  | { readonly _tag: "LimitChanged"; readonly name: string }
  /** The breaker of a tag, or of one of its keys, lets nothing through, only probes, or everything again. */
  | {
      readonly _tag: "BreakerChanged"
      readonly tag: string
      readonly key: string | undefined
      readonly from: CircuitBreaker.State
      readonly to: CircuitBreaker.State
    }
  /** A retry that a policy asked for was not in its `RetryBudget`: the request ends with the failure that it has. */
  | { readonly _tag: "RetryDenied"; readonly id: string; readonly tag: string; readonly attempt: number }
  /** From now on, and until `Recovered`, a pool of the strategy `"shedding"` has the newest first and gives up what has waited for too long. */
  | { readonly _tag: "Overloaded"; readonly waiting: number }
  /** What waits is taken in its order again. */
  | { readonly _tag: "Recovered" }
  /** A tick of a recurring call has come, and what became of it: see `Recurring`. */
  | {
      readonly _tag: "Ticked"
      readonly name: string
      /** For when it was planned, in milliseconds since 1970. */
      readonly atEpochMillis: number
      readonly result: "asked" | "skipped" | "missed" | "refused"
    }
  /** Something has become of a thread behind the places of this name: see `Capacity` and `Threads`. */
  | ({ readonly _tag: "ThreadChanged"; readonly name: string } & ThreadChange)
  /** A durable pool's claim on a request has lapsed: another process has it, or had it. What this one made of it does not count. */
  | { readonly _tag: "ClaimLapsed"; readonly id: string; readonly tag: string; readonly deliveries: number }
  /** New requests are refused from here on. */
  | { readonly _tag: "Draining" }
  /** The last event of a pool. */
  | { readonly _tag: "Drained"; readonly report: DrainReport }
  /** This subscriber was too slow: its buffer of 1,024 events overflowed and it missed the oldest. */
  | { readonly _tag: "EventsMissed"; readonly count: number }
