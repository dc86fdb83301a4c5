/** The counters of a pool, and of each of its handlers: plain numbers, each changed in the same step as what it counts. */
import type { End } from "../Outcome.ts"
import type { HandlerCounts } from "../PoolSnapshot.ts"
import type { RetrySpending } from "./retrySpending.ts"

export class Counters implements Record<End, number> {
  /** Written by the queue. */
  offered = 0
  abandoned = 0
  refusedFull = 0
  refusedDraining = 0
  refusedOpen = 0
  refusedDuplicate = 0
  joined = 0
  accepted = 0
  /** Written by the pool's door. */
  handlerNotFound = 0
  invalid = 0
  /** Written by attempt and settle. */
  running = 0
  batched = 0
  ending = 0
  stuck = 0
  /** Written by the crew. */
  lent = 0
  attempts = 0
  retries = 0
  retriesDenied = 0
  shed = 0
  /** Written by settle alone. */
  succeeded = 0
  failed = 0
  defects = 0
  timedOut = 0
  expired = 0
  evicted = 0
  cancelled = 0
  interrupted = 0
  waitedMillis = 0
  ranMillis = 0
}

export class HandlerCounters {
  /** Written by admission. */
  offered = 0
  /** Of those; written by whoever keeps one from a worker. */
  needless = 0
  /** Written by attempt. */
  running = 0
  attempts = 0
  retries = 0
  succeeded = 0
  failed = 0
  timedOut = 0
  succeededMillis = 0
  /** Of the attempts; those that came along with another one. */
  private along = 0
  /** What its retries have left to spend; `undefined`: as many as each policy says. */
  readonly spending: RetrySpending | undefined
  private endedMillis = 0
  /** The sum of the instants at which those that run were started. */
  private startedAt = 0

  constructor(spending?: RetrySpending) {
    this.spending = spending
  }

  start(now: number, isRetry: boolean): void {
    this.running++
    this.attempts++
    if (isRetry) this.retries++
    else if (this.spending !== undefined) this.spending.deposit(now)
    this.startedAt += now
  }

  /** It comes along with one that has just started, and keeps no worker of its own. */
  startAlong(now: number, isRetry: boolean): void {
    this.attempts++
    this.along++
    if (isRetry) this.retries++
    else if (this.spending !== undefined) this.spending.deposit(now)
  }

  end(startedAt: number, now: number): void {
    // Without any the sum is zero: rounding does not add up over the life of a pool.
    this.startedAt = --this.running === 0 ? 0 : this.startedAt - startedAt
    this.endedMillis += now - startedAt
  }

  snapshot(now: number, heldBack: number): HandlerCounts {
    const {
      along,
      attempts,
      endedMillis,
      failed,
      needless,
      offered,
      retries,
      running,
      startedAt,
      succeeded,
      succeededMillis,
      timedOut
    } = this
    const runningMillis = running * now - startedAt
    const occupiedMillis = endedMillis + runningMillis
    return {
      offered,
      needless,
      attempts,
      retries,
      batches: attempts - along,
      running,
      succeeded,
      failed,
      timedOut,
      occupiedMillis,
      runningMillis,
      succeededMillis,
      heldBack
    }
  }
}
