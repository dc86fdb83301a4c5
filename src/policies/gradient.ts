/** A limit that comes down when the handlers get slower the more of them run, to protect what they call. */
import * as checks from "../internal/checks.ts"
import type { HandlerCounts } from "../PoolSnapshot.ts"
import { format, formatMillis } from "./figures.ts"
import * as HandlerLoad from "./handlerLoad.ts"
import type { Proposal, ScalingPolicy, ScalingSignals } from "./policy.ts"

/** The options of `gradient`. */
export interface GradientOptions {
  /** How many times its unloaded latency an attempt may take before the limit comes down. From 1 to 1000. Default `1.3`. */
  readonly tolerance?: number | undefined
  /** The limit at the start. A whole number, at least 1. Default `20`. */
  readonly initial?: number | undefined
  /** The limit never goes below this. A whole number, at least 1. Default `4`. */
  readonly least?: number | undefined
}

interface State {
  readonly at: number
  readonly limit: number
  readonly changedAt: number
  readonly handlers: Readonly<Record<string, Watched>>
  /** Where the fall that goes on began. */
  readonly fall: { readonly limit: number; readonly latency: number } | undefined
  /** Ticks in a row with the limit at its least. */
  readonly atLeast: number
}

/** The attempts of the last seconds, those of a longer time, and what one takes when nothing else runs. */
interface Watched {
  readonly short: HandlerLoad.HandlerLoad
  readonly long: HandlerLoad.HandlerLoad
  /** The lowest mean over a longer time: of this period, and of the one before. */
  readonly lowest: number
  readonly before: number
  readonly since: number
}

/** Means are over about this long, and over this many attempts at least: the lowest of noisy means would be of chance. */
const short = { millis: 3_000, attempts: 100 }
const long = { millis: 20_000, attempts: 1_000 }
/** Fewer attempts than this say nothing. */
const enough = 10
/** A latency is forgotten as the lowest after one to two of these. */
const periodMillis = 300_000
/** A latency is known when so many of it have passed. */
const observedTimes = 10
/** Half as many at once and no less than this share of the latency: it is not of their making. */
const unmoved = 0.9
/** So many ticks at the least limit say the same. */
const relearnTicks = 5
/** Where a gradient of 0.5 comes to rest: limit x 0.5 + sqrt(limit) = limit. */
const restingLimit = 4
/** More timeouts than this share of the attempts are drops: what is called has given up. */
const tolerableTimeouts = 0.01
const backoff = 0.9

/**
 * limit' = limit x gradient + sqrt(limit), where gradient = tolerance x unloaded latency / latency, and at least 0.5: the
 * limit of Netflix's concurrency-limits (`Gradient2Limit`), with the lowest mean of the last 5 to 10 minutes as the unloaded
 * latency (as its `VegasLimit` has the lowest) since a long-term mean creeps up with the overload. It changes at most once
 * in the time of an attempt, it grows only while more than half of it is used, and what chance does to so many attempts is
 * no reason to come down. Timeouts of more than 1 % of the attempts are drops and lower it by a tenth.
 * When half the limit, or five ticks at `least`, leave the latency as it is, that becomes the unloaded one; Envoy's adaptive
 * concurrency filter measures anew at its least as well.
 *
 * It knows nothing of how many workers the load needs, and early looks do not move it. Use it as a ceiling: `min(adaptive(), gradient())`.
 */
export const gradient = (options: GradientOptions = {}): ScalingPolicy => {
  const { initial = 20, least = 4, tolerance = 1.3 } = options
  const start: State = {
    at: 0,
    limit: Math.max(initial, least),
    changedAt: -Infinity,
    handlers: {},
    fall: undefined,
    atLeast: 0
  }
  return {
    name: "gradient",
    initial: start,
    decide: (signals, state: State) => decide({ least, tolerance }, signals, state),
    early: ({ paused, target }, state: State) => {
      const limit = Math.round(state.limit)
      const reason = "its limit stands until the tick"
      return paused
        ? { workers: target, wanted: limit, heldBack: "paused", reason, state }
        : { workers: limit, reason, state }
    },
    invalid:
      checks.within(1, 1000)("tolerance", tolerance) ??
      checks.wholeFrom(1)("initial", initial) ??
      checks.wholeFrom(1)("least", least)
  }
}

const decide = (
  { least, tolerance }: { readonly least: number; readonly tolerance: number },
  signals: ScalingSignals,
  before: State
): Proposal<State> => {
  const now = signals.atMillis
  const { limit } = before
  const handlers: Record<string, Watched> = {}
  const seen = new Seen()
  for (const [tag, counts] of Object.entries(signals.handlers)) {
    handlers[tag] = watch(before.handlers[tag], counts, now, now - before.at)
    seen.add(handlers[tag], tolerance)
  }
  const { gradient, latency, timeouts, unloaded } = seen.means
  const isUnmoved =
    before.atLeast >= relearnTicks ||
    (before.fall !== undefined && limit <= before.fall.limit / 2 && latency >= unmoved * before.fall.latency)
  const answer = (next: number, reason: string, fall: State["fall"] = undefined): Proposal<State> => ({
    workers: signals.paused ? signals.target : Math.round(next),
    wanted: Math.round(next),
    heldBack: signals.paused ? "paused" : undefined,
    reason,
    state: {
      at: now,
      limit: next,
      changedAt: next === limit ? before.changedAt : now,
      handlers: isUnmoved ? relearnt(handlers) : handlers,
      fall,
      atLeast: isUnmoved || Math.round(next) > Math.max(least, restingLimit) ? 0 : before.atLeast + 1
    }
  })
  const used = signals.running + signals.ending > limit / 2
  const isSettled = now - before.changedAt >= (latency > 0 ? latency : seen.meanAge)
  if (timeouts > 0) {
    return answer(
      isSettled ? Math.max(least, limit * backoff) : limit,
      `${format(100 * timeouts)} % of the attempts time out`
    )
  }
  if (gradient === undefined) {
    const reason = "too few attempts have ended to judge their latency"
    return answer(used && isSettled ? limit + Math.sqrt(limit) : limit, reason, before.fall)
  }
  const times = `an attempt takes ${formatMillis(latency)}, and ${formatMillis(unloaded)} unloaded`
  if (isUnmoved) return answer(limit, `${times}, however few run`)
  const wanted = Math.max(least, limit * gradient + Math.sqrt(limit))
  const fall = gradient < 1 ? (before.fall ?? { limit, latency }) : undefined
  if (wanted > limit && !used) return answer(limit, `${times}, and less than half of the limit is used`, fall)
  return answer(isSettled ? wanted : limit, times, fall)
}

const watch = (last: Watched | undefined, counts: HandlerCounts, now: number, millis: number): Watched => {
  const over = (load: HandlerLoad.HandlerLoad | undefined, span: typeof short) =>
    HandlerLoad.update(
      load,
      counts,
      millis,
      Infinity,
      Math.max(span.millis, span.attempts / (load?.arrivals.level ?? 1))
    )
  const watched = { short: over(last?.short, short), long: over(last?.long, long) }
  const mean = watched.long.recent.ended < enough ? Infinity : HandlerLoad.endedMillis(watched.long)
  if (last === undefined) return { ...watched, lowest: mean, before: Infinity, since: now }
  const { before, lowest, since } = last
  // Few attempts say little about what one takes, and those that end first are the short ones.
  const isKnown = watched.long.recent.ended >= short.attempts && now - since >= observedTimes * mean
  return now - since >= periodMillis
    ? { ...watched, lowest: mean, before: lowest, since: now }
    : { ...watched, lowest: isKnown ? Math.min(lowest, mean) : mean, before, since }
}

const relearnt = (handlers: Readonly<Record<string, Watched>>): State["handlers"] =>
  Object.fromEntries(
    Object.entries(handlers).map(([tag, { short, since }]) => {
      const lowest = short.recent.ended < enough ? Infinity : HandlerLoad.endedMillis(short)
      return [tag, { short, long: short, lowest, before: Infinity, since }]
    })
  )

/** Means over the handlers, each by the time that it spent on workers. */
class Seen {
  private weight = 0
  private gradients = 0
  private latencies = 0
  private unloaded = 0
  private ended = 0
  private timedOut = 0
  private running = 0
  private runningMillis = 0

  add({ before, lowest, short }: Watched, tolerance: number): void {
    const { ended, endedMillis, timedOut } = short.recent
    this.running += short.running
    this.runningMillis += short.runningMillis
    const unloaded = Math.min(lowest, before)
    if (ended < enough || unloaded === Infinity) return
    const latency = HandlerLoad.endedMillis(short)
    // Two standard errors of a mean of so many, of a spread as that of exponential times.
    const tolerated = tolerance * unloaded * (1 + 2 / Math.sqrt(ended))
    this.weight += endedMillis
    this.gradients += endedMillis * (latency > 0 ? Math.max(0.5, Math.min(tolerated / latency, tolerance)) : tolerance)
    this.latencies += endedMillis * latency
    this.unloaded += endedMillis * unloaded
    this.ended += ended
    this.timedOut += timedOut
  }

  get meanAge(): number {
    return this.running === 0 ? 0 : this.runningMillis / this.running
  }

  /** The share of timeouts is 0 unless there are more of them than are tolerated, and than chance would have it. */
  get means() {
    const { weight } = this
    const tolerated = tolerableTimeouts * this.ended
    return {
      gradient: weight > 0 ? this.gradients / weight : undefined,
      latency: weight > 0 ? this.latencies / weight : 0,
      unloaded: weight > 0 ? this.unloaded / weight : 0,
      timeouts: this.timedOut > tolerated + 2 * Math.sqrt(tolerated) + 1 ? this.timedOut / this.ended : 0
    }
  }
}
