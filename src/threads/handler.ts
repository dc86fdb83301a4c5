/** The handlers of a group as the pool runs them: each attempt is a message to a thread, and one back. */
import { Context, Effect, type Exit, type Fiber, References, Tracer } from "effect"
import { Rpc } from "effect/rpc"
import { Capacity, NotBefore, PoolError } from "../index.ts"
import * as codec from "./codec.ts"
import type { Fleet } from "./fleet.ts"
import { From, type AttemptSpan, To } from "./messages.ts"
import * as moved from "./moved.ts"
import type { Settings } from "./settings.ts"
import { Task, type TaskEnd } from "./task.ts"
import { messageOf } from "./words.ts"

type Handler = (
  payload: unknown,
  options: { readonly requestId: { toString(): string } }
) => Effect.Effect<unknown, unknown>

/** `context`: what the schemas of the group need. */
export const make = (
  fleet: Fleet,
  places: Capacity.Places,
  settings: Settings,
  rpc: Rpc.AnyWithProps,
  context: Context.Context<never>
): Handler => {
  const encode = encoderOf(rpc, context)
  const send = sender(fleet, places, settings, rpc._tag, decoderOf(rpc, context))
  return (payload, { requestId }) =>
    Effect.withFiber((fiber) =>
      Effect.flatMap(encode(payload), (encoded) => send(fiber, String(requestId), 1, encoded))
    )
}

/** What was moved before cannot be sent. @internal */
export const encoderOf = (
  rpc: Rpc.AnyWithProps,
  context: Context.Context<never>
): ((payload: unknown) => Effect.Effect<codec.Encoded>) => {
  const encode = codec.encoder(rpc.payloadSchema, `the payload of "${rpc._tag}"`, context)
  return (payload) =>
    Effect.flatMapEager(
      encode(payload),
      (encoded) => (encoded.transfers && moved.refuse(rpc._tag, encoded.transfers)) ?? Effect.succeed(encoded)
    )
}

/** An attempt as a message to a thread, until its end has come. @internal */
export const sender =
  (
    fleet: Fleet,
    places: Capacity.Places,
    settings: Settings,
    tag: string,
    decode: (end: TaskEnd) => Effect.Effect<unknown, unknown>
  ) =>
  (
    fiber: Fiber.Fiber<unknown, unknown>,
    id: string | ReadonlyArray<string>,
    // A handler of one request, in Effect, is not told which attempt it is.
    attempt: number | ReadonlyArray<number>,
    { transfers, value }: codec.Encoded
  ) => {
    const sent = Effect.callback<unknown, unknown>((resume) => {
      const hasPlace = Context.get(fiber.context, Capacity.Held) === places
      // Its thread is gone between the gate and here. It is no attempt: it waits for the next one.
      if (hasPlace && fleet.mustWait) {
        return resume(Effect.fail(NotBefore.of(1, { at: settings.name, countsAsAttempt: false })))
      }
      const message = [To.run, tag, value, id, attempt, spanOf(fiber.context)] as const
      const task = new Task(message, transfers, hasPlace, (end) => resume(decode(end)))
      task.context = fiber.context
      try {
        fleet.submit(task)
      } catch (error) {
        return resume(decode({ unsent: error }))
      }
      return cancel(fleet, task, settings)
    })
    return transfers === undefined ? sent : moved.remember(transfers, sent)
  }

/**
 * First it asks. A thread that does not answer computes, and is killed; one that does has its time for finalizers. Over when
 * the attempt has really ended: with the thread, if that had to go.
 */
export const cancel = (
  fleet: Fleet,
  task: Task,
  { answerWithinMillis, killAfterMillis }: Pick<Settings, "answerWithinMillis" | "killAfterMillis">
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { place } = task
    if (task.hasEnded) return Effect.void
    task.isWanted = false
    if (place === undefined) {
      fleet.withdraw(task)
      task.finish({ reason: "start", detail: "no thread was ready when it was given up" })
      return Effect.void
    }
    const kill = Effect.sync(() => {
      if (!task.hasEnded) fleet.killFor(task)
    })
    const answerMillis = Math.min(answerWithinMillis, killAfterMillis)
    if (answerMillis > 0) place.interrupt(task)
    const endedOrSilent = Effect.flatMap(within(task.heard, answerMillis), (heard) =>
      heard ? task.ended : Effect.void
    )
    return Effect.raceFirst(endedOrSilent, Effect.sleep(killAfterMillis)).pipe(
      Effect.andThen(kill),
      Effect.andThen(task.ended)
    )
  })

/** Whether it has happened in so many milliseconds. */
const within = (event: Effect.Effect<void>, millis: number): Effect.Effect<boolean> =>
  millis === 0
    ? Effect.succeed(false)
    : Effect.raceFirst(Effect.as(event, true), Effect.as(Effect.sleep(millis), false))

const spanOf = (context: Context.Context<never>): AttemptSpan | undefined => {
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  if (span === undefined || Context.get(span.annotations, Tracer.DisablePropagation)) return undefined
  const { sampled, spanId, traceId } = span
  const isTraced = context.mapUnsafe.has(Tracer.TracerKey) && Context.get(context, References.TracerEnabled)
  return [traceId, spanId, sampled, isTraced]
}

/** What the end of an attempt comes to. `valueOf`: what its value is, where that is none of the Rpc's. @internal */
export const decoderOf = (
  rpc: Rpc.AnyWithProps,
  context: Context.Context<never>,
  valueOf?: (told: unknown) => Effect.Effect<unknown>
) => {
  const tag = rpc._tag
  const value = valueOf ?? codec.decoder(rpc.successSchema, `the result of "${tag}"`, context)
  const error = codec.decoder(rpc.errorSchema, `the error of "${tag}"`, context)
  const exit = codec.decoder(Rpc.exitSchema(rpc as Rpc.Any), `the end of "${tag}"`, context)
  return (end: TaskEnd): Effect.Effect<unknown, unknown> => {
    if ("unsent" in end) {
      return Effect.die(new Error(`the payload of "${tag}" cannot be sent: ${messageOf(end.unsent)}`))
    }
    if ("reason" in end) return Effect.fail(new PoolError.ThreadCrashed({ tag, ...end }))
    const [kind, told] = end
    switch (kind) {
      case From.value:
        return value(told)
      case From.error:
        return Effect.flatMap(error(told), Effect.fail)
      case From.exit:
        return Effect.flatMap(exit(told), (exit) => exit as Exit.Exit<unknown, unknown>)
      case From.untold:
        return Effect.die(new Error(told))
    }
  }
}
