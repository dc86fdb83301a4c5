/** The work that one handler's requests bring, measured from the difference of two snapshots. */
import type { HandlerCounts } from "../PoolSnapshot.ts"
import * as Forecast from "./forecast.ts"

/** What is remembered of one handler between two ticks. The sums forget, so that their quotients follow the handler. */
export interface HandlerLoad {
  /** Requests and retries that came and may start, or might have. */
  readonly arrived: number
  /** All that came, less those that are held back now. */
  readonly total: number
  /** Of these, how many have not been counted as arrived; below zero: what was counted is held back by now. */
  readonly owed: number
  readonly heldBack: number
  readonly ended: number
  readonly succeeded: number
  readonly endedMillis: number
  readonly succeededMillis: number
  readonly timedOut: number
  readonly running: number
  readonly runningMillis: number
  readonly arrivals: Forecast.Forecast
  readonly recent: {
    readonly ended: number
    readonly succeeded: number
    readonly endedMillis: number
    readonly succeededMillis: number
    readonly timedOut: number
  }
}

const none: HandlerLoad = {
  arrived: 0,
  total: 0,
  owed: 0,
  heldBack: 0,
  ended: 0,
  succeeded: 0,
  endedMillis: 0,
  succeededMillis: 0,
  timedOut: 0,
  running: 0,
  runningMillis: 0,
  arrivals: Forecast.nothing,
  recent: { ended: 0, succeeded: 0, endedMillis: 0, succeededMillis: 0, timedOut: 0 }
}

/**
 * The counts at a tick, `millis` after the last one; `grown` is by how much more wait for nothing but a worker. Service times are
 * means over about `memoryMillis`, or as long as the rate is.
 */
export const update = (
  before: HandlerLoad = none,
  counts: HandlerCounts,
  millis: number,
  grown = Infinity,
  memoryMillis?: number
): HandlerLoad => {
  const arrivals = arrivalsOf(before, counts, grown)
  const { arrived } = arrivals
  const ended = counts.attempts - counts.running
  const { running, runningMillis, succeeded, succeededMillis, timedOut } = counts
  const endedMillis = counts.occupiedMillis - runningMillis
  const { recent } = before
  // What one attempt has taught is kept until another one has ended.
  const keep = recent.ended < 1 ? 1 : Math.exp(-millis / (memoryMillis ?? Forecast.memoryMillis(before.arrivals.level)))
  return {
    ...arrivals,
    ended,
    succeeded,
    endedMillis,
    succeededMillis,
    timedOut,
    running,
    runningMillis,
    arrivals: Forecast.next(before.arrivals, arrived - before.arrived, millis),
    recent: {
      ended: keep * recent.ended + ended - before.ended,
      succeeded: keep * recent.succeeded + succeeded - before.succeeded,
      endedMillis: keep * recent.endedMillis + endedMillis - before.endedMillis,
      succeededMillis: keep * recent.succeededMillis + succeededMillis - before.succeededMillis,
      timedOut: keep * recent.timedOut + timedOut - before.timedOut
    }
  }
}

/**
 * An attempt that follows another one is work that arrives, like a request. While any are held back no more have arrived than
 * have started or wait for a worker: those that are refused or wait at the door of a queue full of held ones are none, nor are
 * those that give up at a gate. What is held back again after it was counted is not counted a second time. What needs no worker is none,
 * until its time has come.
 */
const arrivalsOf = (before: HandlerLoad, counts: HandlerCounts, grown: number) => {
  const { attempts, heldBack, needless, offered, retries } = counts
  const total = offered + retries - heldBack - needless
  const came = total - before.total
  if (heldBack === 0 && before.heldBack === 0) {
    // One that was counted may turn out to need none.
    const arrived = came + Math.min(0, before.owed)
    return { arrived: before.arrived + Math.max(0, arrived), total, owed: Math.min(0, arrived), heldBack }
  }
  const started = attempts - before.ended - before.running
  const arrived = Math.max(0, Math.min(before.owed + came, started + grown))
  return { arrived: before.arrived + arrived, total, owed: before.owed + came - arrived, heldBack }
}

/** From when on arrivals are counted at early looks, and how many there were before. */
export interface Mark {
  readonly at: number
  readonly arrived: number
}

/**
 * The counts at an early look, `now`: arrivals by what has come since the tick, or since the mark, whichever shows the larger
 * step, and no window is taken to be shorter than `leastMillis`. The mark moves on while there is no step since then, so that
 * one that begins between two ticks is not diluted by what was before.
 */
export const glimpse = (
  before: HandlerLoad = none,
  counts: HandlerCounts,
  tickAt: number,
  mark: Mark = { at: tickAt, arrived: before.arrived },
  now: number,
  leastMillis: number,
  grown: number
): { readonly load: HandlerLoad; readonly mark: Mark } => {
  const load = update(before, counts, now - tickAt, grown)
  const { arrived } = load
  const since = (from: Mark) =>
    Forecast.glimpse(before.arrivals, arrived - from.arrived, Math.max(now - from.at, leastMillis))
  const sinceTick = since({ at: tickAt, arrived: before.arrived })
  const sinceMark = since(mark)
  return {
    load: { ...load, arrivals: sinceMark.level > sinceTick.level ? sinceMark : sinceTick },
    mark: sinceMark === before.arrivals ? { at: now, arrived } : mark
  }
}

/**
 * How long an attempt keeps a worker, in milliseconds; `undefined` when none was ever started. The mean of those that have
 * ended; where those that still run are long at it, they count as if they ended now.
 */
export const serviceMillis = (load: HandlerLoad): number | undefined => {
  const { recent, running, runningMillis } = load
  if (recent.ended + running === 0) return undefined
  return Math.max((recent.endedMillis + runningMillis) / (recent.ended + running), endedMillis(load))
}

/**
 * The same of those alone that have ended, 0 without any. One that fails counts as no shorter than one that succeeds, and a
 * timeout as long as it took: neither reads as fast.
 */
export const endedMillis = ({ recent }: HandlerLoad): number => {
  const { ended, endedMillis, succeeded, succeededMillis } = recent
  return Math.max(ended === 0 ? 0 : endedMillis / ended, succeeded === 0 ? 0 : succeededMillis / succeeded)
}
