/**
 * Says that this process lives, keeps its claims, and takes its part in finding those that do not. Nobody is taken for dead for an outage
 * of the store that all share: who has missed beats of its own waits until all have had time to be heard again.
 */
import { Effect, Exit } from "effect"
import type { Entry, Held } from "./held.ts"
import { elapsed, Signal } from "../signal.ts"
import { type Beat, claimMillis, type Session } from "../Store.ts"

export interface Body {
  /** What it says of itself. */
  readonly says: Effect.Effect<unknown>
  /** What it hears. */
  readonly onBeat: (beat: Beat) => Effect.Effect<void>
  /** It has lost this claim. */
  readonly onLapsed: (entry: Entry) => void
  /** Whether it works: who only asks looks after nobody's claims. */
  readonly works: boolean
}

/** Between two beats. */
const beatMillis = 3_000
/** Between two looks for lapsed claims while a process is missing. */
const redeliverMillis = 1_000
/** The same while nobody is. */
const routineMillis = 60_000
/** Between two times of keeping the tables in order. */
const maintainMillis = 10_000

export class Heartbeat {
  private readonly signal = new Signal()
  private readonly session: Session
  private readonly held: Held
  private readonly body: Body
  private beatAt = -Infinity
  private graceUntil = -Infinity
  private hasMissing = false
  private looksUntil = -Infinity
  private isFirst = true

  constructor(session: Session, held: Held, body: Body) {
    this.session = session
    this.held = held
    this.body = body
  }

  /** A beat now: there is news. */
  wake(): void {
    this.signal.wake()
  }

  /** The answer to a claim was lost: what it took, if it did, is nobody's, and will lapse. */
  readonly claimLost = Effect.map(elapsed, (now) => {
    this.looksUntil = now + 1.5 * claimMillis
  })

  /** Runs for as long as the process takes part. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    for (;;) {
      // Claims are kept though this process could not be heard, or not soon.
      const exits = yield* Effect.all([Effect.exit(this.beat), Effect.exit(this.touch)], { concurrency: 2 })
      // A store that is away is asked again soon: what it has of this process lapses.
      yield* this.signal.wait(exits.every(Exit.isSuccess) ? beatMillis : 500)
    }
  })

  private readonly beat = Effect.gen({ self: this }, function* () {
    const beat = yield* this.session.beat(yield* this.body.says)
    const now = yield* elapsed
    if (!this.isFirst && now - this.beatAt > 2 * beatMillis) this.graceUntil = now + claimMillis
    this.isFirst = false
    this.beatAt = now
    this.hasMissing = beat.hasMissing
    yield* this.body.onBeat(beat)
  })

  /** Those that it has only just claimed need no touch. */
  private readonly touch = Effect.gen({ self: this }, function* () {
    const since = (yield* elapsed) - beatMillis / 2
    const entries = [...this.held.all].filter(({ claimedAt, isDropped }) => claimedAt <= since && !isDropped)
    if (entries.length === 0) return
    const kept = yield* this.session.touch(entries.map(({ claim }) => claim))
    for (const entry of entries) {
      const { id } = entry.claim.request
      // Of one that has ended here the store says what it counts for when that is recorded.
      const runs = this.held.get(id) === entry && entry.outcome === undefined && entry.returning === undefined
      if (runs && !kept.has(id)) this.body.onLapsed(entry)
    }
  })

  /** Looks for lapsed claims, and keeps the tables in order. It rests while this process is not sure of its own beats. */
  readonly redeliver: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    let routineAt = yield* elapsed
    let maintainedAt = routineAt
    for (;;) {
      yield* Effect.sleep(redeliverMillis)
      const now = yield* elapsed
      if (now - this.beatAt > 1.5 * beatMillis || now < this.graceUntil) continue
      const isSuspicious = this.hasMissing || now < this.looksUntil
      if (this.body.works && (isSuspicious || now - routineAt >= routineMillis)) {
        routineAt = now
        yield* Effect.ignore(this.session.redeliver)
      }
      if (now - maintainedAt >= maintainMillis) {
        maintainedAt = now
        yield* Effect.ignore(this.session.maintain)
      }
    }
  })
}
