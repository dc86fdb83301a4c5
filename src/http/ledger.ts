/**
 * What is known of the requests that came through the service, by id: those that have not ended, and the last ends. An
 * end is kept until there are `keepEnds` newer ones or `keepForMillis` have passed, whichever comes first.
 */
import type { Tracer } from "effect"
import type { Outcome, Ticket } from "../index.ts"
import { ByNumber } from "./byNumber.ts"

export interface Options {
  readonly keepEnds: number
  readonly keepForMillis: number
  /** Stands before the number in each id: ids of an earlier process are not taken for ours. */
  readonly idPrefix: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of each end, in the step of the end. */
  readonly onEnd: (entry: Entry, outcome: Outcome.Outcome) => void
}

type Listener = (entry: Entry, outcome: Outcome.Outcome) => void

/** One request. */
export class Entry {
  readonly id: string
  /** Its place in the order of acceptance. */
  readonly number: number
  readonly type: string
  readonly acceptedAt: number
  /** Until it ends: a ticket has the payload, which may be large. */
  ticket: Ticket.Ticket<unknown, unknown> | undefined
  outcome: Outcome.Outcome | undefined
  endedAt = 0
  /** The idempotency key that it came with. */
  key: string | undefined
  /** The span in which it was accepted, for the log. */
  readonly span: Tracer.AnySpan | undefined
  /** Whether its first caller was answered with its end. */
  answeredWithEnd = false
  private listeners: ReadonlyArray<Listener> = []

  constructor(
    id: string,
    number: number,
    ticket: Ticket.Ticket<unknown, unknown>,
    acceptedAt: number,
    span: Tracer.AnySpan | undefined
  ) {
    this.id = id
    this.number = number
    this.type = ticket.tag
    this.ticket = ticket
    this.span = span
    this.acceptedAt = acceptedAt
  }

  /** Told once, at the end. The answer takes it back. */
  listen(listener: Listener): () => void {
    this.listeners = this.listeners.length === 0 ? [listener] : [...this.listeners, listener]
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener)
    }
  }

  end(outcome: Outcome.Outcome, now: number): void {
    const { listeners } = this
    this.ticket = undefined
    this.outcome = outcome
    this.endedAt = now
    this.listeners = []
    for (const listener of listeners) listener(this, outcome)
  }
}

export class Ledger {
  private readonly entries = new ByNumber<Entry>()
  /** In the order of their ends; those before `oldest` have been forgotten. */
  private ended: Array<Entry> = []
  private oldest = 0
  private newest = 0
  private readonly keys = new Map<string, { readonly fingerprint: string; entry: Entry | undefined }>()
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  add(ticket: Ticket.Ticket<unknown, unknown>, key?: string, span?: Tracer.AnySpan): Entry {
    const { now, onEnd } = this.options
    const { id } = ticket
    const number = Number(id.slice(this.options.idPrefix.length))
    const entry = new Entry(id, number, ticket, now(), span)
    this.entries.set(number, entry)
    // One that was blocked is accepted after those that asked after it.
    if (number > this.newest) this.newest = number
    if (key !== undefined) {
      entry.key = key
      this.keys.get(key)!.entry = entry
    }
    ticket.onEnd((outcome) => {
      const at = now()
      this.ended.push(entry)
      this.forget(at)
      entry.end(outcome, at)
      onEnd(entry, outcome)
    })
    return entry
  }

  /** `"gone"`: there was such a request, and it is no longer kept. */
  find(id: string): Entry | "gone" | undefined {
    const number = this.numberOf(id)
    if (number === 0) return undefined
    const entry = this.entries.get(number)
    if (entry !== undefined && !this.isStale(entry, this.options.now())) return entry
    return number <= this.newest ? "gone" : undefined
  }

  /** Newest first, those accepted before that number. */
  *before(number = Infinity): Generator<Entry> {
    const now = this.options.now()
    for (const entry of this.entries.below(number)) if (!this.isStale(entry, now)) yield entry
  }

  get size(): number {
    return this.entries.size
  }

  /** Takes the key, before its request is accepted. Answers what has it already. */
  claim(
    key: string,
    fingerprint: string
  ): { readonly fingerprint: string; readonly entry: Entry | undefined } | undefined {
    const claimed = this.keys.get(key)
    if (claimed !== undefined && !(claimed.entry !== undefined && this.isStale(claimed.entry, this.options.now()))) {
      return claimed
    }
    this.keys.set(key, { fingerprint, entry: undefined })
    return undefined
  }

  /** The request was not accepted: its key is free again. */
  disclaim(key: string): void {
    this.keys.delete(key)
  }

  /** Forgets what is too old, or too much. */
  forget(now: number): void {
    const { keepEnds } = this.options
    while (this.oldest < this.ended.length) {
      const entry = this.ended[this.oldest]!
      if (this.ended.length - this.oldest <= keepEnds && !this.isStale(entry, now)) break
      this.oldest++
      this.entries.delete(entry.number)
      if (entry.key !== undefined && this.keys.get(entry.key)?.entry === entry) this.keys.delete(entry.key)
    }
    // What was forgotten is cut off now and then, and not one by one.
    if (this.oldest > 1024 && this.oldest > this.ended.length / 2) {
      this.ended = this.ended.slice(this.oldest)
      this.oldest = 0
    }
  }

  private isStale(entry: Entry, now: number): boolean {
    return entry.outcome !== undefined && now - entry.endedAt > this.options.keepForMillis
  }

  /** The place in the order of acceptance that an id tells; `0` for what is no id of ours. */
  numberOf(id: string): number {
    const { idPrefix } = this.options
    const number = id.startsWith(idPrefix) ? Number(id.slice(idPrefix.length)) : 0
    // Only as we write it: not ` 7`, `07` or `7e0`.
    return Number.isSafeInteger(number) && number > 0 && id === idPrefix + number ? number : 0
  }
}
