/** How a request ended, and what happens in a pool, as plain values. */
import { Cause, Exit } from "effect"
import type { ThreadChange } from "../Capacity.ts"
import type { State } from "../CircuitBreaker.ts"
import type { DrainReport } from "../DrainReport.ts"
import type * as Internal from "../Outcome.ts"
import type { PoolEvent } from "../PoolEvent.ts"
import type { GateView, Pausable } from "../Selection.ts"
import { publicError } from "./publicError.ts"

interface Ended {
  readonly id: string
  /** The name of its handler; `"run"` for a task. */
  readonly tag: string
  /** Attempts that were started. `0` when it never ran. */
  readonly attempts: number
  /** Milliseconds in which no attempt ran, and in which one did. Their sum is the time from the call to the end. */
  readonly waitedMillis: number
  readonly ranMillis: number
}

/** What became of one accepted request: `value` when it succeeded, and else `error`, which is what its caller sees. */
export type Outcome<A = unknown> = Ended &
  (
    | { readonly end: "succeeded"; readonly value: A }
    | { readonly end: Exclude<Internal.End, "succeeded">; readonly error: unknown }
  )

/** A call of `map` that was not accepted. It has no outcome: it never became the pool's. */
export interface Refused {
  readonly end: "refused"
  readonly tag: string
  readonly attempts: 0
  readonly error: unknown
}

/** The events of a pool. Errors in them are what a caller sees, but that they have no `cause`, and no reason of a caller's signal. */
export type Event =
  | { readonly type: "RequestEnded"; readonly outcome: Outcome }
  /** An attempt failed or timed out; the next one starts no sooner than after `delayMillis`. */
  | {
      readonly type: "AttemptFailed"
      readonly id: string
      readonly tag: string
      readonly attempt: number
      readonly error: unknown
      readonly delayMillis: number
    }
  | { readonly type: "WorkerStarted"; readonly worker: number }
  | { readonly type: "WorkerEnded"; readonly worker: number }
  /** A task ignores that its attempt was interrupted, for longer than `interruptGrace`. */
  | { readonly type: "WorkerStuck"; readonly worker: number; readonly id: string; readonly tag: string }
  /** The number of workers asked for changed. */
  | { readonly type: "Resized"; readonly before: number; readonly after: number }
  /** With `only`: but for a part of the requests. */
  | { readonly type: "Paused"; readonly only?: Pausable }
  | { readonly type: "Resumed"; readonly only?: Pausable }
  /** A task has said that nothing which this concerns is to start for so long. */
  | {
      readonly type: "Postponed"
      readonly id: string
      readonly tag: string
      readonly kind: GateView["kind"]
      readonly name: string
      readonly millis: number
    }
  | { readonly type: "LimitChanged"; readonly name: string }
  /** The breaker of a function, or of one of its keys, lets nothing through, only probes, or everything again. */
  | {
      readonly type: "BreakerChanged"
      readonly tag: string
      readonly key: string | undefined
      readonly from: State
      readonly to: State
    }
  /** A retry was not in the pool's `retryBudget`. */
  | { readonly type: "RetryDenied"; readonly id: string; readonly tag: string; readonly attempt: number }
  /** A pool of the strategy `"shedding"` has too much to do, until `Recovered`. */
  | { readonly type: "Overloaded"; readonly waiting: number }
  | { readonly type: "Recovered" }
  /** Something has become of a thread: it was started, is ready, was killed, is stuck, has crashed or ended. */
  | ({ readonly type: "ThreadChanged"; readonly name: string } & ThreadChange)
  | { readonly type: "Draining" }
  /** The last event of a pool. */
  | { readonly type: "Drained"; readonly report: DrainReport }
  /** This subscriber was too slow: its buffer of 1,024 events overflowed and it missed the oldest. */
  | { readonly type: "EventsMissed"; readonly count: number }

/** `error`: what the caller sees, where that is known. */
export const toOutcome = <A>(
  { attempts, end, exit, id, ranMillis, tag, waitedMillis }: Internal.Outcome<A>,
  error?: unknown
): Outcome<A> => {
  const ended = { id, tag, attempts, waitedMillis, ranMillis }
  if (Exit.isSuccess(exit)) return { ...ended, end: "succeeded", value: exit.value }
  const own = Cause.squash(exit.cause)
  return { ...ended, end: end as "failed", error: error ?? (end === "failed" ? own : publicError(own)) }
}

export const toEvent = (event: PoolEvent): Event => {
  if (event._tag === "RequestEnded") return { type: "RequestEnded", outcome: toOutcome(event.outcome) }
  const { _tag: type, ...rest } = event
  if (event._tag === "AttemptFailed")
    return { type: "AttemptFailed", ...rest, error: publicError(event.error) } as Event
  return { type, ...rest } as Event
}
