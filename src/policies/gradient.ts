/** A limit that comes down when the handlers get slower the more of them run, to protect what they call. */
import * as checks from "../internal/checks.ts"
import { format, formatMillis } from "./figures.ts"
import * as HandlerLoad from "./handlerLoad.ts"
import type { Proposal, ScalingPolicy, ScalingSignals } from "./policy.ts"

export interface GradientOptions {
  /** How many times its unloaded latency an attempt may take before the limit comes down. At least 1. Default `1.3`. */
  readonly tolerance?: number | undefined
  /** The limit at the start. A whole number, at least 1. Default `20`. */
  readonly initial?: number | undefined
  /** The limit never goes below this. A whole number, at least 1. Default `4`. */
  readonly least?: number | undefined
}

interface State {
  readonly at: number
  readonly limit: number
  readonly handlers: Readonly<Record<string, Watched>>
  /** Ticks in a row with the limit at its least. */
  readonly atLeast: number
}

interface Watched {
  readonly load: HandlerLoad.HandlerLoad
  /** The lowest latency of this period, and of the one before: what an attempt takes when nothing else runs. */
  readonly lowest: number
  readonly before: number
  readonly since: number
}

/** Latencies are means over about this long. */
const memoryMillis = 3_000
/** Fewer attempts than this say nothing. */
const enough = 10
/** A latency is forgotten as the lowest after one to two of these. */
const periodMillis = 300_000
/** After so many ticks at its least limit the latency is not of our making: it is taken as the unloaded one. */
const relearnTicks = 5
/** Where a gradient of 0.5 comes to rest: limit x 0.5 + sqrt(limit) = limit. */
const restingLimit = 4
/** More timeouts than this share of the attempts are drops: what is called has given up. */
const tolerableTimeouts = 0.01
const backoff = 0.9

/**
 * limit' = limit x gradient + sqrt(limit), where gradient = tolerance x unloaded latency / latency, and at least 0.5: the
 * limit of Netflix's concurrency-limits (`Gradient2Limit`), with the lowest latency of the last 5 to 10 minutes as the
 * unloaded one (`VegasLimit` there) since a long-term mean creeps up with the overload. Timeouts of more than 1 % of the
 * attempts are drops and lower it by a tenth, whatever the latency. It grows only while more than half of it is used.
 * After five ticks at `least` the present latency becomes the unloaded one, as in Envoy's adaptive concurrency filter.
 *
 * It knows nothing of how many workers the load needs. Use it as a ceiling: `min(adaptive(), gradient())`.
 */
export const gradient = (options: GradientOptions = {}): ScalingPolicy => {
  const { initial = 20, least = 4, tolerance = 1.3 } = options
  return {
    name: "gradient",
    initial: undefined,
    decide: (signals, state: State | undefined) =>
      decide(
        { least, tolerance },
        signals,
        state ?? { at: 0, limit: Math.max(initial, least), handlers: {}, atLeast: 0 }
      ),
    invalid:
      checks.within(1, Infinity)("tolerance", tolerance) ??
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
  const millis = now - before.at
  const relearn = before.atLeast >= relearnTicks
  const handlers: Record<string, Watched> = {}
  const seen = new Seen()
  for (const [tag, counts] of Object.entries(signals.handlers)) {
    const last = before.handlers[tag]
    const load = HandlerLoad.update(last?.load, counts, millis, memoryMillis)
    const latency = load.recent.ended < enough ? undefined : HandlerLoad.serviceMillis(load)
    const watched = (handlers[tag] = watch(last, load, latency, now, relearn))
    if (latency !== undefined) seen.add(load, latency, Math.min(watched.lowest, watched.before), tolerance)
  }
  const { gradient, latency, timeouts, unloaded } = seen.means
  const { limit } = before
  const answer = (next: number, reason: string): Proposal<State> => ({
    workers: signals.paused ? signals.target : Math.round(next),
    wanted: Math.round(next),
    heldBack: signals.paused ? "paused" : undefined,
    reason,
    state: {
      at: now,
      limit: next,
      handlers,
      atLeast: relearn || Math.round(next) > Math.max(least, restingLimit) ? 0 : before.atLeast + 1
    }
  })
  if (timeouts > tolerableTimeouts) {
    return answer(Math.max(least, limit * backoff), `${format(100 * timeouts)} % of the attempts time out`)
  }
  const times = `an attempt takes ${formatMillis(latency)}, and ${formatMillis(unloaded)} unloaded`
  if (gradient === undefined) return answer(limit, "too few attempts have ended to judge their latency")
  const wanted = Math.max(least, limit * gradient + Math.sqrt(limit))
  const used = signals.running + signals.ending > limit / 2
  return wanted > limit && !used
    ? answer(limit, `${times}, and less than half of the limit is used`)
    : answer(wanted, times)
}

const watch = (
  last: Watched | undefined,
  load: HandlerLoad.HandlerLoad,
  latency: number | undefined,
  now: number,
  relearn: boolean
): Watched => {
  if (last === undefined) return { load, lowest: latency ?? Infinity, before: Infinity, since: now }
  if (latency === undefined) return { ...last, load }
  if (relearn) return { load, lowest: latency, before: Infinity, since: now }
  return now - last.since >= periodMillis
    ? { load, lowest: latency, before: last.lowest, since: now }
    : { ...last, load, lowest: Math.min(last.lowest, latency) }
}

/** Means over the handlers, each by the time that it spent on workers. */
class Seen {
  private weight = 0
  private gradients = 0
  private latencies = 0
  private unloaded = 0
  private ended = 0
  private timedOut = 0

  add({ recent, runningMillis }: HandlerLoad.HandlerLoad, latency: number, unloaded: number, tolerance: number): void {
    const weight = recent.endedMillis + runningMillis
    this.weight += weight
    this.gradients += weight * (latency > 0 ? Math.max(0.5, (tolerance * unloaded) / latency) : 1)
    this.latencies += weight * latency
    this.unloaded += weight * unloaded
    this.ended += recent.ended
    this.timedOut += recent.timedOut
  }

  get means() {
    const { weight } = this
    return {
      gradient: weight > 0 ? this.gradients / weight : undefined,
      latency: this.latencies / weight,
      unloaded: this.unloaded / weight,
      timeouts: this.ended > 0 ? this.timedOut / this.ended : 0
    }
  }
}
