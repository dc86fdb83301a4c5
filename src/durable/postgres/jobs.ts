/** A request as a job of pg-boss, and back. */
import { DateTime } from "effect"
import { type Claim, longestMillis, type NewRequest } from "../Store.ts"
import { keyOf, tagOf } from "./names.ts"

/** The `data` of a job. The request is text: JSON of PostgreSQL has no NUL, and keeps no order. */
export interface Data {
  readonly request: string
  /** Of two that were stored at the same time the lower one comes first. */
  readonly sequence: number
  /** What follows is of those that were given back. How often they were. */
  readonly returns?: number
  /** That counted, before this time. */
  readonly deliveries?: number
  readonly attempts?: number
  /** When it was stored for the first time. */
  readonly storedAt?: number
  /** The process that had it last. */
  readonly process?: string
}

/** How it goes into `insert` of pg-boss. */
export interface NewJob {
  readonly id: string
  readonly data: Data
  readonly priority: number
  readonly retryLimit: number
  readonly startAfter?: string
  readonly singletonKey?: string
}

export const jobOf = (request: NewRequest, sequence: number, deliveries: number): NewJob => {
  const { delayMillis, id, key, priority, startAtEpochMillis, tag: _tag, ...rest } = request
  return {
    id,
    data: { request: JSON.stringify({ ...rest, key, delayMillis, startAtEpochMillis }), sequence },
    priority,
    retryLimit: deliveries - 1,
    ...whenAndWhose(delayMillis, key, startAtEpochMillis)
  }
}

/** The same again, behind what waits. */
export const returnedJob = (
  { attempts, deliveries, fence, request, storedAt }: Claim & { readonly storedAt: number },
  delayMillis: number,
  sequence: number,
  mostDeliveries: number,
  process: string
): NewJob => {
  const { id, key, priority, tag: _tag, ...rest } = request
  return {
    id,
    data: {
      request: JSON.stringify({ ...rest, key }),
      sequence,
      returns: returnsOf(fence) + 1,
      deliveries,
      attempts,
      storedAt,
      process
    },
    priority,
    retryLimit: Math.max(0, mostDeliveries - 1 - deliveries),
    ...whenAndWhose(delayMillis, key)
  }
}

/** The end of the year 9999. Later dates have no text of that form. */
const latestDate = 253_402_300_799_999

/** An interval, to the database's own clock, or a date by it. */
const whenAndWhose = (delayMillis: number, key: string, startAtEpochMillis?: number) => {
  const singletonKey = keyOf(key)
  return {
    ...(startAtEpochMillis === undefined
      ? delayMillis > 0 && { startAfter: `${Math.min(longestMillis, Math.ceil(delayMillis))} milliseconds` }
      : { startAfter: DateTime.formatIso(DateTime.makeUnsafe(Math.min(Math.max(0, startAtEpochMillis), latestDate))) }),
    ...(singletonKey === undefined ? {} : { singletonKey })
  }
}

export const requestOf = (job: {
  readonly id: string
  readonly name: string
  readonly priority: number
  readonly data: Data
}): NewRequest => ({
  ...unset,
  ...(JSON.parse(job.data.request) as NewRequest),
  id: job.id,
  tag: tagOf(job.name),
  priority: job.priority
})

const unset = {
  expiresInMillis: undefined,
  traceparent: undefined,
  resubmittedFrom: undefined,
  fingerprint: undefined
}

/** pg-boss counts deliveries since the request was stored, and begins anew with one that was given back. */
const mostRetries = 100_000

export const fenceOf = (returns: number, retryCount: number): number => returns * mostRetries + retryCount
export const returnsOf = (fence: number): number => Math.floor(fence / mostRetries)
export const retryCountOf = (fence: number): number => fence % mostRetries
