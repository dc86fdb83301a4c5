/** A request as JSON, and the answer that its end gives. */
import { DateTime, Effect } from "effect"
import type { Outcome } from "../index.ts"
import type { Ended } from "./ended.ts"
import type { Entry } from "./ledger.ts"
import { type Problem, withMember } from "./problem.ts"

/** What the client hears, and whether it is a problem. */
export interface Answer {
  readonly text: string
  readonly problem: Problem | undefined
}

/** One that has not ended. */
const pending = ({ acceptedAt, group, id, key, ticket, type }: Entry): Effect.Effect<string> =>
  Effect.gen(function* () {
    const status = yield* ticket!.status
    return JSON.stringify({
      id,
      type,
      // Ended, but nobody has been told yet: the pool may leave that for its next turn.
      state: status === "ended" ? "running" : status,
      attempts: yield* ticket!.attempts,
      key: keyText(key),
      group,
      priority: yield* ticket!.priority,
      acceptedAt: acceptedText(acceptedAt),
      startsInMillis: status === "delayed" ? roundUp(yield* ticket!.startsInMillis) : undefined
    })
  })

/** Whole milliseconds: it is not there sooner. */
const roundUp = (millis: number | undefined): number | undefined =>
  millis === undefined ? undefined : Math.ceil(millis)

/** Nobody's has none. */
export const keyText = (key: string | undefined): string | undefined => (key === "" ? undefined : key)

/** One that has ended. The rest is known as long as the service keeps it, and not only the pool as a dead letter. */
export const ended = (known: Known | undefined, ended: Ended): string => {
  const { attempts, deliveries, id, ranMillis, resubmittedFrom, state, text, type, waitedMillis } = ended
  const acceptedAt = known === undefined ? undefined : acceptedText(known.acceptedAt)
  const endedAt = known?.endedAt === undefined ? undefined : endedText(known.endedAt)
  return withMember(
    JSON.stringify({
      id,
      type,
      state,
      attempts,
      deliveries,
      process: known?.process,
      key: keyText(known?.key),
      group: known?.group,
      priority: known?.priority,
      waitedMillis,
      ranMillis,
      acceptedAt,
      endedAt,
      resubmittedFrom
    }),
    state === "succeeded" ? "result" : "error",
    text
  )
}

/** Of one that has ended, beside its end. */
export type Known = Pick<Entry, "acceptedAt" | "endedAt" | "key" | "priority"> & {
  readonly group?: string | undefined
  /** Which process had it last, where that may be another one. */
  readonly process?: string | undefined
}

export const of = (entry: Entry): Effect.Effect<string> =>
  entry.ended === undefined ? pending(entry) : Effect.succeed(ended(entry, entry.ended))

/** The answer to whoever has waited for the end. */
export const answer = (known: Known, end: Ended): Answer => {
  const text = ended(known, end)
  return { text, problem: end.state === "succeeded" ? undefined : problemOf(end, text) }
}

export const locationOf = (id: string): string => `/requests/${encodeURIComponent(id)}`

const titles = {
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  410: "Gone"
} as const

const problemOf = ({ id, isTyped, state, text, type }: Ended, request: string): Problem => {
  const status = isTyped && state === "failed" ? 422 : statuses[state]
  const error: unknown = JSON.parse(text)
  const { _tag, message } = (typeof error === "object" && error !== null ? error : {}) as {
    readonly _tag?: unknown
    readonly message?: unknown
  }
  const kindOfFault = !isTyped && _tag === "ThreadCrashed" ? "thread-crashed" : "defect"
  return {
    status,
    kind: status === 422 ? "failed" : status === 500 ? kindOfFault : state,
    title: titles[status],
    detail: typeof message === "string" ? message : `The handler of "${type}" failed`,
    members: { instance: locationOf(id) },
    request
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
export const acceptedText = isoText()
export const endedText = isoText()
