/** The thread's side of an attempt: it runs the handler, and tells how that has ended. */
import { Cause, Context, Effect, Exit, type Fiber, Scope, Tracer } from "effect"
import { Rpc } from "effect/rpc"
import type { Handlers } from "../../Handlers.ts"
import * as codec from "../codec.ts"
import { type Answer, From, type AttemptSpan, To, type ToThread } from "../messages.ts"
import type { Transferable } from "../host.ts"
import { messageOf } from "../words.ts"
import * as batches from "./batches.ts"
import type { Metrics } from "./metrics.ts"
import type { Outbox } from "./outbox.ts"
import type { Port } from "./port.ts"
import { forwarder } from "./spans.ts"

type Run = Extract<ToThread, readonly [typeof To.run, ...unknown[]]>

/** What one Rpc needs, made once. */
interface Way {
  readonly context: Context.Context<never>
  readonly encodeValue: ReturnType<typeof codec.encoder>
  readonly encodeError: ReturnType<typeof codec.encoder>
  readonly encodeExit: ReturnType<typeof codec.encoder>
  readonly run: (payload: unknown, id: any, attempts: any) => Effect.Effect<unknown, unknown>
}

/** `transfers`: what is moved with it. */
type Said = readonly [answer: Answer, transfers?: ReadonlyArray<Transferable> | undefined]

export class Attempts {
  /** What an interruption ends; `undefined`: there is no attempt. */
  private fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private isInterrupted = false
  private readonly port: Port
  private readonly outbox: Outbox
  private readonly metrics: Metrics
  private readonly tracer: Tracer.Tracer
  private readonly ways = new Map<string, Way>()

  /** `base`: what the layer was built with, and what it has made. */
  constructor(
    port: Port,
    outbox: Outbox,
    handlers: Handlers["Service"],
    base: Context.Context<never>,
    metrics: Metrics
  ) {
    this.port = port
    this.outbox = outbox
    this.metrics = metrics
    this.tracer = forwarder(outbox)
    for (const [tag, handler] of handlers) {
      const { rpc } = handler
      const context = Context.merge(base, handler.context)
      const decodePayload = codec.decoder(rpc.payloadSchema, `the payload of "${tag}"`, context)
      const encodeExit = codec.encoder(Rpc.exitSchema(rpc as Rpc.Any), `the end of "${tag}"`, context)
      this.ways.set(tag, {
        context,
        encodeValue:
          handler.batch === undefined
            ? codec.encoder(rpc.successSchema, `the result of "${tag}"`, context)
            : batches.encodeEach(encodeExit),
        encodeError: codec.encoder(rpc.errorSchema, `the error of "${tag}"`, context),
        encodeExit,
        run:
          handler.batch === undefined
            ? (payload, id, attempts) =>
                Effect.flatMap(decodePayload(payload), (payload) => handler.run(payload, { id, attempts }))
            : batches.runEach(tag, handler.batch, decodePayload)
      })
    }
  }

  run([, tag, payload, id, attempts, span]: Run): void {
    const way = this.ways.get(tag)
    if (way === undefined) return this.end([[From.untold, `no handler for "${tag}" on this thread`]])
    this.isInterrupted = false
    const scope = Scope.makeUnsafe()
    this.follow(this.contextOf(way, scope, span), way.run(payload, id, attempts), (exit) => {
      // Most handlers never use it.
      if (scope.state._tag === "Empty") return this.answer(way, exit)
      this.follow(way.context, Effect.uninterruptible(Scope.close(scope, exit)), (closed) =>
        this.answer(way, Exit.isSuccess(closed) ? exit : bothOf(exit, closed))
      )
    })
  }

  interrupt(): void {
    if (this.fiber === undefined) return
    this.port.post([From.heard])
    this.isInterrupted = true
    this.fiber.interruptUnsafe()
  }

  /** A message that came could not be read. It was the start of an attempt: nothing else can be unreadable. */
  onUnreadable(error: unknown): void {
    this.end([[From.untold, `its payload could not be received: ${messageOf(error)}`]])
  }

  private answer(way: Way, exit: Exit.Exit<unknown, unknown>): void {
    const said = answerOf(way, exit)
    if (codec.isDone(said) && Exit.isSuccess(said)) return this.end(said.value)
    this.follow(way.context, said, (said) => {
      if (Exit.isSuccess(said)) return this.end(said.value)
      if (Cause.hasInterruptsOnly(said.cause) && !Exit.hasInterrupts(exit)) return this.answer(way, said)
      this.end([[From.untold, messageOf(Cause.squash(said.cause))]])
    })
    // It has been interrupted while its scope was closed.
    if (this.isInterrupted && !Exit.hasInterrupts(exit)) this.fiber?.interruptUnsafe()
  }

  private follow<A>(
    context: Context.Context<never>,
    effect: Effect.Effect<A, unknown>,
    then: (exit: Exit.Exit<A, unknown>) => void
  ): void {
    const fiber = Effect.runForkWith(context)(effect)
    this.fiber = fiber
    fiber.addObserver(then)
  }

  private end([answer, transfers]: Said): void {
    this.fiber = undefined
    this.metrics.report()
    this.outbox.tellDropped()
    try {
      this.port.post(answer, transfers)
    } catch (error) {
      this.port.post([From.untold, `what it ended with cannot be sent: ${messageOf(error)}`])
    }
  }

  private contextOf(way: Way, scope: Scope.Scope, span: AttemptSpan | undefined): Context.Context<never> {
    const context = Context.add(way.context, Scope.Scope, scope) as Context.Context<never>
    if (span === undefined) return context
    const [traceId, spanId, sampled, isTraced] = span
    const traced = Context.add(context, Tracer.ParentSpan, Tracer.externalSpan({ traceId, spanId, sampled }))
    // Who has a tracer of their own exports by themselves.
    return isTraced && !traced.mapUnsafe.has(Tracer.TracerKey)
      ? Context.add(traced, Tracer.Tracer, this.tracer)
      : traced
  }
}

const bothOf = (exit: Exit.Exit<unknown, unknown>, closed: Exit.Failure<unknown, unknown>) =>
  Exit.failCause(Exit.isSuccess(exit) ? closed.cause : Cause.combine(exit.cause, closed.cause))

/** By the kind that costs least. */
const answerOf = (way: Way, exit: Exit.Exit<unknown, unknown>): Effect.Effect<Said> => {
  if (Exit.isSuccess(exit)) return said(From.value, way.encodeValue(exit.value))
  const [only, ...others] = exit.cause.reasons
  return others.length === 0 && only?._tag === "Fail"
    ? said(From.error, way.encodeError(only.error))
    : said(From.exit, way.encodeExit(exit))
}

const said = (
  kind: typeof From.value | typeof From.error | typeof From.exit,
  encoded: Effect.Effect<codec.Encoded>
): Effect.Effect<Said> => {
  const tell = ({ transfers, value }: codec.Encoded): Said => [[kind, value], transfers]
  return codec.isDone(encoded) ? Exit.map(encoded, tell) : Effect.map(encoded, tell)
}
