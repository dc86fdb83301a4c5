/** One of the pool's workers: it takes a request, runs an attempt, and does so again. */
import type { Exit, Scope } from "effect"
import type { Batch } from "./batch/batch.ts"
import { Deadline } from "./deadlines.ts"
import type { Hosting } from "./hosting.ts"
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"

/** What a worker asks of whoever knows how an attempt begins and ends. */
export interface AttemptSteps {
  readonly now: () => number
  /** The attempt begins. `false`: somebody who heard of that has ended the request. */
  readonly start: (worker: Worker, request: PoolRequest, now: number) => boolean
  /** What was started has not ended at once: from here on it may take until its timeout. */
  readonly goOn: (worker: Worker, now: number) => void
  readonly end: (worker: Worker, exit: Exit.Exit<unknown, unknown>, now: number) => void
  readonly onDeadline: (worker: Worker, now: number) => void
}

/** What a worker asks of the crew to which it belongs. */
export interface Employer {
  /** The next request; `undefined`: none that may start now. */
  readonly take: (worker: Worker, now: number) => PoolRequest | undefined
  /** Whether there is one worker too many, and this one should go. */
  readonly mustRetire: (worker: Worker) => boolean
  /** Whether this one may park when its turn is over. One that is there for one request waits for the next turn instead. */
  readonly mayRest: (worker: Worker) => boolean
  /**
   * `false`: no, something came up since it asked. Between the two steps of a fiber there can be a pause. From here on it may be woken.
   */
  readonly park: (worker: Worker) => boolean
}

/** What all workers are made of. */
export interface Parts {
  /** From 1, never used again in this pool. */
  readonly id: number
  readonly attempts: AttemptSteps
  readonly employer: Employer
  readonly turn: Turn
}

/** Who runs the request. It is a worker: nothing else is written there. */
export const workerOf = (request: PoolRequest): Worker | undefined => request.worker as Worker | undefined

/** All that a worker runs in its present attempt. */
export const requestsOf = ({ batch, request }: Pick<Worker, "batch" | "request">): ReadonlyArray<PoolRequest> =>
  request === undefined ? [] : batch === undefined ? [request] : batch.members

export abstract class Worker {
  readonly id: number
  /** Written by `Attempts`: what it works on, and how that stands. */
  request: PoolRequest | undefined = undefined
  /** Where that is the first of several: all of them. */
  batch: Batch | undefined = undefined
  state: "idle" | "running" | "ending" | "stuck" = "idle"
  /** When its attempt was started. */
  startedAt = 0
  /** Whether it has ever run an attempt, or has looked in vain for the one that it was there for. */
  attempted = false
  /** The pool has interrupted its attempt: it ends after that. */
  stopped = false
  /** Its attempt timed out and another one follows, this long after the attempt's end. */
  retryAfterMillis: number | undefined = undefined
  /** The timeout of the attempt, and once that is interrupted the end of its grace. */
  readonly deadline: Deadline
  /** What its attempt waits for, once it has waited. Written by `Nesting`. */
  hosting: Hosting | undefined = undefined
  /** The worker that runs in this one's slot meanwhile. Written by `Crew`, as are the next three. */
  borrower: Worker | undefined = undefined
  /** The only request that a lent worker is there for: it runs in the slot of its lender, whose attempt waits for it. */
  reserved: PoolRequest | undefined = undefined
  isLent = false
  lender: Worker | undefined = undefined
  /** To be called when this worker has gone. */
  readonly onExit: Array<() => void> = []
  /** Runs this worker's next step while it is parked. Written by itself; cleared by whoever wakes it. */
  wake: (() => void) | undefined = undefined
  protected readonly attempts: AttemptSteps
  protected readonly employer: Employer
  protected readonly turn: Turn
  private released: Array<() => void> | undefined = undefined

  constructor({ attempts, employer, id, turn }: Parts) {
    this.id = id
    this.attempts = attempts
    this.employer = employer
    this.turn = turn
    this.deadline = new Deadline((now) => attempts.onDeadline(this, now))
  }

  /** Begins its life, which ends with `scope` at the latest. `onExit` hears of its end: a failure is a bug. */
  abstract begin(scope: Scope.Scope, onExit: (exit: Exit.Exit<unknown, unknown>) => void): void

  /** Asks the attempt to stop, from within the pool's own step. It goes on until it has ended by itself. */
  abstract interrupt(): void

  /** Whether somebody has stopped this worker, be it from outside of the pool. */
  abstract get isInterrupted(): boolean

  /**
   * Its attempt has ended before that of its borrower, for which it did not wait: the borrower has its slot from now on, be
   * it a worker's own or one that was lent in turn, and this worker goes.
   */
  handOver(): void {
    const { isLent, lender } = this
    const borrower = this.borrower!
    this.borrower = this.lender = undefined
    borrower.lender = lender
    if (lender !== undefined) lender.borrower = borrower
    borrower.isLent = isLent
    // As a worker of its own it takes what comes.
    if (!isLent) borrower.reserved = undefined
    this.isLent = true
  }

  /** Calls back when the present attempt has ended, or is given up as stuck. */
  onRelease(listener: () => void): void {
    this.released = [...(this.released ?? []), listener]
  }

  release(): void {
    const { released } = this
    if (released === undefined) return
    this.released = undefined
    for (const listener of released) listener()
  }

  protected get mustStop(): boolean {
    return this.stopped || this.isInterrupted || this.employer.mustRetire(this)
  }
}
