/** Records the ends of what was claimed, and gives back what is to go back; what comes while one statement is under way goes into the next. */
import { Effect, Exit } from "effect"
import type { Entry, Held } from "./held.ts"
import { backoff, Signal } from "../signal.ts"
import type { Claim, EndRecord, Session } from "../Store.ts"

/** What becomes of an end that was to be recorded. */
export interface Hearing {
  /** It counts. */
  readonly onRecorded: (record: EndRecord) => void
  /** It does not: the claim had lapsed, or somebody else has ended the request. */
  readonly onLapsed: (claim: Claim, entry: Entry | undefined) => void
  /** Some wait again, due after so long. */
  readonly onReturned: (tags: ReadonlySet<string>, delayMillis: number) => void
}

/** The most ends that go into one statement. */
const mostTogether = 500

export class Settler {
  private readonly signal = new Signal()
  private readonly session: Session
  private readonly held: Held
  private readonly hearing: Hearing

  constructor(session: Session, held: Held, hearing: Hearing) {
    this.session = session
    this.held = held
    this.hearing = hearing
  }

  /** The answer to the last statement has not come: it may have happened. */
  private isUnsure = false

  /** There is something to record, or to give back. */
  wake(): void {
    this.signal.wake()
  }

  /** Runs for as long as anything may be held. While the store is away what is to be recorded is kept: at most `maxHeld`. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    for (let failures = 0; ;) {
      const { returns, unsettled } = this.held
      if (unsettled.length === 0 && returns.length === 0) yield* this.signal.wait()
      const exit = yield* Effect.exit(Effect.andThen(this.settle, this.giveBack))
      this.isUnsure = Exit.isFailure(exit)
      if (Exit.isSuccess(exit)) failures = 0
      else yield* Effect.sleep(backoff(failures++))
    }
  })

  private readonly settle = Effect.gen({ self: this }, function* () {
    const batch = this.held.unsettled.slice(0, mostTogether)
    if (batch.length === 0) return
    const settled = new Set(yield* this.session.settle(batch))
    if (this.isUnsure) for (const id of yield* this.recordedBefore(batch, settled)) settled.add(id)
    this.held.unsettled = this.held.unsettled.slice(batch.length)
    for (const { claim, entry, record } of batch) {
      this.held.remove(claim)
      if (settled.has(record.id)) this.hearing.onRecorded(record)
      else this.hearing.onLapsed(claim, entry)
    }
  })

  /** Those of which the record was made by a statement whose answer was lost. */
  private readonly recordedBefore = (batch: Held["unsettled"], settled: ReadonlySet<string>) => {
    const records = new Map(batch.map(({ record }) => [record.id, record]))
    const missing = [...records.keys()].filter((id) => !settled.has(id))
    if (missing.length === 0) return Effect.succeed([])
    return Effect.map(this.session.ends(missing), (ends) =>
      ends.flatMap(({ attempts, deliveries, end, exit, id }) => {
        const own = records.get(id)!
        const isOwn = [
          [own.exit, exit],
          [own.end, end],
          [own.deliveries, deliveries],
          [own.attempts, attempts]
        ].every(([one, other]) => one === other)
        return isOwn ? [id] : []
      })
    )
  }

  private readonly giveBack = Effect.gen({ self: this }, function* () {
    const batch = this.held.returns.slice(0, mostTogether)
    if (batch.length === 0) return
    const given = yield* this.session.giveBack(batch)
    this.held.returns = this.held.returns.slice(batch.length)
    const tags = new Map<number, Set<string>>()
    for (const { claim, delayMillis } of batch) {
      this.held.remove(claim)
      const { id, tag } = claim.request
      // One that was given back by a statement whose answer was lost has not lapsed.
      if (!given.has(id) && !this.isUnsure) this.hearing.onLapsed(claim, undefined)
      else tags.set(delayMillis, (tags.get(delayMillis) ?? new Set()).add(tag))
    }
    for (const [delayMillis, of] of tags) this.hearing.onReturned(of, delayMillis)
  })
}
