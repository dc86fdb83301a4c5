/** One line of the outcomes file: how one line of the requests ended. */
import { Effect } from "effect"
import { type Handlers, Outcome, OutcomeJson, type PoolError } from "../index.ts"

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
  error: OutcomeJson.tagAndMessage(error)
})

/** How outcomes become lines. With `results: false` no result is encoded, for a run that writes none. */
export const encoder = (handlers: Handlers.Handlers["Service"], options: { readonly results: boolean }) => {
  const encode = OutcomeJson.encoder(handlers, options)
  return (line: number, outcome: Outcome.Outcome): Effect.Effect<OutcomeLine> =>
    Effect.map(encode(outcome), ({ end, error, result }) => ({
      line,
      id: outcome.id,
      type: outcome.tag,
      end,
      attempts: outcome.attempts,
      waitedMillis: Math.round(outcome.waitedMillis),
      ranMillis: Math.round(outcome.ranMillis),
      ...(end === "succeeded" ? { result } : { error })
    }))
}

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
