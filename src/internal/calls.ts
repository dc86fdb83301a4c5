/** The ways into a pool: from a call's arguments to a request in the queue, and to what its caller waits for. */
import { Effect, Exit, Result, Schema, Stream } from "effect"
import type { Rpc } from "effect/rpc"
import type * as Call from "../Call.ts"
import type { Outcome, Rejected } from "../Outcome.ts"
import {
  HandlerNotFound,
  InvalidPayload,
  InvalidRequestOption,
  type PoolError,
  type SubmitError
} from "../PoolError.ts"
import * as RequestPolicy from "../RequestPolicy.ts"
import * as Ticket from "../Ticket.ts"
import type { Core } from "./core.ts"
import { type CallDetails, PoolRequest, type Route } from "./request.ts"
import { callerContext, callerSpan } from "./runtime.ts"

type Refusal = Exit.Exit<never, SubmitError>

export class Calls {
  private readonly core: Core
  private readonly runRoute: Route
  private sequence = 0

  constructor(core: Core) {
    this.core = core
    this.runRoute = { tag: "run", policy: core.config.policy, context: undefined, run: (effect) => effect }
  }

  readonly execute = (rpc: Rpc.Any, payload: unknown, options?: Call.Options): Effect.Effect<any, any> =>
    Effect.callback((resume) => {
      const made = this.fromRpc(rpc, payload, options)
      return Exit.isExit(made) ? resume(made) : this.enterAndWait(made, resume)
    })

  readonly run = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: Call.Options
  ): Effect.Effect<A, E | PoolError, R> =>
    Effect.callback<A, E | PoolError>((resume) => {
      const made = this.make(this.runRoute, effect, options, { context: callerContext() })
      return Exit.isExit(made) ? resume(made) : this.enterAndWait(made, resume)
    })

  readonly submit = (
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.Options
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> =>
    Effect.callback((resume) => {
      const made = this.fromRpc(rpc, payload, options)
      return Exit.isExit(made) ? resume(made) : this.enterForTicket(made, resume)
    })

  readonly submitUnknown = Effect.fnUntraced(
    { self: this },
    function* (this: Calls, tag: string, json: unknown, options?: Call.Options) {
      const handler = this.core.handlers.get(tag)
      if (handler === undefined) return yield* this.notFound(tag)
      const payload = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(handler.rpc.payloadSchema))(json).pipe(
        Effect.provideContext(handler.context),
        Effect.catch((error) => {
          this.core.counters.invalid++
          return new InvalidPayload({ tag, issue: error.message })
        })
      ) as Effect.Effect<unknown, InvalidPayload>
      return yield* this.submitMade(this.make(this.core.routes.get(tag)!, payload, options, undefined))
    }
  )

  /** The same request again, as a new one. */
  readonly submitAgain = (request: PoolRequest): Effect.Effect<Ticket.Ticket<unknown, unknown>, SubmitError> =>
    Effect.suspend(() => {
      const details = { context: request.details?.context, resubmittedFrom: request.id }
      return this.submitMade(
        new PoolRequest(++this.sequence, request.route, request.payload, request.policy, details, this.core.now())
      )
    })

  readonly process = <A, E, E2, R2>(
    calls: Stream.Stream<Call.Call<A, E>, E2, R2>,
    options: { readonly ordered?: boolean | undefined; readonly outstanding?: number | undefined } = {}
  ): Stream.Stream<Outcome<A, E> | Rejected, E2, R2> => {
    const outstanding = options.outstanding ?? Math.min(this.core.config.capacity, 10_000)
    return Stream.mapEffect(calls, (call) => this.outcomeOf(call), {
      concurrency: outstanding,
      unordered: options.ordered !== true
    }) as Stream.Stream<Outcome<A, E> | Rejected, E2, R2>
  }

  private outcomeOf({ options, payload, rpc }: Call.Call): Effect.Effect<Outcome | Rejected> {
    return Effect.matchEffect(this.submit(rpc, payload, options), {
      onFailure: (error) => Effect.succeed<Rejected>({ _tag: "Rejected", tag: rpc._tag, error }),
      onSuccess: (ticket) => Effect.onInterrupt(ticket.outcome, () => ticket.cancel)
    })
  }

  private submitMade(made: PoolRequest | Refusal): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> {
    return Exit.isExit(made) ? made : Effect.callback((resume) => this.enterForTicket(made, resume))
  }

  private enterAndWait(
    request: PoolRequest,
    resume: (exit: Exit.Exit<any, any>) => void
  ): Effect.Effect<void> | undefined {
    const refusal = this.core.admission.enter(request, this.core.now())
    if (refusal !== undefined) resume(refusal)
    else if (request.exit !== undefined && request.phase === "ended") resume(request.exit)
    else {
      request.listen((request) => resume(request.exit!))
      return this.core.admission.cancelAndWait(request)
    }
    return undefined
  }

  private enterForTicket(
    request: PoolRequest,
    resume: (exit: Exit.Exit<Ticket.Ticket<any, any>, any>) => void
  ): Effect.Effect<void> | undefined {
    const { admission } = this.core
    const refusal = admission.enter(request, this.core.now())
    if (refusal !== undefined) resume(refusal)
    else if (request.phase !== "blocked") resume(Exit.succeed(Ticket.make(request, admission)))
    else {
      const ticket = Exit.succeed(Ticket.make<any, any>(request, admission))
      // One that was let in and has an end already is a ticket all the same.
      const gone = (request: PoolRequest) => resume(request.end === undefined ? request.exit! : ticket)
      request.listen(gone)
      request.onAccepted = () => {
        request.unlisten(gone)
        request.onAccepted = undefined
        resume(ticket)
      }
      return admission.cancelAndWait(request)
    }
    return undefined
  }

  private fromRpc(rpc: Rpc.Any, payload: unknown, options: Call.Options | undefined): PoolRequest | Refusal {
    const route = this.core.routes.get(rpc._tag)
    if (route === undefined) return this.notFound(rpc._tag)
    try {
      payload = (rpc as Rpc.AnyWithProps).payloadSchema.make(payload as {})
    } catch (error) {
      this.core.counters.invalid++
      return Exit.fail(
        new InvalidPayload({ tag: rpc._tag, issue: error instanceof Error ? error.message : String(error) })
      )
    }
    return this.make(route, payload, options, undefined)
  }

  private make(
    route: Route,
    payload: unknown,
    options: Call.Options | undefined,
    details: CallDetails | undefined
  ): PoolRequest | Refusal {
    let policy = route.policy
    if (options !== undefined) {
      const resolved = RequestPolicy.resolve(options, route.policy)
      if (Result.isFailure(resolved)) return this.invalidOption(resolved.failure)
      policy = resolved.success
      const { id } = options
      if (id !== undefined) {
        if (typeof id !== "string" || id === "") {
          return this.invalidOption({ field: "id", expected: "a text that is not empty", actual: String(id) })
        }
        details = { ...details, id }
      }
    }
    const span = callerSpan()
    if (span !== undefined && details?.context === undefined) details = { ...details, span }
    return new PoolRequest(++this.sequence, route, payload, policy, details, this.core.now())
  }

  private invalidOption({
    actual,
    expected,
    field
  }: Pick<InvalidRequestOption, "field" | "expected" | "actual">): Refusal {
    this.core.counters.invalid++
    return Exit.fail(new InvalidRequestOption({ field, expected, actual }))
  }

  private notFound(tag: string): Refusal {
    this.core.counters.handlerNotFound++
    return Exit.fail(new HandlerNotFound({ tag, known: [...this.core.routes.keys()] }))
  }
}
