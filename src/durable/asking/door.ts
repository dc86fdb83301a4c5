/**
 * Stores what is asked. Requests that come while one statement is under way go into the next, together: they wait for nothing but
 * the store (group commit), and keep their order.
 */
import { Clock, Effect, Exit } from "effect"
import type { PoolError } from "../../index.ts"
import { backoff, elapsedOf, Signal } from "../signal.ts"
import type { NewRequest, Session } from "../Store.ts"

type Stored = "stored" | "known"

interface Entry {
  readonly request: NewRequest
  readonly until: number
  readonly resume: (exit: Exit.Exit<Stored, PoolError.StoreUnavailable>) => void
  isGone: boolean
}

/** The most that go into one statement. */
const mostTogether = 500

export class Door {
  private readonly signal = new Signal()
  private queue: Array<Entry> = []
  private readonly session: Session
  private readonly timeoutMillis: number
  private readonly clock: Clock.Clock

  constructor(session: Session, timeoutMillis: number, clock: Clock.Clock) {
    this.session = session
    this.timeoutMillis = timeoutMillis
    this.clock = clock
  }

  /**
   * Waits until it is stored, also while the store is away, at most `storeTimeout`. One whose caller gives up before its statement
   * has left is not stored; of one whose statement is under way it is not known.
   */
  readonly store = (request: NewRequest): Effect.Effect<Stored, PoolError.StoreUnavailable> =>
    Effect.callback((resume) => {
      const until = elapsedOf(this.clock) + this.timeoutMillis
      const entry: Entry = { request, until, resume, isGone: false }
      this.queue.push(entry)
      this.signal.wake()
      return Effect.sync(() => {
        entry.isGone = true
      })
    })

  /** Runs for as long as requests are taken. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    for (let failures = 0; ;) {
      if (this.queue.length === 0) yield* this.signal.wait()
      const batch = this.next()
      if (batch.length === 0) continue
      const exit = yield* Effect.exit(this.session.insert(batch.map(({ request }) => request)))
      if (Exit.isSuccess(exit)) {
        failures = 0
        for (const [at, { resume }] of batch.entries()) resume(Exit.succeed(exit.value[at]!))
      } else if (isAway(exit)) {
        this.queue = [...batch, ...this.queue]
        this.refuseLate(exit)
        yield* Effect.sleep(backoff(failures++))
      } else if (batch.length === 1) batch[0]!.resume(exit as Exit.Exit<never, PoolError.StoreUnavailable>)
      // One of them is refused: not the others with it.
      else for (const entry of batch) entry.resume((yield* this.storeAlone(entry)) as Exit.Exit<Stored, any>)
    }
  })

  private storeAlone({ request }: Entry) {
    return Effect.exit(Effect.map(this.session.insert([request]), ([stored]) => stored!))
  }

  private next(): ReadonlyArray<Entry> {
    const batch: Array<Entry> = []
    const ids = new Set<string>()
    const rest: Array<Entry> = []
    for (const entry of this.queue) {
      if (entry.isGone) continue
      const { id } = entry.request
      // Two of one id are told apart by the answers to two statements.
      if (batch.length === mostTogether || ids.has(id)) rest.push(entry)
      else {
        ids.add(id)
        batch.push(entry)
      }
    }
    this.queue = rest
    return batch
  }

  private refuseLate(exit: Exit.Failure<unknown, PoolError.StoreUnavailable>): void {
    const now = elapsedOf(this.clock)
    const late = this.queue.filter(({ until }) => until <= now)
    if (late.length === 0) return
    this.queue = this.queue.filter(({ until }) => until > now)
    for (const { resume } of late) resume(exit as Exit.Exit<never, PoolError.StoreUnavailable>)
  }
}

const isAway = (exit: Exit.Failure<unknown, PoolError.StoreUnavailable>): boolean =>
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.reason === "away")
