/** A claim on one accepted request. It runs whether or not anybody waits for it. */
import { Effect, Exit } from "effect"
import * as checks from "./internal/checks.ts"
import { callInAsyncContext, captureAsyncContext } from "./internal/asyncContext.ts"
import { type Listener, type PoolRequest, toOutcome } from "./internal/request.ts"
import { outOfFiber } from "./internal/runtime.ts"
import { startsInMillis } from "./internal/scheduled.ts"
import type { Outcome } from "./Outcome.ts"
import type { EndError, InvalidRequestOption, NestedWaitRefused, Phase } from "./PoolError.ts"
import { keyOf } from "./queue/ranked.ts"
import { invalidPriority } from "./RequestPolicy.ts"

/** One accepted request. Whoever has its ticket can wait for it, look at it, and cancel it. */
export interface Ticket<out A, out E = never> {
  /** The id of the call, or the request's number in the pool behind the pool's `idPrefix`. */
  readonly id: string
  /** The tag of the Rpc, or `"run"`. */
  readonly tag: string
  /** Whose it is; `""`: nobody's. */
  readonly key: string
  /** What it belongs to, if it does to any group. */
  readonly group: string | undefined
  /** Its priority, from -10 to 10. `setPriority` changes it. */
  readonly priority: Effect.Effect<number>
  /**
   * Waits for the end and gives what the caller sees. Interrupting this wait cancels nothing. Within an attempt that the
   * request waits for, it fails at once with `NestedWaitRefused`.
   */
  readonly await: Effect.Effect<A, E | EndError | NestedWaitRefused>
  /** Waits for the end and tells all of it. It never fails; where `await` would be refused, it dies of that. */
  readonly outcome: Effect.Effect<Outcome<A, E>>
  /** Where the request is now. */
  readonly status: Effect.Effect<Phase | "ended">
  /** Attempts that were started so far. */
  readonly attempts: Effect.Effect<number>
  /**
   * While it is `delayed`, in how many milliseconds it may start: for the first time or, after a failure, again. `undefined` of one that
   * waits for the end of another.
   */
  readonly startsInMillis: Effect.Effect<number | undefined>
  /**
   * Gives the request up: `"withdrawn"` if no attempt ran, `"interrupting"` if one did (its finalizers may go on for a
   * while), `"settled"` if it had ended before. It does not wait. Where others have joined the request, it is given up for this
   * ticket alone, `"withdrawn"`; the last to go ends it.
   */
  readonly cancel: Effect.Effect<"withdrawn" | "interrupting" | "settled">
  /**
   * Gives the request another priority (-10 to 10), and its place by that; `false`: it runs already, or has ended. Fails with
   * `InvalidRequestOption`.
   */
  readonly setPriority: (priority: number) => Effect.Effect<boolean, InvalidRequestOption>
  /**
   * Calls back with the outcome, in the very step that ends the request, or at once if it has ended: for those who keep
   * books of many requests, since it needs no fiber. The listener must be quick; what it throws is logged.
   */
  readonly onEnd: (listener: (outcome: Outcome<A, E>) => void) => void
}

/** @internal */
export const make = <A, E>(request: PoolRequest, now: () => number): Ticket<A, E> =>
  new TicketOf(request, now) as Ticket<A, E>

class TicketOf implements Ticket<unknown, unknown> {
  private readonly request: PoolRequest
  private readonly now: () => number

  constructor(request: PoolRequest, now: () => number) {
    this.request = request
    this.now = now
  }

  get id(): string {
    return this.request.id
  }

  get tag(): string {
    return this.request.tag
  }

  get key(): string {
    return keyOf(this.request)
  }

  get group(): string | undefined {
    return this.request.shown.details?.group?.id
  }

  get priority(): Effect.Effect<number> {
    return Effect.sync(() => this.request.policy.priority)
  }

  get await(): Effect.Effect<unknown, any> {
    return Effect.flatMap(ended(this.request), ({ exit }) => exit!)
  }

  get outcome(): Effect.Effect<Outcome> {
    return Effect.orDie(Effect.map(ended(this.request), toOutcome))
  }

  get status(): Effect.Effect<Phase | "ended"> {
    return Effect.sync(() => this.request.shown.phase as Phase | "ended")
  }

  get attempts(): Effect.Effect<number> {
    return Effect.sync(() => this.request.shown.attempts)
  }

  get startsInMillis(): Effect.Effect<number | undefined> {
    return Effect.sync(() => startsInMillis(this.request.shown, this.now()))
  }

  get cancel(): Effect.Effect<"withdrawn" | "interrupting" | "settled"> {
    return Effect.sync(() => this.request.route.canceller.cancel(this.request))
  }

  setPriority(priority: number): Effect.Effect<boolean, InvalidRequestOption> {
    return Effect.suspend(() => {
      const invalid = invalidPriority("priority", priority)
      if (invalid !== undefined) return Effect.fail(checks.ofCall(invalid))
      return Effect.succeed(this.request.route.canceller.setPriority(this.request, priority))
    })
  }

  onEnd(listener: (outcome: Outcome) => void): void {
    if (this.request.phase === "ended") {
      this.request.heard()
      return listener(toOutcome(this.request))
    }
    const listening = captureAsyncContext()
    this.request.listen((_, request) =>
      callInAsyncContext(listening, outOfFiber<Outcome>, listener, toOutcome(request))
    )
  }
}

const ended = (request: PoolRequest): Effect.Effect<PoolRequest, NestedWaitRefused> =>
  Effect.callback((resume) => {
    if (request.phase === "ended") {
      request.heard()
      return resume(Effect.succeed(request))
    }
    const waiting = request.route.nesting.waitFor(request)
    if (Exit.isExit(waiting)) return resume(waiting as Exit.Exit<never, NestedWaitRefused>)
    const done = () => resume(Effect.succeed(request))
    const listener: Listener = () => {
      waiting?.end()
      if (waiting === undefined) done()
      else waiting.afterReturn(done)
    }
    request.listen(listener)
    waiting?.begin()
    waiting?.lend()
    return Effect.sync(() => {
      request.unlisten(listener)
      waiting?.end()
    })
  })
