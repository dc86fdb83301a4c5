/** One stored request as a store in memory keeps it, and what it tells of it. */
import type { Heaped } from "../../queue/heap.ts"
import type { Placed } from "../../queue/ring.ts"
import type { Claim, EndRecord, NewRequest, RequestRecord } from "../Store.ts"

/** All dates are the store's. */
export class Row implements Heaped, Placed {
  readonly id: string
  readonly tag: string
  readonly key: string
  readonly storedAt: number
  readonly expiresAt: number | undefined
  /** Where it is by what was done with it. One that is due stays `delayed` until somebody looks. */
  place: RequestRecord["state"]
  priority: number
  /** Of two of the same priority the lower one comes first. */
  sequence: number
  dueAt: number
  waitsSince: number
  fence = 0
  deliveries = 0
  attempts = 0
  process: string | undefined = undefined
  claimedAt: number | undefined = undefined
  touchedAt = 0
  end: EndRecord | undefined = undefined
  endedAt: number | undefined = undefined
  isDead = false
  heapAt = -1
  position = -1
  /** As JSON: what is not comes back as something else, as from any other store. */
  private readonly text: string

  constructor(request: NewRequest, now: number, sequence: number) {
    this.id = request.id
    this.tag = request.tag
    this.key = request.key
    this.priority = request.priority
    this.text = JSON.stringify(request)
    this.sequence = sequence
    this.storedAt = now
    this.dueAt = Math.max(now, request.startAtEpochMillis ?? now + request.delayMillis)
    this.waitsSince = this.dueAt
    this.expiresAt = request.expiresInMillis === undefined ? undefined : now + request.expiresInMillis
    this.place = this.dueAt > now ? "delayed" : "waiting"
  }

  get request(): NewRequest {
    return { ...unset, ...JSON.parse(this.text), priority: this.priority }
  }

  claim(now: number): Claim {
    return {
      request: this.request,
      fence: this.fence,
      deliveries: this.deliveries,
      attempts: this.attempts,
      storedForMillis: now - this.storedAt,
      leftMillis: this.expiresAt === undefined ? undefined : Math.max(0, this.expiresAt - now)
    }
  }

  get endRecord(): EndRecord | undefined {
    return this.end && { ...unsetOfEnd, ...copy(this.end) }
  }

  get record(): RequestRecord {
    const { claimedAt, deliveries, dueAt, endedAt, expiresAt, isDead, place, process, request, storedAt } = this
    return {
      request,
      state: place,
      deliveries,
      process,
      storedAt,
      claimedAt,
      endedAt,
      dueAt,
      expiresAt,
      end: this.endRecord,
      isDead
    }
  }
}

const unset = {
  expiresInMillis: undefined,
  traceparent: undefined,
  resubmittedFrom: undefined,
  fingerprint: undefined
}

const unsetOfEnd = { resubmittedFrom: undefined }

/** What would come back from a store elsewhere. */
export const copy = <A>(value: A): A => (value === undefined ? value : JSON.parse(JSON.stringify(value)))
