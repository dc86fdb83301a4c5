/**
 * Stores what is asked. Requests that come while one statement is under way go into the next, together: they wait for nothing but
 * the store (group commit), and keep their order.
 */
import { Clock, Effect, Exit } from "effect"
import { PoolError } from "../../index.ts"
import { backoff, elapsedOf, Signal } from "../signal.ts"
import type { NewRequest, Session } from "../Store.ts"

type Stored = "stored" | "known"

type Answer = Exit.Exit<Stored, PoolError.StoreUnavailable>

interface Entry {
  readonly request: NewRequest
  readonly until: number
  readonly resume: (answer: Answer) => void
  /** Its caller has given up. */
  isGone: boolean
  answered: Answer | undefined
  /** Whoever wants to know what became of it though its caller has gone. */
  onPassed: ((stored: Stored | undefined) => void) | undefined
}

/** The most that go into one statement. */
const mostTogether = 500

export class Door {
  private readonly signal = new Signal()
  private queue: Array<Entry> = []
  /** Those whose statement has left, and has not been answered. */
  private underWay: ReadonlyArray<Entry> = []
  private isClosed = false
  private readonly session: Session
  private readonly timeoutMillis: number
  private readonly clock: Clock.Clock
  private readonly onThrown: (defect: unknown) => void

  /** `onThrown`: somebody who was answered has thrown, which is no affair of the others. */
  constructor(session: Session, timeoutMillis: number, clock: Clock.Clock, onThrown: (defect: unknown) => void) {
    this.session = session
    this.timeoutMillis = timeoutMillis
    this.clock = clock
    this.onThrown = onThrown
  }

  /**
   * Waits until it is stored, also while the store is away, at most `storeTimeout`. One whose caller gives up before its statement
   * has left is not stored; of one whose statement is under way it is not known.
   */
  readonly store = (request: NewRequest): Effect.Effect<Stored, PoolError.StoreUnavailable> =>
    Effect.callback((resume) => {
      if (this.isClosed) return resume(closed)
      const until = elapsedOf(this.clock) + this.timeoutMillis
      const entry: Entry = { request, until, resume, isGone: false, answered: undefined, onPassed: undefined }
      this.queue.push(entry)
      this.signal.wake()
      return Effect.sync(() => {
        entry.isGone = true
      })
    })

  /** For one whose caller has gone: no statement that is under way will store it from now on. What the last one has done, if that is known. */
  passed(request: NewRequest): Effect.Effect<Stored | undefined> {
    const entry = this.underWay.find((entry) => entry.request === request)
    if (entry === undefined) return Effect.succeed(undefined)
    return Effect.callback((resume) => {
      const told = (stored: Stored | undefined) => resume(Effect.succeed(stored))
      if (entry.answered === undefined) entry.onPassed = told
      else told(Exit.isSuccess(entry.answered) ? entry.answered.value : undefined)
    })
  }

  /** Whoever waits is told that nothing is stored any more. */
  close(): void {
    this.isClosed = true
    const all = [...this.underWay, ...this.queue]
    this.queue = []
    for (const entry of all) this.answer(entry, closed)
  }

  /** Runs for as long as requests are taken. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    for (let failures = 0; ;) {
      if (this.queue.length === 0) yield* this.signal.wait()
      const batch = this.next()
      if (batch.length === 0) continue
      this.underWay = batch
      let failure = yield* this.stored(batch)
      if (failure !== undefined && !isAway(failure)) {
        if (batch.length === 1) this.answer(batch[0]!, failure)
        // One of them is refused: not the others with it.
        else failure = yield* this.storedAlone(batch)
      }
      this.underWay = []
      if (failure === undefined || !isAway(failure)) failures = 0
      else {
        this.queue = [...batch.filter(({ answered }) => answered === undefined), ...this.queue]
        this.refuseLate(failure)
        yield* Effect.sleep(backoff(failures++))
      }
      for (const { onPassed } of batch) onPassed?.(undefined)
    }
  })

  /** Answers all, or fails. */
  private stored(batch: ReadonlyArray<Entry>) {
    return Effect.map(Effect.exit(this.session.insert(batch.map(({ request }) => request))), (exit) => {
      if (Exit.isFailure(exit)) return Exit.failCause(exit.cause) as Failure
      for (const [at, entry] of batch.entries()) this.answer(entry, Exit.succeed(exit.value[at]!))
      return undefined
    })
  }

  /** Answers each, until the store is away. */
  private readonly storedAlone = Effect.fnUntraced(function* (this: Door, batch: ReadonlyArray<Entry>) {
    for (const entry of batch) {
      const failure = yield* this.stored([entry])
      if (failure === undefined) continue
      if (isAway(failure)) return failure
      this.answer(entry, failure)
    }
    return undefined
  })

  private answer(entry: Entry, answer: Answer): void {
    entry.answered = answer
    try {
      entry.resume(answer)
      if (Exit.isSuccess(answer)) entry.onPassed?.(answer.value)
    } catch (defect) {
      this.onThrown(defect)
    }
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

  private refuseLate(failure: Failure): void {
    const now = elapsedOf(this.clock)
    const late = this.queue.filter(({ until }) => until <= now)
    if (late.length === 0) return
    this.queue = this.queue.filter(({ until }) => until > now)
    for (const entry of late) this.answer(entry, failure)
  }
}

type Failure = Exit.Failure<never, PoolError.StoreUnavailable>

/** One that was under way may be stored all the same. */
const closed = Exit.fail(
  new PoolError.StoreUnavailable({ reason: "away", detail: "the pool of this process has closed" })
)

const isAway = (exit: Failure): boolean =>
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.reason === "away")
