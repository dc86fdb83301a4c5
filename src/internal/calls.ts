/** The ways into a pool: from a call's arguments to a request in the queue, and to what its caller waits for. */
import { Cause, Effect, Effectable, Exit, Result, Schema, type Stream } from "effect"
import type { Rpc } from "effect/rpc"
import type * as Call from "../Call.ts"
import type { Handler } from "../Handlers.ts"
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
import { Details, type Listener, PoolRequest, type Route } from "./request.ts"
import { process } from "./processing.ts"
import { caller, callerContext, isTraced } from "./runtime.ts"
import { RequestSpans } from "./spans.ts"

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
    return Effect.callback((resume) => {
      const made = this.calls.fromRpc(this.rpc, this.payload, this.options)
      return made instanceof PoolRequest ? this.calls.enterAndWait(made, resume) : resume(made)
    })
  }
}

type Refusal = Exit.Exit<never, SubmitError>
type Decode = (json: unknown) => Effect.Effect<unknown, Schema.SchemaError>

/** Made once a handler: to derive the codec again for each payload costs more than to decode it. */
const decoderOf = ({ context, rpc }: Handler): Decode => {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(rpc.payloadSchema), { reportInput: true })
  return (json) => {
    const decoded = decode(json) as Effect.Effect<unknown, Schema.SchemaError>
    // To merge two contexts costs more than most payloads take to decode.
    return Exit.isExit(decoded) ? decoded : Effect.provideContext(decoded, context)
  }
}

export class Calls {
  private readonly core: Core
  private readonly decoders: ReadonlyMap<string, Decode>
  private sequence = 0

  constructor(core: Core) {
    this.core = core
    this.decoders = new Map([...core.handlers].map(([tag, handler]) => [tag, decoderOf(handler)]))
  }

  readonly execute = (rpc: Rpc.Any, payload: unknown, options?: Call.Options): Effect.Effect<any, any> =>
    new Execution(this, rpc, payload, options)

  readonly run = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: Call.Options
  ): Effect.Effect<A, E | PoolError, R> =>
    Effect.callback<A, E | PoolError>((resume) => {
      const details = new Details()
      details.context = callerContext()
      const made = this.make(this.core.runRoute, effect, options, details)
      return made instanceof PoolRequest ? this.enterAndWait(made, resume) : resume(made)
    })

  readonly submit = (
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.Options
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> =>
    Effect.callback((resume) => {
      const made = this.fromRpc(rpc, payload, options)
      return made instanceof PoolRequest ? this.enterForTicket(made, resume) : resume(made)
    })

  readonly submitUnknown = (
    tag: string,
    json: unknown,
    options?: Call.Options
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> =>
    Effect.callback((resume) => {
      const decode = this.decoders.get(tag)
      if (decode === undefined) return resume(this.notFound(tag))
      const decoded = decode(json)
      if (!Exit.isExit(decoded)) {
        return resume(
          Effect.flatMap(Effect.exit(decoded), (exit) => this.submitMade(this.fromDecoded(tag, exit, options)))
        )
      }
      const made = this.fromDecoded(tag, decoded as Exit.Exit<unknown, Schema.SchemaError>, options)
      return made instanceof PoolRequest ? this.enterForTicket(made, resume) : resume(made)
    })

  /** The same request again, as a new one. */
  readonly submitAgain = (request: PoolRequest): Effect.Effect<Ticket.Ticket<unknown, unknown>, SubmitError> =>
    Effect.suspend(() => {
      const { id, payload, route } = request
      const details = new Details()
      details.context = request.details?.context
      details.policy = request.details?.policy
      details.resubmittedFrom = id
      return this.submitMade(this.makeOf(route, payload, details))
    })

  readonly process = <A, E, E2, R2>(
    calls: Stream.Stream<Call.Call<A, E>, E2, R2>,
    options: { readonly ordered?: boolean | undefined; readonly outstanding?: number | undefined } = {}
  ): Stream.Stream<Outcome<A, E> | Rejected, E2, R2> => {
    const { admission, config, crew, now, turn } = this.core
    const { outstanding = Math.min(config.capacity, 10_000) } = options
    const pool = {
      now,
      turn,
      make: ({ options, payload, rpc }: Call.Call) => this.fromRpc(rpc, payload, options),
      enter: (request: PoolRequest) => admission.enterAsleep(request),
      wake: () => crew.wakeAll()
    }
    return process(calls, pool, {
      ordered: options.ordered === true,
      outstanding: outstanding >= 1 ? outstanding : 1
    }) as Stream.Stream<Outcome<A, E> | Rejected, E2, R2>
  }

  private submitMade(
    made: PoolRequest | Refusal | Exit.Exit<never>
  ): Effect.Effect<Ticket.Ticket<any, any>, SubmitError> {
    return made instanceof PoolRequest ? Effect.callback((resume) => this.enterForTicket(made, resume)) : made
  }

  enterAndWait(request: PoolRequest, resume: (exit: Exit.Exit<any, any>) => void): Effect.Effect<void> | undefined {
    const refusal = this.core.admission.enter(request)
    if (refusal !== undefined) resume(refusal)
    else if (request.exit !== undefined && request.phase === "ended") {
      request.heard()
      resume(request.exit)
    } else {
      request.listen(resume)
      return request
    }
    return undefined
  }

  private enterForTicket(
    request: PoolRequest,
    resume: (exit: Exit.Exit<Ticket.Ticket<any, any>, any>) => void
  ): Effect.Effect<void> | undefined {
    const { admission } = this.core
    const refusal = admission.enter(request)
    if (refusal !== undefined) resume(refusal)
    else if (request.phase !== "blocked") resume(Exit.succeed(Ticket.make(request)))
    else {
      const ticket = Exit.succeed(Ticket.make<any, any>(request))
      // One that was let in and has an end already is a ticket all the same.
      const gone: Listener = (exit, { end }) => resume(end === undefined ? exit : ticket)
      const details = (request.details ??= new Details())
      request.listen(gone)
      details.onAccepted = () => {
        request.unlisten(gone)
        details.onAccepted = undefined
        resume(ticket)
      }
      return request
    }
    return undefined
  }

  fromRpc(rpc: Rpc.Any, payload: unknown, options: Call.Options | undefined): PoolRequest | Refusal {
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

  private fromDecoded(
    tag: string,
    decoded: Exit.Exit<unknown, Schema.SchemaError>,
    options: Call.Options | undefined
  ): PoolRequest | Refusal | Exit.Exit<never> {
    if (Exit.isSuccess(decoded)) return this.make(this.core.routes.get(tag)!, decoded.value, options, undefined)
    const error = Cause.findError(decoded.cause)
    if (Result.isFailure(error)) return Exit.failCause(error.failure)
    this.core.counters.invalid++
    return Exit.fail(new InvalidPayload({ tag, issue: error.success.message }))
  }

  private make(
    route: Route,
    payload: unknown,
    options: Call.Options | undefined,
    details: Details | undefined
  ): PoolRequest | Refusal {
    if (options !== undefined) {
      const resolved = RequestPolicy.resolve(options, route.policy)
      if (Result.isFailure(resolved)) return this.invalidOption(resolved.failure)
      details ??= new Details()
      details.policy = resolved.success
      const { id } = options
      if (id !== undefined) {
        if (typeof id !== "string" || id === "") {
          return this.invalidOption({ field: "id", expected: "a text that is not empty", actual: String(id) })
        }
        details.id = id
      }
    }
    return this.makeOf(route, payload, details)
  }

  private makeOf(route: Route, payload: unknown, details: Details | undefined): PoolRequest {
    const fiber = caller()
    const { span } = fiber.cache
    if (span !== undefined && details?.context === undefined) {
      details ??= new Details()
      details.span = span
    }
    if (isTraced(fiber)) {
      details ??= new Details()
      details.spans = new RequestSpans(fiber.context)
    }
    return new PoolRequest(++this.sequence, route, payload, details, this.core.now())
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
