/** The work that one handler's requests bring, measured from the difference of two snapshots. */
import type { HandlerCounts } from "../PoolSnapshot.ts"
import * as Forecast from "./forecast.ts"

/** What is remembered of one handler between two ticks. The sums forget, so that their quotients follow the handler. */
export interface HandlerLoad {
  readonly arrived: number
  readonly ended: number
  readonly succeeded: number
  readonly occupiedMillis: number
  readonly succeededMillis: number
  readonly timedOut: number
  readonly arrivals: Forecast.Forecast
  readonly recent: {
    readonly ended: number
    readonly succeeded: number
    readonly occupiedMillis: number
    readonly succeededMillis: number
    readonly timedOut: number
  }
}

const none: HandlerLoad = {
  arrived: 0,
  ended: 0,
  succeeded: 0,
  occupiedMillis: 0,
  succeededMillis: 0,
  timedOut: 0,
  arrivals: Forecast.nothing,
  recent: { ended: 0, succeeded: 0, occupiedMillis: 0, succeededMillis: 0, timedOut: 0 }
}

/** The counts at a tick, `millis` after the last one. Service times are means over about `memoryMillis`, or as long as the rate is. */
export const update = (
  before: HandlerLoad = none,
  counts: HandlerCounts,
  millis: number,
  memoryMillis?: number
): HandlerLoad => {
  // An attempt that follows another one is work that arrives, like a request.
  const arrived = counts.offered + counts.retries
  const ended = counts.attempts - counts.running
  const { occupiedMillis, succeeded, succeededMillis, timedOut } = counts
  const { recent } = before
  // What one attempt has taught is kept until another one has ended.
  const keep = recent.ended < 1 ? 1 : Math.exp(-millis / (memoryMillis ?? Forecast.memoryMillis(before.arrivals.level)))
  return {
    arrived,
    ended,
    succeeded,
    occupiedMillis,
    succeededMillis,
    timedOut,
    arrivals: Forecast.next(before.arrivals, arrived - before.arrived, millis),
    recent: {
      ended: keep * recent.ended + ended - before.ended,
      succeeded: keep * recent.succeeded + succeeded - before.succeeded,
      occupiedMillis: keep * recent.occupiedMillis + occupiedMillis - before.occupiedMillis,
      succeededMillis: keep * recent.succeededMillis + succeededMillis - before.succeededMillis,
      timedOut: keep * recent.timedOut + timedOut - before.timedOut
    }
  }
}

/**
 * How long an attempt occupies a worker, in milliseconds; `undefined` while none has ended. Time on workers, of those
 * that still run as well, divided by the attempts that ended: the estimate for lifetimes that are observed in part ("total time on test",
 * B. Epstein and M. Sobel, 1953). An attempt that fails counts as no shorter than one that succeeds, and a timeout as
 * long as it took: neither reads as fast.
 */
export const serviceMillis = ({ recent }: HandlerLoad): number | undefined => {
  const { ended, occupiedMillis, succeeded, succeededMillis } = recent
  if (ended === 0) return undefined
  return Math.max(occupiedMillis / ended, succeeded === 0 ? 0 : succeededMillis / succeeded)
}
