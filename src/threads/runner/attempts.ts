/** The thread's side of an attempt: it runs the handler, and tells how that has ended. */
import { Cause, Context, Effect, Exit, Fiber, Schema, Scope, Tracer } from "effect"
import { Rpc } from "effect/rpc"
import type { Handler, Handlers } from "../../Handlers.ts"
import * as codec from "../codec.ts"
import { From, type FromThread, type SpanContext, To, type ToThread } from "../messages.ts"
import type { Transferable } from "../host.ts"
import type { Port } from "./port.ts"

type Run = Extract<ToThread, readonly [typeof To.run, ...unknown[]]>

/** What one Rpc needs, made once. */
interface Way {
  readonly handler: Handler
  readonly context: Context.Context<never>
  readonly decodePayload: codec.Convert
  readonly encodeValue: ReturnType<typeof codec.encodeFor>
  readonly encodeError: ReturnType<typeof codec.encodeFor>
  readonly encodeExit: codec.Convert
}

export class Attempts {
  private fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private readonly port: Port
  private readonly ways = new Map<string, Way>()

  constructor(port: Port, handlers: Handlers["Service"], base: Context.Context<never>) {
    this.port = port
    for (const [tag, handler] of handlers) {
      const { rpc } = handler
      const context = Context.merge(base, handler.context) as Context.Context<never>
      this.ways.set(tag, {
        handler,
        context,
        decodePayload: codec.decoder(rpc.payloadSchema),
        encodeValue: codec.encodeFor(codec.encoder(rpc.successSchema), context),
        encodeError: codec.encodeFor(codec.encoder(rpc.errorSchema), context),
        encodeExit: Schema.encodeUnknownEffect(Schema.toCodecJson(Rpc.exitSchema(rpc as Rpc.Any))) as codec.Convert
      })
    }
  }

  run([, tag, payload, requestId, attempts, span]: Run): void {
    const way = this.ways.get(tag)
    if (way === undefined) return this.post([From.exit, exitOf(`no handler for "${tag}" on this thread`)], undefined)
    const scope = Scope.makeUnsafe()
    const attempt = Effect.flatMap(Effect.orDie(way.decodePayload(payload)), (payload) =>
      Effect.suspend(() => way.handler.run(payload, { id: requestId, attempts }))
    ).pipe(
      Effect.onExit((exit) => Scope.close(scope, exit)),
      Effect.interruptible,
      Effect.exit,
      Effect.flatMap((exit) => answerOf(way, exit)),
      Effect.uninterruptible
    )
    const fiber = Effect.runForkWith(contextOf(way.context, scope, span))(attempt)
    this.fiber = fiber
    fiber.addObserver((exit) => {
      this.fiber = undefined
      if (Exit.isSuccess(exit)) return this.post(...exit.value)
      // A schema has died of it.
      this.post([From.exit, exitOf(String(Cause.squash(exit.cause)))], undefined)
    })
  }

  interrupt(): void {
    if (this.fiber === undefined) return
    this.port.post([From.heard])
    this.fiber.interruptUnsafe()
  }

  private post(message: FromThread, transfers: ReadonlyArray<Transferable> | undefined): void {
    try {
      this.port.post(message, transfers)
    } catch (error) {
      this.port.post([
        From.exit,
        exitOf(`its result cannot be sent: ${error instanceof Error ? error.message : error}`)
      ])
    }
  }
}

const contextOf = (
  base: Context.Context<never>,
  scope: Scope.Scope,
  span: SpanContext | undefined
): Context.Context<never> => {
  const context = Context.add(base, Scope.Scope, scope) as Context.Context<never>
  if (span === undefined) return context
  const [traceId, spanId, sampled] = span
  return Context.add(context, Tracer.ParentSpan, Tracer.externalSpan({ traceId, spanId, sampled }))
}

type Answer = readonly [message: FromThread, transfers: ReadonlyArray<Transferable> | undefined]

/** By the kind that costs least. What its schema cannot say is a defect of the handler. */
const answerOf = (way: Way, exit: Exit.Exit<unknown, unknown>): Effect.Effect<Answer> => {
  if (Exit.isSuccess(exit)) {
    return Effect.matchCauseEager(way.encodeValue(exit.value), {
      onSuccess: ({ transfers, value }): Answer => [[From.value, value], transfers],
      onFailure: (cause): Answer => [[From.exit, exitOf(String(Cause.squash(cause)))], undefined]
    })
  }
  const [only, ...others] = exit.cause.reasons
  if (others.length === 0 && only?._tag === "Fail") {
    return Effect.matchCauseEager(way.encodeError(only.error), {
      onSuccess: ({ transfers, value }): Answer => [[From.error, value], transfers],
      onFailure: (cause): Answer => [[From.exit, exitOf(String(Cause.squash(cause)))], undefined]
    })
  }
  return Effect.matchCauseEager(Effect.provideContext(way.encodeExit(exit), way.context), {
    onSuccess: (told): Answer => [[From.exit, told], undefined],
    onFailure: (cause): Answer => [[From.exit, exitOf(String(Cause.squash(cause)))], undefined]
  })
}

const dies = Schema.encodeUnknownSync(Schema.toCodecJson(Schema.Exit(Schema.Never, Schema.Never, Schema.Defect())))

/** A defect that says so, as JSON. */
const exitOf = (message: string): unknown => dies(Exit.die(new Error(message)))
