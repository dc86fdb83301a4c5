/** A claim on one accepted request. It runs whether or not anybody waits for it. */
import { Effect } from "effect"
import { type Listener, type PoolRequest, toOutcome } from "./internal/request.ts"
import type { Outcome } from "./Outcome.ts"
import type { EndError, Phase } from "./PoolError.ts"

export interface Ticket<out A, out E = never> {
  readonly id: string
  readonly tag: string
  /** Waits for the end and gives what the caller sees. Interrupting this wait cancels nothing. */
  readonly await: Effect.Effect<A, E | EndError>
  /** Waits for the end and tells all of it. It never fails. */
  readonly outcome: Effect.Effect<Outcome<A, E>>
  /** Where the request is now. */
  readonly status: Effect.Effect<Phase | "ended">
  /** Attempts that were started so far. */
  readonly attempts: Effect.Effect<number>
  /**
   * Gives the request up: `"withdrawn"` if no attempt ran, `"interrupting"` if one did (its finalizers may go on for a
   * while), `"settled"` if it had ended before. It does not wait.
   */
  readonly cancel: Effect.Effect<"withdrawn" | "interrupting" | "settled">
  /**
   * Calls back with the outcome, in the very step that ends the request, or at once if it has ended: for those who keep
   * books of many requests, since it needs no fiber. The listener must be quick; what it throws is logged.
   */
  readonly onEnd: (listener: (outcome: Outcome<A, E>) => void) => void
}

/** @internal */
export const make = <A, E>(request: PoolRequest): Ticket<A, E> => new TicketOf(request) as Ticket<A, E>

class TicketOf implements Ticket<unknown, unknown> {
  private readonly request: PoolRequest

  constructor(request: PoolRequest) {
    this.request = request
  }

  get id(): string {
    return this.request.id
  }

  get tag(): string {
    return this.request.tag
  }

  get await(): Effect.Effect<unknown, any> {
    return Effect.flatMap(ended(this.request), ({ exit }) => exit!)
  }

  get outcome(): Effect.Effect<Outcome> {
    return Effect.map(ended(this.request), toOutcome)
  }

  get status(): Effect.Effect<Phase | "ended"> {
    return Effect.sync(() => this.request.phase as Phase | "ended")
  }

  get attempts(): Effect.Effect<number> {
    return Effect.sync(() => this.request.attempts)
  }

  get cancel(): Effect.Effect<"withdrawn" | "interrupting" | "settled"> {
    return Effect.sync(() => this.request.route.canceller.cancel(this.request))
  }

  onEnd(listener: (outcome: Outcome) => void): void {
    if (this.request.phase === "ended") {
      this.request.heard()
      listener(toOutcome(this.request))
    } else this.request.listen((_, request) => listener(toOutcome(request)))
  }
}

const ended = (request: PoolRequest): Effect.Effect<PoolRequest> =>
  Effect.callback((resume) => {
    if (request.phase === "ended") {
      request.heard()
      return resume(Effect.succeed(request))
    }
    const listener: Listener = (_, request) => resume(Effect.succeed(request))
    request.listen(listener)
    return Effect.sync(() => request.unlisten(listener))
  })
