/**
 * What is known of the requests that came through the service, by id: those that have not ended, and the last ends. An
 * end is kept until there are `keepEnds` newer ones, or it and those are more than `keepBytes`, or `keepForMillis` have
 * passed, whichever comes first. Then nothing of it is held.
 */
import { Effect, Exit, type Tracer } from "effect"
import type { Outcome, Ticket } from "../index.ts"
import { ByNumber } from "./byNumber.ts"
import type { Ended } from "./ended.ts"

export interface Options {
  readonly keepEnds: number
  /** Of results and errors as they are written. */
  readonly keepBytes: number
  readonly keepForMillis: number
  /** Stands before the number in each id: ids of an earlier process are not taken for ours. */
  readonly idPrefix: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of each end, in the step of the end. Writes it; nearly always that takes no time. */
  readonly write: (entry: Entry, outcome: Outcome.Outcome) => Effect.Effect<Ended>
  /** Runs what does take time. */
  readonly run: (writing: Effect.Effect<void>) => void
}

type Listener = (entry: Entry, ended: Ended) => void

/** One request. */
export class Entry {
  readonly id: string
  /** Its place in the order of acceptance. */
  readonly number: number
  readonly type: string
  readonly acceptedAt: number
  /** Until its end is written: a ticket has the payload, which may be large. */
  ticket: Ticket.Ticket<unknown, unknown> | undefined
  ended: Ended | undefined
  /** Its end may be written later, if its schema takes time. */
  endedAt: number | undefined
  /** The idempotency keys that it came with. */
  idempotencyKeys: ReadonlyArray<string> = []
  /** What it belongs to. */
  readonly group: string | undefined
  /** Those of others that have joined it: they see the same request. */
  private joined: ReadonlyArray<Ticket.Ticket<unknown, unknown>> = []
  /** Whose it is; `""`: nobody's. */
  readonly key: string
  /** Once it has ended: before, its ticket knows. */
  priority = 0
  /** The span in which it was accepted, for the log. */
  readonly span: Tracer.AnySpan | undefined
  /** Whether its first caller was answered with its end. */
  answeredWithEnd = false
  /** Of its payload as it came. */
  payloadBytes = 0
  /** The ledger's own: which end comes next, and what this one counts for while it is kept. */
  next: Entry | undefined
  isKept = false
  bytes = 0
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
    this.key = ticket.key
    this.group = ticket.group
    this.ticket = ticket
    this.span = span
    this.acceptedAt = acceptedAt
  }

  join(ticket: Ticket.Ticket<unknown, unknown>): void {
    this.joined = [...this.joined, ticket]
  }

  /** For all that see it: it is one resource. */
  get cancel(): Effect.Effect<"withdrawn" | "interrupting" | "settled"> {
    return Effect.suspend(() =>
      this.ticket === undefined
        ? Effect.succeed("settled" as const)
        : Effect.andThen(
            Effect.forEach(this.joined, ({ cancel }) => cancel, { discard: true }),
            this.ticket.cancel
          )
    )
  }

  /** Told once, at the end. The answer takes it back. */
  listen(listener: Listener): () => void {
    this.listeners = this.listeners.length === 0 ? [listener] : [...this.listeners, listener]
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener)
    }
  }

  end(ended: Ended): void {
    const { listeners, ticket } = this
    if (ticket !== undefined) this.priority = Effect.runSync(ticket.priority) // @allowed: it reads a field
    this.ticket = undefined
    this.joined = []
    this.ended = ended
    this.listeners = []
    for (const listener of listeners) listener(this, ended)
  }
}

export class Ledger {
  private readonly entries = new ByNumber<Entry>()
  /** The ends that are kept, in their order. */
  private oldest: Entry | undefined
  private latest: Entry | undefined
  private ends = 0
  private bytes = 0
  /** The greatest number that was ever added. */
  private newest = 0
  private readonly keys = new Map<string, { readonly fingerprint: string; entry: Entry | undefined }>()
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  add(ticket: Ticket.Ticket<unknown, unknown>, key?: string, span?: Tracer.AnySpan, payloadBytes = 0): Entry {
    const { now, run, write } = this.options
    const { id } = ticket
    const number = Number(id.slice(this.options.idPrefix.length))
    const there = this.entries.get(number)
    if (there !== undefined) {
      if (there.ticket !== undefined) there.join(ticket)
      if (key !== undefined) this.claimFor(there, key)
      return there
    }
    const entry = new Entry(id, number, ticket, now(), span)
    entry.payloadBytes = payloadBytes
    this.entries.set(number, entry)
    // One that was blocked is accepted after those that asked after it.
    if (number > this.newest) this.newest = number
    if (key !== undefined) this.claimFor(entry, key)
    ticket.onEnd((outcome) => {
      entry.endedAt = now()
      this.keep(entry)
      const written = write(entry, outcome)
      if (Exit.isExit(written) && Exit.isSuccess(written)) this.end(entry, written.value as Ended)
      else run(Effect.map(written, (ended) => this.end(entry, ended)))
    })
    return entry
  }

  private claimFor(entry: Entry, key: string): void {
    entry.idempotencyKeys = [...entry.idempotencyKeys, key]
    this.keys.get(key)!.entry = entry
  }

  private keep(entry: Entry): void {
    entry.isKept = true
    this.ends++
    if (this.latest === undefined) this.oldest = entry
    else this.latest.next = entry
    this.latest = entry
  }

  private end(entry: Entry, ended: Ended): void {
    if (entry.isKept) this.bytes += entry.bytes = Buffer.byteLength(ended.text)
    this.forget(this.options.now())
    entry.end(ended)
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
    const { keepBytes, keepEnds } = this.options
    for (;;) {
      const entry = this.oldest
      if (entry === undefined) return
      if (this.ends <= keepEnds && this.bytes <= keepBytes && !this.isStale(entry, now)) return
      this.oldest = entry.next
      if (this.oldest === undefined) this.latest = undefined
      // Else an old one that waits to be collected would hold all that came after it.
      entry.next = undefined
      entry.isKept = false
      this.ends--
      this.bytes -= entry.bytes
      this.entries.delete(entry.number)
      for (const key of entry.idempotencyKeys) if (this.keys.get(key)?.entry === entry) this.keys.delete(key)
    }
  }

  private isStale(entry: Entry, now: number): boolean {
    return entry.endedAt !== undefined && now - entry.endedAt > this.options.keepForMillis
  }

  /** The place in the order of acceptance that an id tells; `0` for what is no id of ours. */
  numberOf(id: string): number {
    const { idPrefix } = this.options
    const number = id.startsWith(idPrefix) ? Number(id.slice(idPrefix.length)) : 0
    // Only as we write it: not ` 7`, `07` or `7e0`.
    return Number.isSafeInteger(number) && number > 0 && id === idPrefix + number ? number : 0
  }
}
