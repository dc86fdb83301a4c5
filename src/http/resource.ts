/** A request as JSON, and the answer that its end gives. */
import { DateTime, Effect } from "effect"
import { Outcome, type OutcomeJson, type PoolError } from "../index.ts"
import type { Entry } from "./ledger.ts"
import type { Problem } from "./problem.ts"

export interface Resource {
  readonly id: string
  readonly type: string
  readonly state: PoolError.Phase | Outcome.End
  readonly attempts: number
  /** These, and what follows, once it has ended. */
  readonly waitedMillis?: number
  readonly ranMillis?: number
  /** These two as long as the service keeps the request itself, and not only as a dead letter. */
  readonly acceptedAt?: string
  readonly endedAt?: string
  readonly result?: unknown
  readonly error?: unknown
  readonly resubmittedFrom?: string
}

/** What the client hears, and whether it is a problem. */
export interface Answer {
  readonly resource: Resource
  readonly problem: Problem | undefined
}

/** One that has not ended. */
export const pending = ({ acceptedAt, id, ticket, type }: Entry): Effect.Effect<Resource> =>
  Effect.zipWith(ticket!.status, ticket!.attempts, (state, attempts) => ({
    id,
    type,
    // Ended, but nobody has been told yet: the pool may leave that for its next turn.
    state: state === "ended" ? "running" : state,
    attempts,
    acceptedAt: acceptedText(acceptedAt)
  }))

/** One that has ended. */
export const ended = (
  times: Pick<Entry, "acceptedAt" | "endedAt"> | undefined,
  outcome: Outcome.Outcome,
  encode: OutcomeJson.Encode
): Effect.Effect<Answer> =>
  Effect.mapEager(encode(outcome), ({ end, error, isTyped, result }) => {
    const { attempts, id, ranMillis, resubmittedFrom, tag, waitedMillis } = outcome
    const resource: Resource = {
      id,
      type: tag,
      state: end,
      attempts,
      waitedMillis: round(waitedMillis),
      ranMillis: round(ranMillis),
      ...(times === undefined
        ? undefined
        : { acceptedAt: acceptedText(times.acceptedAt), endedAt: endedText(times.endedAt) }),
      ...(end === "succeeded" ? { result } : { error: isTyped === true ? error : withoutText(error) }),
      ...(resubmittedFrom === undefined ? undefined : { resubmittedFrom })
    }
    return { resource, problem: end === "succeeded" ? undefined : problemOf(resource, isTyped === true) }
  })

export const of = (entry: Entry, encode: OutcomeJson.Encode): Effect.Effect<Resource> =>
  entry.outcome === undefined
    ? pending(entry)
    : Effect.mapEager(ended(entry, entry.outcome, encode), ({ resource }) => resource)

export const locationOf = (id: string): string => `/requests/${encodeURIComponent(id)}`

/** What a defect, or a result that breaks its schema, says is for the log. */
const withoutText = (error: unknown): unknown => {
  const { _tag } = error as { readonly _tag: string }
  if (_tag === "Defect") return { _tag, message: "the handler died; the log of the service says why" }
  if (_tag === "InvalidResult") return { _tag, message: "the handler's result does not fit its schema" }
  return _tag === "InvalidError" ? { _tag, message: "the handler's error does not fit its schema" } : error
}

const titles = {
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  410: "Gone"
} as const

const problemOf = (resource: Resource, isTyped: boolean): Problem => {
  const { error, id, state, type } = resource
  const status = isTyped && state === "failed" ? 422 : statuses[state as Outcome.End]
  const { message } = (typeof error === "object" && error !== null ? error : {}) as { readonly message?: unknown }
  return {
    status,
    kind: status === 422 ? "failed" : status === 500 ? "defect" : state,
    title: titles[status],
    detail: typeof message === "string" ? message : `The handler of "${type}" failed`,
    members: { instance: locationOf(id), request: resource }
  }
}

const statuses = {
  succeeded: 500,
  failed: 500,
  timedOut: 504,
  expired: 504,
  evicted: 503,
  interrupted: 503,
  cancelled: 410
} as const satisfies Record<Outcome.End, number>

const round = (millis: number): number => Math.round(millis * 1000) / 1000

/** Many requests share a millisecond; to write it is a good part of what writing one costs. */
const isoText = (): ((millis: number) => string) => {
  let lastMillis = Number.NaN
  let lastText = ""
  return (millis) => {
    if (millis !== lastMillis) {
      lastMillis = millis
      lastText = DateTime.formatIso(DateTime.makeUnsafe(millis))
    }
    return lastText
  }
}
const acceptedText = isoText()
const endedText = isoText()
