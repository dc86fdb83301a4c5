/** From a call's arguments to a request, or to why there is none. */
import { Cause, Context, Effect, Exit, Fiber, Result, type Schema } from "effect"
import type { Rpc } from "effect/rpc"
import type * as Call from "../Call.ts"
import { HandlerNotFound, InvalidPayload, type SubmitError } from "../PoolError.ts"
import type * as RequestPolicy from "../RequestPolicy.ts"
import * as checks from "./checks.ts"
import { type AsyncContext, captureAsyncContext } from "./asyncContext.ts"
import { type InvalidOption, ownKeyOf, readOptions, textOf } from "./callOptions.ts"
import type { Core } from "./core.ts"
import { IdOwner } from "./idOwner.ts"
import { type Origin, Origins } from "./origin.ts"
import { type Decode, decoder, whyNotDecoded, whyNotMade } from "./payload.ts"
import { Details, PoolRequest, type Route } from "./request.ts"
import { RankedRequest } from "../queue/ranked.ts"
import { callerContext } from "./runtime.ts"

/** It never became the pool's. */
export type Refusal = Exit.Exit<never, SubmitError>

export class Intake {
  private readonly core: Core
  private readonly decoders: ReadonlyMap<string, Decode>
  private readonly origins: Origins
  private sequence = 0

  constructor(core: Core) {
    this.core = core
    this.origins = new Origins(core.config.inherit)
    core.turn.onEnd = this.origins.forget
    this.decoders = new Map(
      [...core.handlers].map(([tag, handler]) => [tag, decoder(handler.rpc.payloadSchema, handler.context)])
    )
  }

  /** What a call that is made here and now takes along. `waits`: its caller waits for the end of its request. */
  origin(waits = false): Origin | undefined {
    return this.origins.here(waits)
  }

  /** The same of a call that is made here and now with these contexts. */
  originOf(context: Context.Context<never>, asyncContext: AsyncContext | undefined): Origin | undefined {
    return this.origins.of(context, asyncContext)
  }

  fromRpc(
    rpc: Rpc.Any,
    payload: unknown,
    options: Call.Options | undefined,
    origin: Origin | undefined
  ): PoolRequest | Refusal {
    const route = this.core.routes.get(rpc._tag)
    if (route === undefined) return this.notFound(rpc._tag)
    const { payloadSchema } = rpc as Rpc.AnyWithProps
    try {
      payload = payloadSchema.make(payload as {})
    } catch (thrown) {
      return this.invalidPayload(rpc._tag, whyNotMade(payloadSchema, payload, thrown))
    }
    return this.make(route, payload, options, undefined, origin)
  }

  /** How a payload of that tag is read from JSON. An `Exit` when it took no time. */
  decoder(tag: string): Decode | undefined {
    return this.decoders.get(tag)
  }

  fromDecoded(
    tag: string,
    decoded: Exit.Exit<unknown, Schema.SchemaError>,
    options: Call.Options | undefined
  ): PoolRequest | Refusal | Exit.Exit<never> {
    if (Exit.isSuccess(decoded)) {
      return this.make(this.core.routes.get(tag)!, decoded.value, options, undefined, this.origin())
    }
    const error = Cause.findError(decoded.cause)
    if (Result.isSuccess(error)) return this.invalidPayload(tag, whyNotDecoded(error.success.issue))
    // What comes as JSON does not throw: its schema has, and whoever sent it has no business with what it said.
    return Exit.failCause(error.failure)
  }

  fromEffect(effect: Effect.Effect<unknown, unknown, any>, options: Call.Options | undefined): PoolRequest | Refusal {
    const details = new Details()
    details.context = callerContext()
    return this.make(this.core.runRoute, effect, options, details, this.origin(true))
  }

  /** Of a caller that is no fiber; `parent` is the request in whose attempt it calls. */
  fromTask(
    route: Route,
    call: unknown,
    options: Call.Options | undefined,
    parent: PoolRequest | undefined
  ): PoolRequest | Refusal {
    const asyncContext = captureAsyncContext()
    let details: Details | undefined
    if (asyncContext !== undefined || parent !== undefined) {
      details = new Details()
      details.asyncContext = asyncContext
      details.parent = parent
    }
    return this.make(route, call, options, details, undefined)
  }

  /** The same request again, as a new one. */
  again({ details: before, id, payload, route }: PoolRequest): PoolRequest | Refusal {
    const details = new Details()
    details.context = before?.context
    details.policy = before?.policy
    details.primaryKey = before?.primaryKey
    details.group = before?.group && this.core.groups.of(before.group.id)
    details.resubmittedFrom = id
    return this.makeOf(route, payload, details, this.origin())
  }

  private invalidPayload(tag: string, issue: string): Refusal {
    this.core.counters.invalid++
    return Exit.fail(new InvalidPayload({ tag, issue }))
  }

  private make(
    route: Route,
    payload: unknown,
    options: Call.Options | undefined,
    details: Details | undefined,
    origin: Origin | undefined
  ): PoolRequest | Refusal {
    if (options !== undefined) {
      details ??= new Details()
      const invalid = readOptions(options, route, payload, details, this.core)
      if (invalid !== undefined) return this.invalidOption(invalid)
    }
    return this.makeOf(route, payload, details, origin)
  }

  private makeOf(
    route: Route,
    payload: unknown,
    details: Details | undefined,
    origin: Origin | undefined
  ): PoolRequest | Refusal {
    if (origin !== undefined) {
      details ??= new Details()
      origin.giveTo(details, route, this.core.context)
    }
    const { duplicate } = details?.policy ?? route.policy
    return duplicate === "allow" ? this.makeAlone(route, payload, details) : this.makeShare(route, payload, details)
  }

  /** One that others may be like. Without a primary key it is like none. */
  private makeShare(route: Route, payload: unknown, details: Details | undefined): PoolRequest | Refusal {
    const { identities } = this.core
    const key = details?.primaryKey ?? ownKeyOf(payload)
    if (typeof key === "object") return this.invalidOption(key)
    const make = () => this.makeAlone(route, payload, details)
    return key === undefined ? make() : identities.share(route, payload, details, key, ownerOf(), make)
  }

  private makeAlone(route: Route, payload: unknown, details: Details | undefined): PoolRequest | Refusal {
    const { key, priority } = details?.policy ?? route.policy
    if (key !== undefined || priority !== 0 || this.core.queue.fair !== undefined) {
      return this.makeRanked(route, payload, details, key)
    }
    return new PoolRequest(++this.sequence, route, payload, details, this.core.now())
  }

  /** Whose it is, and what is counted with it, is asked once: it stays so through all of its attempts. */
  private makeRanked(
    route: Route,
    payload: unknown,
    details: Details | undefined,
    ofPolicy: RequestPolicy.Key | undefined
  ): PoolRequest | Refusal {
    const { discipline } = this.core.config
    const { queue } = this.core
    const { tag } = route
    const subject = route.subjectOf(payload)
    const key = textOf("key", () =>
      ofPolicy === undefined
        ? discipline.key?.(tag, subject)
        : typeof ofPolicy === "string"
          ? ofPolicy
          : ofPolicy(subject)
    )
    if (typeof key === "object") return this.invalidOption(key)
    let values: Array<string | undefined> | undefined
    for (const { name, per, tags } of discipline.limits) {
      if (typeof per !== "function") continue
      // Not asked about payloads that are not for it.
      const applies = tags === undefined || tags.has(tag)
      const value = applies ? textOf(`limits.${name}.per`, () => per(tag, subject)) : undefined
      if (typeof value === "object") return this.invalidOption(value)
      values ??= []
      values.push(value)
    }
    queue.rank()
    if (ofPolicy !== undefined) queue.tellKeys()
    return new RankedRequest(++this.sequence, route, payload, details, this.core.now(), key ?? "", values)
  }

  invalidOption(invalid: InvalidOption): Refusal {
    this.core.counters.invalid++
    return Exit.fail(checks.ofCall(invalid))
  }

  notFound(tag: string): Refusal {
    this.core.counters.handlerNotFound++
    return Exit.fail(new HandlerNotFound({ tag, known: [...this.core.routes.keys()] }))
  }
}

/** Whose primary keys those of the running code are. */
const ownerOf = (): string | undefined => {
  const fiber = Fiber.getCurrent()
  return fiber === undefined ? undefined : Context.get(fiber.context, IdOwner)
}
