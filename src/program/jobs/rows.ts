/** How a stored request is told: for people in words, for programs as JSON. */
import type { RequestRecord } from "../../durable/Store.ts"
import { duration } from "../output/duration.ts"

/** Where it is, or how it ended. */
export const stateOf = ({ end, isDead, state }: RequestRecord): string =>
  end === undefined ? state : isDead ? `${end.end} (dead letter)` : end.end

/** Since a time in milliseconds since 1970. */
export const ago = (then: number, now: number): string => `${duration(Math.max(0, now - then) / 1000)} ago`

/** A time for a person, with its zone. */
export const time = (millis: number): string => new Date(millis).toISOString()

/** What its handler gave, as its Rpc's schemas encode it; a text that is no JSON as it is. */
export const exitOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Times in milliseconds since 1970, `null` for what is not there. */
export const toJson = (record: RequestRecord): Readonly<Record<string, unknown>> => {
  const { call, delayMillis: _, expiresInMillis: __, fingerprint: ___, ...request } = record.request
  const { end } = record
  return {
    id: request.id,
    type: request.tag,
    state: end?.end ?? record.state,
    deadLetter: record.isDead,
    key: request.key === "" ? null : request.key,
    priority: request.priority,
    payload: request.payload,
    call,
    storedAt: record.storedAt,
    dueAt: record.dueAt,
    expiresAt: record.expiresAt ?? null,
    claimedAt: record.claimedAt ?? null,
    endedAt: record.endedAt ?? null,
    deliveries: record.deliveries,
    process: record.process ?? null,
    attempts: end?.attempts ?? null,
    waitedMillis: end === undefined ? null : Math.round(end.waitedMillis),
    ranMillis: end === undefined ? null : Math.round(end.ranMillis),
    exit: end === undefined ? null : exitOf(end.exit),
    resubmittedFrom: request.resubmittedFrom ?? null,
    traceparent: request.traceparent ?? null
  }
}
