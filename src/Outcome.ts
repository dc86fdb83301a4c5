/** How a request ended. Each accepted request has exactly one outcome. */
import type { Exit } from "effect"
import type { EndError, SubmitError } from "./PoolError.ts"

/** The seven ends of an accepted request. */
export const ends = ["succeeded", "failed", "timedOut", "expired", "evicted", "cancelled", "interrupted"] as const
/** One of the seven ends. */
export type End = (typeof ends)[number]

/** What became of one accepted request. `waitedMillis + ranMillis` is the time from the call to the end. */
export interface Outcome<out A = unknown, out E = unknown> {
  /** Tells it from what was `Rejected`. */
  readonly _tag: "Outcome"
  /** The id of the call, or the request's number in the pool behind the pool's `idPrefix`. */
  readonly id: string
  /** The tag of the Rpc, or `"run"`. */
  readonly tag: string
  /** How it ended. */
  readonly end: End
  /** What its caller sees: the value, the handler's own failure or defect, or the pool's error. */
  readonly exit: Exit.Exit<A, E | EndError>
  /** Attempts that were started. `0` when it never ran. */
  readonly attempts: number
  /** Milliseconds in which no attempt ran: blocked, waiting and delayed. */
  readonly waitedMillis: number
  /** Milliseconds in which an attempt ran, its finalizers included. */
  readonly ranMillis: number
  /** The dead letter that this request repeats. */
  readonly resubmittedFrom: string | undefined
  /** How often it was handed to a process. Not there where requests are not stored. */
  readonly deliveries?: number
}

/** A request of `process` that was not accepted. It has no outcome: it never became the pool's. */
export interface Rejected {
  /** Tells it from an `Outcome`. */
  readonly _tag: "Rejected"
  /** The tag of the Rpc that was called. */
  readonly tag: string
  /** Why it was not accepted. */
  readonly error: SubmitError
}

/** Whether the handler's value came back. */
export const isSuccess = <A, E>(
  self: Outcome<A, E> | Rejected
): self is Outcome<A, E> & { readonly end: "succeeded"; readonly exit: Exit.Success<A> } =>
  self._tag === "Outcome" && self.end === "succeeded"
