/** The ways into a pool: from a call's arguments to a request in the queue, and to what its caller waits for. */
import { Effect, Effectable, Equal, Exit, Hash, type Schema, type Stream } from "effect"
import type { Rpc } from "effect/rpc"
import type * as Call from "../Call.ts"
import type { Outcome, Rejected } from "../Outcome.ts"
import type { PoolError, SubmitError } from "../PoolError.ts"
import * as Ticket from "../Ticket.ts"
import type { Core } from "./core.ts"
import { Intake, type Refusal } from "./intake.ts"
import type { Origin } from "./origin.ts"
import { caller } from "./runtime.ts"
import { type Awaited, Details, type Listener, PoolRequest, resumeCaller, type Waiting } from "./request.ts"
import { process } from "./processing.ts"
import { canSuspend } from "./suspension.ts"

/**
 * A call that can be run any number of times. An object and not a closure: a caller that waits may hold it, and it is
 * 96 bytes smaller (W5).
 */
class Execution extends Effectable.Class<any, any> {
  private readonly calls: Calls
  private readonly rpc: Rpc.Any
  private readonly payload: unknown
  private readonly options: Call.Options | undefined

  constructor(calls: Calls, rpc: Rpc.Any, payload: unknown, options: Call.Options | undefined) {
    super()
    this.calls = calls
    this.rpc = rpc
    this.payload = payload
    this.options = options
  }

  asEffect(): Effect.Effect<any, any> {
    const { calls } = this
    const origin = calls.intake.origin(true)
    // One step makes it and lets it in: between two, its caller may give way to others, and its time would pass.
    if (origin?.isNested === true || !canSuspend()) {
      return Effect.callback((resume) => {
        const made = this.make(origin)
        return made instanceof PoolRequest ? calls.enterAndWait(made, resume) : resume(made)
      })
    }
    const made = this.make(origin)
    return made instanceof PoolRequest ? calls.enterAndSuspend(made) : made
  }

  /** By what it holds it would be equal to whatever the whole pool is equal to. */
  [Equal.symbol](that: unknown): boolean {
    return this === that
  }

  [Hash.symbol](): number {
    return Hash.random(this)
  }

  private make(origin: Origin | undefined): PoolRequest | Refusal {
    return this.calls.intake.fromRpc(this.rpc, this.payload, this.options, origin)
  }
}

export class Calls {
  private readonly core: Core
  readonly intake: Intake

  constructor(core: Core) {
    this.core = core
    this.intake = new Intake(core)
  }

  readonly execute = (rpc: Rpc.Any, payload: unknown, options?: Call.Options): Effect.Effect<any, any> =>
    new Execution(this, rpc, payload, options)

  readonly run = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: Call.Options
  ): Effect.Effect<A, E | PoolError, R> =>
    Effect.callback<A, E | PoolError>((resume) => {
      const made = this.intake.fromEffect(effect, options)
      return made instanceof PoolRequest ? this.enterAndWait(made, resume) : resume(made)
    })

  readonly submit = (
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.Options
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> =>
    this.submitMade(() => this.intake.fromRpc(rpc, payload, options, this.intake.origin()))

  readonly submitUnknown = (
    tag: string,
    json: unknown,
    options?: Call.Options
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> =>
    Effect.callback((resume) => {
      const { intake } = this
      const decode = intake.decoder(tag)
      if (decode === undefined) return resume(intake.notFound(tag))
      const decoded = decode(json)
      if (!Exit.isExit(decoded)) {
        return resume(
          Effect.flatMap(Effect.exit(decoded), (exit) => this.submitMade(() => intake.fromDecoded(tag, exit, options)))
        )
      }
      const made = intake.fromDecoded(tag, decoded as Exit.Exit<unknown, Schema.SchemaError>, options)
      return made instanceof PoolRequest ? this.enterForTicket(made, resume) : resume(made)
    })

  /** The same request again, as a new one. */
  readonly submitAgain = (request: PoolRequest): Effect.Effect<Ticket.Ticket<unknown, unknown>, SubmitError> =>
    this.submitMade(() => this.intake.again(request))

  readonly process = <A, E, E2, R2>(
    calls: Stream.Stream<Call.Call<A, E>, E2, R2>,
    options: { readonly ordered?: boolean | undefined; readonly outstanding?: number | undefined } = {}
  ): Stream.Stream<Outcome<A, E> | Rejected, E2, R2> => {
    const { admission, config, crew, nesting, now, turn } = this.core
    const { outstanding = Math.min(config.capacity, 10_000) } = options
    const pool = {
      now,
      turn,
      origin: () => this.intake.origin(),
      make: ({ options, payload, rpc }: Call.Call, origin: Origin | undefined) =>
        this.intake.fromRpc(rpc, payload, options, origin),
      enter: (request: PoolRequest) => admission.enterAsleep(request),
      waitFor: (awaited: Awaited) => nesting.waitFor(awaited),
      wake: () => crew.wakeAll()
    }
    return process(calls, pool, {
      ordered: options.ordered === true,
      outstanding: outstanding >= 1 ? outstanding : 1
    }) as Stream.Stream<Outcome<A, E> | Rejected, E2, R2>
  }

  private submitMade(
    make: () => PoolRequest | Refusal | Exit.Exit<never>
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> {
    return Effect.callback((resume) => {
      const made = make()
      return made instanceof PoolRequest ? this.enterForTicket(made, resume) : resume(made)
    })
  }

  /** The running fiber is the caller, and no attempt: it waits for the end. */
  enterAndSuspend(request: PoolRequest): Effect.Effect<any, any> {
    const refusal = this.core.admission.enter(request)
    if (refusal !== undefined) return refusal
    if (request.phase === "ended") {
      request.heard()
      return request.exit!
    }
    request.listen(resumeCaller)
    return request.suspend(caller())
  }

  enterAndWait(request: PoolRequest, resume: (exit: Exit.Exit<any, any>) => void): Effect.Effect<void> | undefined {
    const waiting = request.details?.parent === undefined ? undefined : this.core.nesting.waitFor(request)
    if (Exit.isExit(waiting)) return this.refuse(waiting, resume)
    waiting?.begin()
    const refusal = this.core.admission.enter(request)
    if (refusal === undefined && request.phase !== "ended") {
      // What runs in its own slot may begin before it has suspended; from then on its async context is to be found there.
      if (waiting !== undefined) request.keepAsyncContext()
      if (request.details?.asyncContext === undefined) request.caller = caller()
      request.listen(waiting === undefined ? resume : (exit) => this.returnTo(waiting, () => resume(exit)))
      waiting?.lend()
      return request
    }
    waiting?.end()
    if (refusal === undefined) request.heard()
    resume(refusal ?? request.exit!)
    return undefined
  }

  /**
   * The same for a caller that has no fiber; `listener` may hear of the end before this returns. It is there first: who hears of an end
   * may call again, and so on, which only `Turn.tell` keeps from nesting for ever.
   */
  enterAndTell(request: PoolRequest, listener: Listener): Refusal | undefined {
    const { admission, counters, nesting } = this.core
    const parent = request.details?.parent
    const waiting = parent === undefined ? undefined : nesting.waitFor(request, parent)
    if (Exit.isExit(waiting)) {
      counters.invalid++
      return waiting as Refusal
    }
    waiting?.begin()
    request.listen(
      waiting === undefined ? listener : (exit, request) => this.returnTo(waiting, () => listener(exit, request))
    )
    const refusal = admission.enter(request)
    if (refusal !== undefined) waiting?.end()
    else if (request.phase !== "ended") waiting?.lend()
    return refusal
  }

  /** The attempt that has waited goes on once its slot is its own again. */
  private returnTo(waiting: Waiting, task: () => void): void {
    waiting.end()
    waiting.afterReturn(() => this.core.turn.run(this.core.now(), task))
  }

  private refuse(refusal: Refusal, resume: (exit: Refusal) => void): undefined {
    this.core.counters.invalid++
    resume(refusal)
    return undefined
  }

  private enterForTicket(
    request: PoolRequest,
    resume: (exit: Exit.Exit<Ticket.Ticket<any, any>, any>) => void
  ): Effect.Effect<void> | undefined {
    const { admission } = this.core
    const refusal = admission.enter(request)
    if (refusal !== undefined) resume(refusal)
    else if (request.phase !== "blocked") resume(Exit.succeed(Ticket.make(request, this.core.now)))
    else {
      const ticket = Exit.succeed(Ticket.make<any, any>(request, this.core.now))
      const details = (request.details ??= new Details())
      // A full queue may be full of what waits for the very workers whose attempts wait for a place in it.
      const waiting = details.parent === undefined ? undefined : this.core.nesting.waitFor(request)
      if (Exit.isExit(waiting)) {
        request.route.canceller.cancel(request)
        return this.refuse(waiting, resume)
      }
      const done = (exit: Exit.Exit<Ticket.Ticket<any, any>, any>) =>
        waiting === undefined ? resume(exit) : this.returnTo(waiting, () => resume(exit))
      // One that was let in and has an end already is a ticket all the same.
      const gone: Listener = (exit, { end }) => done(end === undefined ? exit : ticket)
      request.listen(gone)
      details.onAccepted = () => {
        request.unlisten(gone)
        details.onAccepted = undefined
        done(ticket)
      }
      waiting?.begin()
      waiting?.lend()
      return request
    }
    return undefined
  }
}
