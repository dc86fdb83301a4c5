/** What became of a request as JSON: its result or its error, encoded by the schemas of its Rpc. */
import { Cause, type Context, Effect, Exit, Schema } from "effect"
import type { Handlers } from "./Handlers.ts"
import type { End, Outcome } from "./Outcome.ts"
import * as PoolError from "./PoolError.ts"

export interface OutcomeJson {
  /** `failed` also for a success whose value does not fit its schema: it cannot be told. */
  readonly end: End
  /** Only when it succeeded. */
  readonly result?: unknown
  /**
   * Only when it did not: the handler's error in the shape of its schema, or else `{ _tag, message }`. The tag is
   * `InvalidResult` or `InvalidError` for what the handler gave against its own schema.
   */
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
    const error = encodeValue(rpc.errorSchema, context)
    encoders.set(tag, { result: results ? encodeValue(rpc.successSchema, context) : Exit.succeed, error })
  }
  return ({ end, exit, tag }) => {
    const encode = encoders.get(tag) ?? asItIs
    if (Exit.isFailure(exit)) return errorOf(exit.cause, end, encode.error)
    return Effect.matchCauseEager(encode.result(exit.value), {
      onSuccess: (result): OutcomeJson => ({ end, result: result ?? null }),
      onFailure: (cause): OutcomeJson => ({
        end: "failed",
        error: { _tag: "InvalidResult", message: messageOf(Cause.squash(cause)) },
        isTyped: false
      })
    })
  }
}

/** An `Exit` when it took no time, as almost always. */
type EncodeValue = (value: unknown) => Effect.Effect<unknown, unknown>

const encodeValue = (schema: Schema.Top, context: Context.Context<never>): EncodeValue => {
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(schema)) as EncodeValue
  return (value) => {
    const encoded = encode(value)
    // To merge two contexts costs more than most values take to encode.
    return Exit.isExit(encoded) ? encoded : Effect.provideContext(encoded, context)
  }
}

/** What came through `run` has no schema. */
const asItIs = { result: Exit.succeed, error: Exit.succeed }

const errorOf = (cause: Cause.Cause<unknown>, end: End, encode: EncodeValue): Effect.Effect<OutcomeJson> => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) {
    const error = { _tag: "Defect", message: messageOf(Cause.squash(cause)) }
    return Exit.succeed({ end, error, isTyped: false })
  }
  const { error } = failure
  if (isEndError(error)) return Exit.succeed({ end, error: tagAndMessage(error), isTyped: false })
  return Effect.matchCauseEager(encode(error), {
    onSuccess: (error): OutcomeJson => ({ end, error, isTyped: true }),
    onFailure: (): OutcomeJson => {
      const { _tag, message } = tagAndMessage(error)
      return { end, error: { _tag: "InvalidError", message: `${_tag}: ${message}` }, isTyped: false }
    }
  })
}

const isEndError = (error: unknown): boolean => PoolError.EndError.members.some((of) => error instanceof of)

/** An error as its tag and its message. */
export const tagAndMessage = (error: unknown) => ({
  _tag: typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Error",
  message: messageOf(error)
})

/** What anything that was thrown says about itself, on one line. */
export const messageOf = (thrown: unknown): string => textOf(thrown).replaceAll(/\s*\n\s*/g, " ")

/** Also of what cannot be made a text: an object without a prototype, or one whose `toString` throws. */
const textOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? String(thrown.message || thrown.name) : String(thrown)
  } catch {
    return typeof thrown
  }
}
