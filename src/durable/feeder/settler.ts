/** Records the ends of what was claimed, and gives back what is to go back; what comes while one statement is under way goes into the next. */
import { Effect, Exit } from "effect"
import type { PoolError } from "../../index.ts"
import type { Entry, Held } from "./held.ts"
import { backoff, isAway, Portion, Signal } from "../signal.ts"
import { type Claim, type EndRecord, mostText, type Session } from "../Store.ts"

/** What becomes of an end that was to be recorded. */
export interface Hearing {
  /** It counts. */
  readonly onRecorded: (record: EndRecord) => void
  /** It does not: the claim had lapsed, or somebody else has ended the request. */
  readonly onLapsed: (claim: Claim, entry: Entry | undefined) => void
  /** Some wait again, due after so long. */
  readonly onReturned: (tags: ReadonlySet<string>, delayMillis: number) => void
}

const none: ReadonlySet<string> = new Set()

/** The most ends, or returns, that go into one statement. */
const mostTogether = 500

export class Settler {
  private readonly signal = new Signal()
  private readonly session: Session
  private readonly held: Held
  private readonly hearing: Hearing
  private readonly ends = new Portion(mostTogether)
  private readonly returns = new Portion(mostTogether)
  /** Some of what was refused together may be taken, in smaller portions. */
  private mayGoOn = false

  constructor(session: Session, held: Held, hearing: Hearing) {
    this.session = session
    this.held = held
    this.hearing = hearing
  }

  /** There is something to record, or to give back. */
  wake(): void {
    this.signal.wake()
  }

  /** Runs for as long as anything may be held. While the store is away what is to be recorded is kept: at most `maxHeld`. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    for (let failures = 0; ;) {
      const { returns, unsettled } = this.held
      if (unsettled.length === 0 && returns.length === 0) yield* this.signal.wait()
      const settled = yield* Effect.exit(this.settle)
      const given = yield* Effect.exit(this.giveBack)
      if (Exit.isSuccess(settled) && Exit.isSuccess(given)) failures = 0
      else if (!this.mayGoOn) yield* Effect.sleep(backoff(failures++))
      this.mayGoOn = false
    }
  })

  private readonly settle = Effect.gen({ self: this }, function* () {
    const batch = oncePerId(this.held.unsettled, this.ends.size, ({ record }) => record.exit.length)
    if (batch.length === 0) return
    const [settled, before] = yield* Effect.tapError(this.recorded(batch), (error) =>
      this.failed(error, this.ends, batch.length, () => {
        this.held.unsettled = [...without(this.held.unsettled, batch), ...batch]
      })
    )
    this.ends.succeeded()
    this.held.unsettled = without(this.held.unsettled, batch)
    for (const { claim, entry, record } of batch) {
      this.held.remove(claim)
      if (settled.has(record.id) || before.has(record.id)) this.hearing.onRecorded(record)
      else this.hearing.onLapsed(claim, entry)
    }
  })

  /** Of one that fails alone the turn comes after all others. */
  private failed(error: PoolError.StoreUnavailable, portion: Portion, count: number, putLast: () => void) {
    return Effect.sync(() => {
      portion.failed()
      if (count === 1) putLast()
      else if (!isAway(error)) this.mayGoOn = true
    })
  }

  /** What counts of these by now, and what has counted before. */
  private readonly recorded = Effect.fnUntraced(function* (
    this: Settler,
    batch: ReadonlyArray<Held["unsettled"][number]>
  ) {
    const settled = yield* this.session.settle(batch)
    const others = batch.filter(({ record }) => !settled.has(record.id))
    const before = others.length === 0 ? none : yield* this.recordedBefore(others.map(({ record }) => record))
    return [settled, before] as const
  })

  /** Those that an earlier statement has recorded, whose answer was lost. */
  private readonly recordedBefore = (records: ReadonlyArray<EndRecord>) =>
    Effect.map(this.session.ends(records.map(({ id }) => id)), (ends) => {
      const recorded = new Map(ends.map((end) => [end.id, end]))
      const isSame = ({ deliveries, exit, id, ranMillis }: EndRecord) => {
        const end = recorded.get(id)
        return end?.exit === exit && end.deliveries === deliveries && end.ranMillis === ranMillis
      }
      return new Set(records.filter(isSame).map(({ id }) => id))
    })

  private readonly giveBack = Effect.gen({ self: this }, function* () {
    const batch = oncePerId(this.held.returns, this.returns.size, () => 0)
    if (batch.length === 0) return
    const given = yield* Effect.tapError(this.session.giveBack(batch), (error) =>
      this.failed(error, this.returns, batch.length, () => {
        this.held.returns = [...without(this.held.returns, batch), ...batch]
      })
    )
    this.returns.succeeded()
    this.held.returns = without(this.held.returns, batch)
    const tags = new Map<number, Set<string>>()
    for (const { claim, delayMillis } of batch) {
      this.held.remove(claim)
      const { id, tag } = claim.request
      if (!given.has(id)) this.hearing.onLapsed(claim, undefined)
      else tags.set(delayMillis, (tags.get(delayMillis) ?? new Set()).add(tag))
    }
    for (const [delayMillis, of] of tags) this.hearing.onReturned(of, delayMillis)
  })
}

/**
 * The first of them, no more than one statement has, and at least one; each request once: the answer names requests, and cannot tell a
 * claim that has lapsed from a later one of the same request.
 */
const oncePerId = <A extends { readonly claim: Claim }>(
  all: ReadonlyArray<A>,
  most: number,
  textOf: (one: A) => number
): ReadonlyArray<A> => {
  const byId = new Map<string, A>()
  let text = 0
  for (const one of all) {
    const { id } = one.claim.request
    if (byId.has(id)) continue
    text += textOf(one)
    if (byId.size === most || (byId.size > 0 && text > mostText)) break
    byId.set(id, one)
  }
  return [...byId.values()]
}

const without = <A>(all: ReadonlyArray<A>, batch: ReadonlyArray<A>): Array<A> => {
  // As a rule they are the first ones.
  if (all.length === batch.length) return []
  const gone = new Set(batch)
  return all.filter((one) => !gone.has(one))
}
