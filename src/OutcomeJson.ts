/** What became of a request as JSON: its result or its error, encoded by the schemas of its Rpc. */
import { Cause, Effect, Exit, Schema } from "effect"
import type { Handlers } from "./Handlers.ts"
import type { End, Outcome } from "./Outcome.ts"
import * as PoolError from "./PoolError.ts"

export interface OutcomeJson {
  /** `failed` also for a success whose value does not fit its schema: it cannot be told. */
  readonly end: End
  /** Only when it succeeded. */
  readonly result?: unknown
  /** Only when it did not: the handler's error in the shape of its schema, or `{ _tag, message }`. */
  readonly error?: unknown
  /** Whether `error` is the handler's own. */
  readonly isTyped?: boolean
}

export type Encode = (outcome: Outcome) => Effect.Effect<OutcomeJson>

/**
 * An encoder for the outcomes of these handlers, made once. A defect has the tag `Defect` and its message, which may
 * tell more than a stranger should know. With `results: false` no result is encoded.
 */
export const encoder = (handlers: Handlers["Service"], { results = true } = {}): Encode => {
  const encoders = new Map<string, { readonly result: EncodeValue; readonly error: EncodeValue }>()
  for (const [tag, { context, rpc }] of handlers) {
    const by = (schema: Schema.Top): EncodeValue => {
      const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(schema)) as EncodeValue
      // A getter of the value, or the schema itself, may throw: that is no reason not to tell the rest.
      return (value) =>
        Effect.suspend(() => encode(value)).pipe(Effect.provideContext(context), Effect.catchDefect(Effect.fail))
    }
    encoders.set(tag, { result: results ? by(rpc.successSchema) : Effect.succeed, error: by(rpc.errorSchema) })
  }
  return ({ end, exit, tag }) => {
    const encode = encoders.get(tag) ?? asItIs
    if (Exit.isFailure(exit)) return errorOf(exit.cause, end, encode.error)
    return Effect.match(encode.result(exit.value), {
      onSuccess: (result): OutcomeJson => ({ end, result: result ?? null }),
      onFailure: (issue): OutcomeJson => ({
        end: "failed",
        error: { _tag: "InvalidResult", message: messageOf(issue) },
        isTyped: false
      })
    })
  }
}

type EncodeValue = (value: unknown) => Effect.Effect<unknown, unknown>

/** What came through `run` has no schema. */
const asItIs = { result: Effect.succeed, error: Effect.succeed }

const errorOf = (cause: Cause.Cause<unknown>, end: End, encode: EncodeValue): Effect.Effect<OutcomeJson> => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) {
    const error = { _tag: "Defect", message: messageOf(Cause.squash(cause)) }
    return Effect.succeed({ end, error, isTyped: false })
  }
  const { error } = failure
  if (endErrors.some((of) => error instanceof of)) {
    return Effect.succeed({ end, error: tagAndMessage(error), isTyped: false })
  }
  return Effect.match(encode(error), {
    onSuccess: (error): OutcomeJson => ({ end, error, isTyped: true }),
    onFailure: (): OutcomeJson => ({ end, error: tagAndMessage(error), isTyped: true })
  })
}

const endErrors = [
  PoolError.RequestTimeout,
  PoolError.RequestExpired,
  PoolError.RequestEvicted,
  PoolError.RequestCancelled,
  PoolError.RequestInterrupted,
  PoolError.HandlerInterrupted
]

/** An error as its tag and its message. */
export const tagAndMessage = (error: unknown) => ({
  _tag: typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Error",
  message: messageOf(error)
})

/** What anything that was thrown says about itself, on one line. */
export const messageOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message || thrown.name : String(thrown)).replaceAll(/\s*\n\s*/g, " ")
