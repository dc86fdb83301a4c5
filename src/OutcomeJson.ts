/**
 * What became of a request as JSON: its result or its error, encoded by the schemas of its Rpc. This is the one place
 * where what a handler gave is touched to be told: whatever throws here is the end of that one request.
 */
import { Cause, type Context, Effect, Exit, Schema } from "effect"
import type { Handlers } from "./Handlers.ts"
import { nestsDeeperThan } from "./internal/jsonText.ts"
import type { End, Outcome } from "./Outcome.ts"
import * as PoolError from "./PoolError.ts"

/** All of it is plain JSON, which can always be written again. */
export interface OutcomeJson {
  /** `failed` also for a success whose value cannot be told. */
  readonly end: End
  /** Only when it succeeded. */
  readonly result?: unknown
  /**
   * Only when it did not: the handler's error in the shape of its schema, or else `{ _tag, message }`. The tag is
   * `InvalidResult` or `InvalidError` for what the handler gave against its own schema, or what JSON cannot say.
   */
  readonly error?: unknown
  /** Whether `error` is the handler's own. */
  readonly isTyped?: boolean
  /** `result`, or else `error`, as it has been written: cheaper than to write that once more. */
  readonly text: string
}

/** Tells an outcome as JSON. It never fails nor dies: what cannot be told is told as an error. */
export type Encode = (outcome: Outcome) => Effect.Effect<OutcomeJson>

/** How deep a result or an error may nest. One that nests deeper cannot be told. */
export const maxDepth = 512

/**
 * An encoder for the outcomes of these handlers, made once. It never fails nor dies, whatever they gave. A defect has the
 * tag `Defect` and its message, which may tell more than a stranger should know. With `results: false` no result is
 * encoded, and each is `null`.
 */
export const encoder = (handlers: Handlers["Service"], { results = true } = {}): Encode => {
  const encoders = new Map<string, { readonly result: EncodeValue; readonly error: EncodeValue }>()
  for (const [tag, { context, rpc }] of handlers) {
    const error = encodeValue(rpc.errorSchema, context)
    encoders.set(tag, { result: results ? encodeValue(rpc.successSchema, context) : asNull, error })
  }
  return ({ end, exit, tag }) => {
    const encode = encoders.get(tag) ?? (results ? asItIs : asItIsWithoutResult)
    if (Exit.isFailure(exit)) return errorOf(exit.cause, end, encode.error)
    return encodeWith(encode.result, exit.value, {
      onText: (text) => new Told(end, text, undefined),
      onFailure: (message) => untyped("failed", "InvalidResult", message)
    })
  }
}

/** A value as JSON; an `Exit` when it took no time, as almost always. It may throw. */
type EncodeValue = (value: unknown) => Effect.Effect<unknown, unknown>

const encodeValue = (schema: Schema.Top, context: Context.Context<never>): EncodeValue => {
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(schema)) as EncodeValue
  return (value) => {
    const encoded = encode(value)
    // To merge two contexts costs more than most values take to encode.
    return Exit.isExit(encoded) ? encoded : Effect.provideContext(encoded, context)
  }
}

const asNull: EncodeValue = () => Exit.succeed(null)
/** What came through `run` has no schema. */
const asItIs = { result: Exit.succeed, error: Exit.succeed }
const asItIsWithoutResult = { result: asNull, error: Exit.succeed }

const errorOf = (cause: Cause.Cause<unknown>, end: End, encode: EncodeValue): Effect.Effect<OutcomeJson> => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return Exit.succeed(untyped(end, "Defect", messageOf(Cause.squash(cause))))
  const { error } = failure
  if (isEndError(error)) {
    const { _tag, message } = tagAndMessage(error)
    return Exit.succeed(untyped(end, _tag, message))
  }
  return encodeWith(encode, error, {
    onText: (text) => new Told(end, text, true),
    onFailure: () => {
      const { _tag, message } = tagAndMessage(error)
      return untyped(end, "InvalidError", `${_tag}: ${message}`)
    }
  })
}

/** What is told of a value: as its text, or why there is none. */
interface Telling {
  readonly onText: (text: string) => OutcomeJson
  readonly onFailure: (message: string) => OutcomeJson
}

const encodeWith = (encode: EncodeValue, value: unknown, telling: Telling): Effect.Effect<OutcomeJson> => {
  const onFailure = (cause: Cause.Cause<unknown>) => telling.onFailure(messageOf(Cause.squash(cause)))
  let encoded: Effect.Effect<unknown, unknown>
  try {
    encoded = encode(value)
  } catch (thrown) {
    return Exit.succeed(telling.onFailure(messageOf(thrown)))
  }
  const onSuccess = (json: unknown) => write(json, telling)
  return Effect.matchCauseEager(encoded, { onSuccess, onFailure })
}

/** Not every schema makes JSON: one may let through what it was given, with getters that throw and traps. */
const write = (json: unknown, { onFailure, onText }: Telling): OutcomeJson => {
  let text: string | undefined
  try {
    text = JSON.stringify(json ?? null)
  } catch (thrown) {
    return onFailure(messageOf(thrown))
  }
  if (text === undefined) return onFailure(`Expected what JSON has a word for, got a ${typeof json}`)
  if (nestsDeeperThan(text, maxDepth)) return onFailure(`Expected it to nest at most ${maxDepth} deep, got deeper`)
  return onText(text)
}

/** Its value is made of its text, and only for those who ask: never of what the handler gave, which may change. */
class Told implements OutcomeJson {
  readonly end: End
  readonly text: string
  readonly isTyped?: boolean

  constructor(end: End, text: string, isTyped: boolean | undefined) {
    this.end = end
    this.text = text
    if (isTyped !== undefined) this.isTyped = isTyped
  }

  get result(): unknown {
    return this.end === "succeeded" ? JSON.parse(this.text) : undefined
  }

  get error(): unknown {
    return this.end === "succeeded" ? undefined : JSON.parse(this.text)
  }

  toJSON(): unknown {
    const { end, error, isTyped, result } = this
    return { end, result, error, isTyped }
  }
}

const untyped = (end: End, _tag: string, message: string): OutcomeJson =>
  new Told(end, JSON.stringify({ _tag, message }), false)

const isEndError = (error: unknown): boolean => {
  try {
    return PoolError.EndError.members.some((of) => error instanceof of)
  } catch {
    return false
  }
}

/** An error as its tag and its message. */
export const tagAndMessage = (error: unknown) => ({ _tag: tagOf(error), message: messageOf(error) })

const tagOf = (error: unknown): string => {
  try {
    const isTagged = typeof error === "object" && error !== null && "_tag" in error
    return isTagged ? String(error._tag).slice(0, mostCharacters) : "Error"
  } catch {
    return "Error"
  }
}

/** What anything that was thrown says about itself, on one line of at most 10,000 characters. */
export const messageOf = (thrown: unknown): string => {
  const text = textOf(thrown).slice(0, mostCharacters)
  if (!text.includes("\n")) return text
  const lines = text.split("\n").map((line) => line.trim())
  return lines.filter((line) => line !== "").join(" ")
}

const mostCharacters = 10_000

/** Also of what cannot be made a text: an object without a prototype, or one whose `toString` throws. */
const textOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? String(thrown.message || thrown.name) : String(thrown)
  } catch {
    return typeof thrown
  }
}
