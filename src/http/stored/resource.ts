/** A stored request as JSON. */
import { Clock, Effect } from "effect"
import type { RequestRecord } from "../../durable/Store.ts"
import type { Outcome, PoolError } from "../../index.ts"
import type { Ended } from "../ended.ts"
import * as Resource from "../resource.ts"
import type { Room } from "./room.ts"

/** The words of the service. What a process has runs, or is about to. */
export const stateOf = ({ end, state }: RequestRecord): PoolError.Phase | Outcome.End =>
  end?.end ?? (state === "claimed" || state === "ended" ? "running" : state)

/** One that has just been stored. */
export const begun = (id: string, asked: Begun): string => {
  const { acceptedAt, key, priority, startsInMillis = 0, type } = asked
  return JSON.stringify({
    id,
    type,
    state: startsInMillis > 0 ? "delayed" : "waiting",
    deliveries: 0,
    key: Resource.keyText(key),
    priority,
    acceptedAt: Resource.acceptedText(acceptedAt),
    startsInMillis: startsInMillis > 0 ? startsInMillis : undefined
  })
}

interface Begun {
  readonly type: string
  readonly key: string
  readonly priority: number
  readonly acceptedAt: number
  /** What its call has asked for. */
  readonly startsInMillis: number | undefined
}

/** How often it was attempted is known to whoever has it, and told with the end. */
const pending = (record: RequestRecord, now: number): string => {
  const { claimedAt, deliveries, dueAt, expiresAt, process, request, state, storedAt } = record
  const { id, key, priority, resubmittedFrom, tag } = request
  return JSON.stringify({
    id,
    type: tag,
    state: stateOf(record),
    deliveries,
    process,
    key: Resource.keyText(key),
    priority,
    acceptedAt: Resource.acceptedText(storedAt),
    claimedAt: state === "claimed" ? textOf(claimedAt) : undefined,
    dueAt: state === "delayed" ? textOf(dueAt) : undefined,
    startsInMillis: state === "delayed" ? Math.max(0, dueAt - now) : undefined,
    expiresAt: textOf(expiresAt),
    resubmittedFrom
  })
}

const textOf = (at: number | undefined): string | undefined => (at === undefined ? undefined : Resource.endedText(at))

export const of = (room: Room, record: RequestRecord): Effect.Effect<string> =>
  record.end === undefined
    ? Effect.map(Clock.currentTimeMillis, (now) => pending(record, now))
    : Effect.map(room.endOf(record.end), (ended) => Resource.ended(knownOf(record), counted(record, ended)))

/** Of one that has ended: what whoever has waited for it is answered. */
export const answer = (record: RequestRecord, ended: Ended): Resource.Answer =>
  Resource.answer(knownOf(record), counted(record, ended))

/** Whoever cancels one does not know how often it was delivered. */
const counted = ({ deliveries }: RequestRecord, ended: Ended): Ended => ({ ...ended, deliveries })

const knownOf = ({ endedAt, process, request, storedAt }: RequestRecord): Resource.Known => ({
  acceptedAt: storedAt,
  endedAt,
  key: request.key,
  priority: request.priority,
  process
})
