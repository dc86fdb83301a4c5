/** One line of the outcomes file: how one line of the requests ended. */
import { Cause, Effect, Exit, Schema } from "effect"
import { type Handlers, Outcome, PoolError } from "../index.ts"
import { messageOf } from "./errors.ts"

/** The ends of an accepted request, and the two of a line that never became one. */
export const ends = [...Outcome.ends, "malformed", "rejected"] as const
export type End = (typeof ends)[number]

export interface OutcomeLine {
  readonly line: number
  readonly id: string | null
  readonly type: string | null
  readonly end: End
  readonly attempts: number
  readonly waitedMillis: number
  readonly ranMillis: number
  /** Only when it succeeded: the result, encoded by the Rpc's schema. */
  readonly result?: unknown
  /** Only when it did not: the handler's error, encoded by the Rpc's schema, or `{ _tag, message }`. */
  readonly error?: unknown
}

const never = { attempts: 0, waitedMillis: 0, ranMillis: 0 }

export const malformed = (line: number, message: string): OutcomeLine => ({
  line,
  id: null,
  type: null,
  end: "malformed",
  ...never,
  error: { _tag: "MalformedLine", message }
})

export const rejected = (line: number, id: string, type: string, error: PoolError.SubmitError): OutcomeLine => ({
  line,
  id,
  type,
  end: "rejected",
  ...never,
  error: tagAndMessage(error)
})

type Encode = (value: unknown) => Effect.Effect<unknown, unknown>
interface Encoders {
  readonly result: Encode
  readonly error: Encode
}

/** How outcomes become lines. With `results: false` no result is encoded, for a run that writes none. */
export const encoder = (handlers: Handlers.Handlers["Service"], { results }: { readonly results: boolean }) => {
  const encoders = new Map<string, Encoders>()
  for (const [tag, { context, rpc }] of handlers) {
    const by = (schema: Schema.Top): Encode => {
      const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(schema)) as Encode
      return (value) => Effect.provideContext(encode(value), context)
    }
    encoders.set(tag, { result: results ? by(rpc.successSchema) : Effect.succeed, error: by(rpc.errorSchema) })
  }

  return (line: number, outcome: Outcome.Outcome): Effect.Effect<OutcomeLine> => {
    const { attempts, end, exit, id, tag } = outcome
    const encode = encoders.get(tag)!
    const head = {
      line,
      id,
      type: tag,
      end,
      attempts,
      waitedMillis: Math.round(outcome.waitedMillis),
      ranMillis: Math.round(outcome.ranMillis)
    }
    if (Exit.isFailure(exit)) return Effect.map(errorOf(exit.cause, encode.error), (error) => ({ ...head, error }))
    return Effect.match(encode.result(exit.value), {
      onSuccess: (result): OutcomeLine => ({ ...head, result: result ?? null }),
      // The handler broke its own schema; what it did cannot be told.
      onFailure: (issue) => ({ ...head, end: "failed", error: { _tag: "InvalidResult", message: messageOf(issue) } })
    })
  }
}

const errorOf = (cause: Cause.Cause<unknown>, encode: Encode): Effect.Effect<unknown> => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) {
    return Effect.succeed({ _tag: "Defect", message: messageOf(Cause.squash(cause)) })
  }
  const { error } = failure
  if (isPoolError(error)) return Effect.succeed(tagAndMessage(error))
  return Effect.orElseSucceed(encode(error), () => tagAndMessage(error))
}

const poolErrors = [
  PoolError.RequestTimeout,
  PoolError.RequestExpired,
  PoolError.RequestEvicted,
  PoolError.RequestCancelled,
  PoolError.RequestInterrupted,
  PoolError.HandlerInterrupted
]
const isPoolError = (error: unknown): boolean => poolErrors.some((of) => error instanceof of)

const tagAndMessage = (error: unknown) => ({
  _tag: typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Error",
  message: messageOf(error)
})

/** The error of a line in a few words, for people. */
export const errorInWords = (error: unknown): string => {
  const { _tag, message } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>
  const words =
    typeof _tag === "string" && typeof message === "string" ? `${_tag}: ${message}` : (JSON.stringify(error) ?? "")
  return words.replaceAll(/\s+/g, " ").slice(0, 200)
}

/** A line of an outcomes file that was read back, as far as a later run needs it. */
export const isOutcomeLine = (value: unknown): value is OutcomeLine => {
  if (typeof value !== "object" || value === null) return false
  const { end, line } = value as Record<string, unknown>
  return Number.isSafeInteger(line) && (line as number) >= 1 && ends.includes(end as End)
}
