/** The last requests that ended failed or timed out, kept so that somebody can look at them or send them again. */
import { Effect } from "effect"
import type { DeadLetterBox } from "./internal/deadLetterBox.ts"
import { type PoolRequest, toOutcome } from "./internal/request.ts"
import type { Outcome } from "./Outcome.ts"
import { DeadLetterNotFound, type SubmitError } from "./PoolError.ts"
import type { Ticket } from "./Ticket.ts"

/** A request that ended failed or timed out. */
export interface DeadLetter {
  /** What its handler got. */
  readonly payload: unknown
  /** How it ended, with its id, its tag and its error. */
  readonly outcome: Outcome
}

/** The dead letters of one pool: `WorkerPool.deadLetters`. They are kept in memory and gone with the pool. */
export interface DeadLetters {
  /** Oldest first, at most as many as the pool's option `deadLetters`. */
  readonly list: Effect.Effect<ReadonlyArray<DeadLetter>>
  /** How many were dropped as the oldest since the pool was built. */
  readonly dropped: Effect.Effect<number>
  /**
   * Sends the newest one of that id through admission again, as a new request with a new id whose outcome says
   * `resubmittedFrom`. It leaves the list; refused, it comes back as its newest.
   */
  readonly resubmit: (id: string) => Effect.Effect<Ticket<unknown, unknown>, SubmitError | DeadLetterNotFound>
  /** Takes the newest one of that id out of the list for good, for those who keep fewer. Whether there was one. */
  readonly discard: (id: string) => Effect.Effect<boolean>
}

/** @internal */
export const make = (
  box: DeadLetterBox,
  submitAgain: (request: PoolRequest) => Effect.Effect<Ticket<unknown, unknown>, SubmitError>
): DeadLetters => ({
  list: Effect.sync(() => box.all.map((request) => ({ payload: request.payload, outcome: toOutcome(request) }))),
  dropped: Effect.sync(() => box.dropped),
  // Out of the box first: two who resubmit it at once must not both send it.
  resubmit: (id) =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        const request = box.find(id)
        if (request === undefined) return Effect.fail(new DeadLetterNotFound({ id }))
        box.remove(request)
        return Effect.succeed(request)
      }),
      submitAgain,
      (request, exit) => Effect.sync(() => (exit._tag === "Failure" ? box.add(request) : undefined))
    ),
  discard: (id) =>
    Effect.sync(() => {
      const request = box.find(id)
      if (request !== undefined) box.remove(request)
      return request !== undefined
    })
})
