/** One line of the outcomes file: how one line of the requests ended. */
import { Cause, Effect } from "effect"
import { type Handlers, Outcome, OutcomeJson, type PoolError } from "../../index.ts"
import { outcomeLimit } from "./lines.ts"
import { shown } from "../output/shown.ts"

/** The ends of an accepted request, and the two of a line that never became one. */
export const ends = [...Outcome.ends, "malformed", "rejected"] as const
export type End = (typeof ends)[number]

export interface OutcomeLine {
  readonly line: number
  readonly id: string | null
  /** Only of a request that was stored: its id there. */
  readonly request?: string
  readonly type: string | null
  /** Only of a request that was somebody's. */
  readonly key?: string
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

export const malformed = (line: number, message: string): Ended =>
  written({ line, id: null, type: null, end: "malformed", ...never, error: { _tag: "MalformedLine", message } })

export const rejected = (line: number, id: string, type: string, error: PoolError.SubmitError): Ended =>
  written({ line, id, type, end: "rejected", ...never, error: OutcomeJson.tagAndMessage(error) })

/** A line that has ended: its outcome, and that as the file takes it. */
export interface Ended {
  readonly outcome: OutcomeLine
  readonly bytes: Buffer
}

/**
 * How outcomes become lines. It is the one place where what a handler gave is touched, and total: what throws there, or
 * cannot be written, is the end of that one line, as `InvalidResult` or `InvalidError`, whether or not a file has it.
 */
export const encoder = (handlers: Handlers.Handlers["Service"]) => {
  const encode = OutcomeJson.encoder(handlers)
  return (line: number, outcome: Outcome.Outcome, key = "", id = outcome.id): Effect.Effect<Ended> =>
    Effect.suspend(() => encode(outcome)).pipe(
      Effect.flatMap(({ end, error, result }) => {
        const ended = written({
          ...lineOf(line, outcome, key, id, end),
          ...(end === "succeeded" ? { result } : { error })
        })
        return ended.bytes.length <= outcomeLimit
          ? Effect.succeed(ended)
          : Effect.fail(`it takes more than ${outcomeLimit} bytes`)
      }),
      Effect.catchCause((cause) => Effect.sync(() => untold(line, outcome, key, id, Cause.squash(cause))))
    )
}

/** For outcomes of plain texts and numbers; others may make `JSON.stringify` throw. */
export const written = (outcome: OutcomeLine): Ended => ({
  outcome,
  bytes: Buffer.from(`${JSON.stringify(outcome)}\n`)
})

const lineOf = (line: number, outcome: Outcome.Outcome, key: string, id: string, end: End): OutcomeLine => ({
  line,
  id,
  ...(id === outcome.id ? {} : { request: outcome.id }),
  type: outcome.tag,
  ...(key === "" ? {} : { key }),
  end,
  attempts: outcome.attempts,
  waitedMillis: Math.round(outcome.waitedMillis),
  ranMillis: Math.round(outcome.ranMillis)
})

const untold = (line: number, outcome: Outcome.Outcome, key: string, id: string, thrown: unknown): Ended => {
  const isResult = outcome.end === "succeeded"
  const message = OutcomeJson.messageOf(thrown).slice(0, 1000)
  return written({
    ...lineOf(line, outcome, key, id, isResult ? "failed" : outcome.end),
    error: { _tag: isResult ? "InvalidResult" : "InvalidError", message }
  })
}

/** The error of a line in a few words, for people. Total, as the line may not have been written. */
export const errorInWords = (error: unknown): string =>
  (taggedInWords(error) ?? shown(error, 1000)).replaceAll(/\s+/g, " ").slice(0, 200)

const taggedInWords = (error: unknown): string | undefined => {
  try {
    const { _tag, message } = error as Record<string, unknown>
    return typeof _tag === "string" && typeof message === "string" ? `${_tag}: ${message}` : undefined
  } catch {
    return undefined
  }
}

/** A line of an outcomes file that was read back, as far as a later run needs it. */
export const isOutcomeLine = (value: unknown): value is OutcomeLine => {
  if (typeof value !== "object" || value === null) return false
  const { end, line } = value as Record<string, unknown>
  return Number.isSafeInteger(line) && (line as number) >= 1 && ends.includes(end as End)
}
