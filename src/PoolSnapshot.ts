/** Counts of one pool, all taken in one step, so that they agree. */
import type { ThreadCounts } from "./Capacity.ts"
import type { ResolvedRate } from "./Limit.ts"
import type { End } from "./Outcome.ts"

/** Where the pool is in its life. It only moves forward. */
export type State = "open" | "draining" | "closed"

/** Counts of one handler's attempts. */
export interface HandlerCounts {
  /** Requests for it that reached the queue's door. */
  readonly offered: number
  /**
   * Of them, those that need no worker: their time has not come yet, or they were refused by a breaker or as duplicates, or gave way to a
   * later one.
   */
  readonly needless: number
  /** Attempts started. */
  readonly attempts: number
  /** Attempts that were not a request's first. */
  readonly retries: number
  /** How often a worker took one of them, or a whole batch at once: `attempts / batches` is the mean size of a batch. */
  readonly batches: number
  /** Attempts that keep a worker now, those that were interrupted and have not ended included. */
  readonly running: number
  /** Attempts that succeeded. Those that neither did, nor failed, nor timed out, were interrupted. */
  readonly succeeded: number
  /** Attempts that failed, or died. */
  readonly failed: number
  /** Attempts that ran for longer than their timeout. */
  readonly timedOut: number
  /** The time that all its attempts have kept workers, until now, in milliseconds. */
  readonly occupiedMillis: number
  /** The part of it that those have kept which run now. */
  readonly runningMillis: number
  /** The part of those that succeeded. */
  readonly succeededMillis: number
  /** Of those that wait for it, those that could not start now, were there any number of workers. */
  readonly heldBack: number
}

/** Counts of the breakers of one tag: one, or one for each key that is remembered. */
export interface BreakerCounts {
  /** What has one of its own: the tag, or each of its keys. */
  readonly per: "tag" | "key"
  /** Those that let nothing through. */
  readonly open: number
  /** Those that let probes through. */
  readonly halfOpen: number
  /** How often one has opened, or opened again. */
  readonly opened: number
}

/** Counts of one limit, over all of its gates. */
export interface LimitCounts {
  /** The most that may run at once, by each of its gates; `Infinity`: any number. */
  readonly concurrency: number
  /** How often one may start, by each of its gates, in all processes where they share it; `undefined`: at any time. */
  readonly rate: ResolvedRate | undefined
  /** Somebody has paused it: none of its gates lets anything through. */
  readonly paused: boolean
  /** What has passed and still counts. */
  readonly running: number
  /** Requests that wait at it. */
  readonly heldBack: number
  /** Starts that it has let through. */
  readonly started: number
  /** Gates that there are now: one for the pool, or one for each tag, key or value that is remembered. */
  readonly gates: number
  /** How its breakers stand. Not there where it is none. */
  readonly breaker?: BreakerCounts
  /** The threads that it stands for. Not there where it is a limit of the pool, or stands for something else. */
  readonly threads?: ThreadCounts
}

/**
 * Two laws hold in every snapshot (`lawViolations` checks them):
 *
 * - `offered = blocked + abandoned + refused + accepted`
 * - `accepted = waiting + delayed + running + the seven ends`
 *
 * and for workers `workers = idle + running - batched + ending + stuck`.
 */
export interface PoolSnapshot extends Readonly<Record<End, number>> {
  /** The name of the pool. */
  readonly pool: string
  /** `open`, `draining`, or `closed`. */
  readonly state: State
  /** Whether attempts wait for `resume`. */
  readonly paused: boolean
  /** Milliseconds since the pool was built, by its own clock. */
  readonly atMillis: number
  /** Requests that reached the queue's door: every call but the caller's own mistakes. */
  readonly offered: number
  /** Callers that wait for a place now. */
  readonly blocked: number
  /** Callers that gave up, or expired, while they waited for a place. */
  readonly abandoned: number
  /** Refused: the sum of `refusedFull`, `refusedDraining`, `refusedOpen` and `refusedDuplicate`. */
  readonly refused: number
  /** Refused by a full queue whose strategy is `"dropping"`, or since as many were not due yet as `maxScheduled` says. */
  readonly refusedFull: number
  /** Refused by a pool that was draining, or closed. */
  readonly refusedDraining: number
  /** Refused by a breaker that was open, and whose `whenOpen` is `"fail"`. */
  readonly refusedOpen: number
  /** Refused since one of the same identity was there, and `duplicate` is `"reject"`. */
  readonly refusedDuplicate: number
  /** Calls that wait, or have waited, for the end of a request of the same identity. They are not in `offered`. */
  readonly joined: number
  /** Requests that were let in. Each has exactly one end, now or later. */
  readonly accepted: number
  /** Requests that wait for their next attempt: for a worker, or at a closed gate. */
  readonly waiting: number
  /**
   * Of them, those that could not start now, were there any number of workers: held back by a limit, a pause, or a time not yet
   * come. It may be too low while no worker is idle and more than a thousand keys wait.
   */
  readonly heldBack: number
  /** Requests between two attempts, or not due yet. They keep their place in the queue's capacity. */
  readonly delayed: number
  /** Of them, those that were called with a `delay`, or a `startAt`, and are not due yet. */
  readonly scheduled: number
  /** Requests whose caller waits for an attempt that runs now. */
  readonly running: number
  /** Of them, those that run in the batch of another one: a batch of n keeps one worker, and is n - 1 here. */
  readonly batched: number
  /** Of the evicted ones, those that a pool of the strategy `"shedding"` gave up: see `RequestShed`. */
  readonly shed: number
  /** Whether it has too much to do now, and gives up requests for it. Not there where the strategy is not `"shedding"`. */
  readonly overloaded?: boolean
  /** Of the failed ones, those that ended with a defect. */
  readonly defects: number
  /** Attempts started. */
  readonly attempts: number
  /** Attempts that were not a request's first. */
  readonly retries: number
  /** Retries that a policy asked for and a `RetryBudget` did not have. */
  readonly retriesDenied: number
  /** Calls of a tag that has no handler. They are mistakes, and not in `offered`. */
  readonly handlerNotFound: number
  /** Calls whose payload or options do not fit. They are mistakes, and not in `offered`. */
  readonly invalid: number
  /** How long the requests that have ended waited, in all, in milliseconds. */
  readonly waitedMillis: number
  /** How long the attempts of the requests that have ended ran, in all, in milliseconds. */
  readonly ranMillis: number
  /** Workers there are, whatever they do. */
  readonly workers: number
  /** Workers that wait for a request. */
  readonly idle: number
  /** Workers whose request is settled while the attempt's finalizers still run. */
  readonly ending: number
  /** Workers whose attempt has ignored its interruption for longer than `interruptGrace`. */
  readonly stuck: number
  /** Workers that run a request in the slot of an attempt which waits for it: so many more than the bounds may be busy. */
  readonly lent: number
  /** The number of workers that was last asked for. */
  readonly target: number
  /** Busy workers that are one too many: they go when their attempt is over. */
  readonly retiring: number
  /** The lower bound in force. */
  readonly minWorkers: number
  /** The upper bound in force. */
  readonly maxWorkers: number
  /** How many stuck workers are replaced. */
  readonly maxStuckWorkers: number
  /** The queue's capacity; `Infinity` when it is unbounded. */
  readonly capacity: number
  /** Keys that the queue knows now: of those that wait or run, and of some that have had more than their share. */
  readonly keys: number
  /** By the name of the limit. */
  readonly limits: Readonly<Record<string, LimitCounts>>
  /** By request tag, and under `"run"` what came through `run`. */
  readonly handlers: Readonly<Record<string, HandlerCounts>>
}

/** Requests that were accepted and have not ended. */
export const pending = (self: PoolSnapshot): number => self.waiting + self.delayed + self.running

/** Requests that have ended. */
export const ended = (self: PoolSnapshot): number =>
  self.succeeded + self.failed + self.timedOut + self.expired + self.evicted + self.cancelled + self.interrupted

/** The laws that this snapshot breaks, as sentences. Always empty; a line here is a defect of the pool. */
export const lawViolations = (self: PoolSnapshot): ReadonlyArray<string> => {
  const broken: Array<string> = []
  const offered = self.blocked + self.abandoned + self.refused + self.accepted
  if (self.offered !== offered) broken.push(`offered ${self.offered}, but its terms add up to ${offered}`)
  const accepted = pending(self) + ended(self)
  if (self.accepted !== accepted) broken.push(`accepted ${self.accepted}, but its terms add up to ${accepted}`)
  const workers = self.idle + self.running - self.batched + self.ending + self.stuck
  if (self.workers !== workers) broken.push(`workers ${self.workers}, but its terms add up to ${workers}`)
  const busy = self.running - self.batched + self.ending + self.stuck
  if (busy > self.maxWorkers + self.maxStuckWorkers + self.retiring + self.lent)
    broken.push(`${busy} attempts run, above the bounds`)
  const sum = (field: keyof HandlerCounts) =>
    Object.values(self.handlers).reduce((sum, counts) => sum + counts[field], 0)
  if (self.heldBack > self.waiting) broken.push(`${self.heldBack} are held back, but ${self.waiting} wait`)
  if (self.scheduled > self.delayed) broken.push(`${self.scheduled} are scheduled, but ${self.delayed} are delayed`)
  if (self.shed > self.evicted) broken.push(`${self.shed} were shed, but ${self.evicted} evicted`)
  for (const field of ["offered", "attempts", "retries", "heldBack"] as const) {
    if (self[field] !== sum(field))
      broken.push(`${field} ${self[field]}, but those of the handlers add up to ${sum(field)}`)
  }
  if (busy !== sum("running"))
    broken.push(`${busy} attempts run, but those of the handlers add up to ${sum("running")}`)
  for (const [field, value] of Object.entries(self)) {
    if (typeof value === "number" && !(value >= 0)) broken.push(`${field} is ${value}`)
  }
  return broken
}
