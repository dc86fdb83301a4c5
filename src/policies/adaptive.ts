/** The default policy: as many workers as the measured load needs for nobody to wait long. */
import { Duration } from "effect"
import * as checks from "../internal/checks.ts"
import { InvalidPoolConfig } from "../PoolError.ts"
import { format, formatMillis } from "./figures.ts"
import * as Forecast from "./forecast.ts"
import * as HandlerLoad from "./handlerLoad.ts"
import type { HeldBack, Proposal, ScalingPolicy, ScalingSignals } from "./policy.ts"
import { serversFor } from "./staffing.ts"

export interface AdaptiveOptions {
  /** How long a request may wait for a worker; one in a hundred may wait longer. Above zero. Default 100 ms. */
  readonly waitTarget?: Duration.Input | undefined
  /** How long a backlog may take to be cleared. Above zero. Default 2 s. */
  readonly clearWithin?: Duration.Input | undefined
  /** How long after a rise it begins to come down. At least zero. Default 5 s. */
  readonly cooldown?: Duration.Input | undefined
  /**
   * The width of the band of loads, as a share of the load, within which it changes nothing; it is wider where chance
   * alone moves the measured load more. From 0 to 1. Default `0.1`.
   */
  readonly deadBand?: number | undefined
  /** The share of its workers that it gives up in a second. From 0 to 1. Default `0.25`. */
  readonly fallPerSecond?: number | undefined
}

/** What it remembers from tick to tick. */
interface State {
  readonly at: number
  readonly handlers: Readonly<Record<string, HandlerLoad.HandlerLoad>>
  readonly occupiedMillis: number
  readonly backlog: number
  /** Ticks in a row at which all workers were busy and the backlog did not shrink. */
  readonly saturated: number
  readonly target: number
  /** What it answered, and that before it was rounded down while it comes down. */
  readonly asked: number
  readonly level: number
  /** The last rise, its own or anybody's. */
  readonly risenAt: number
}

/** Of the requests, how many may wait longer than the target. */
const lateShare = 0.01
/** What is measured is of the past: the load is taken to be this much more. */
const margin = 0.05
/** Standard deviations of what was measured that are no reason to change anything. */
const chance = 3.5
/** Workers that are busy for this share of a tick while the backlog does not shrink have more to do than can be seen. */
const allBusy = 0.95
/** So many such ticks in a row are no accident. */
const noAccident = 2

/**
 * Workers = arrivals per second x seconds each (J. D. C. Little, 1961: L = lambda W), and as many more as keep the wait
 * below `waitTarget` (Erlang C), or as clear the backlog `clearWithin` that time. Arrivals are all that reach the pool's
 * door, the refused ones and those outside a full queue too, and the attempts that follow others.
 *
 * It rises at once. It comes down `cooldown` after the last rise, its own or anybody's, by no more than `fallPerSecond`.
 * While nothing has ended yet, or all workers are busy and the backlog does not shrink, it doubles at every tick: then the
 * load is more than can be measured. A paused pool stays as it is.
 */
export const adaptive = (options: AdaptiveOptions = {}): ScalingPolicy => {
  const waitTarget = checks.millis("waitTarget", options.waitTarget ?? 100)
  const clearWithin = checks.millis("clearWithin", options.clearWithin ?? "2 seconds")
  const cooldown = checks.millis("cooldown", options.cooldown ?? "5 seconds", 0)
  const { deadBand = 0.1, fallPerSecond = 0.25 } = options
  const invalid = [
    waitTarget,
    clearWithin,
    cooldown,
    checks.within(0, 1)("deadBand", deadBand),
    checks.within(0, 1)("fallPerSecond", fallPerSecond)
  ].find((value) => value instanceof InvalidPoolConfig)
  const settings = { waitTarget, clearWithin, cooldown, deadBand, fallPerSecond } as Settings
  return { name: "adaptive", initial: undefined, decide: (signals, state) => decide(settings, signals, state), invalid }
}

type Settings = { readonly [K in "waitTarget" | "clearWithin" | "cooldown" | "deadBand" | "fallPerSecond"]: number }

const decide = (settings: Settings, signals: ScalingSignals, before: State | undefined): Proposal<State> => {
  const { atMillis: now, paused, target } = signals
  const measured = measure(settings, signals, before)
  const need = needOf(settings, target, measured)
  const rises = need.atLeast > target && !paused
  // More workers than there were and than it asked for are somebody's rise.
  const isRaised = before !== undefined && target > Math.max(before.target, before.asked)
  const risenAt = rises || isRaised ? now : (before?.risenAt ?? -Infinity)
  const { backlog, handlers, millis, occupiedMillis, saturated } = measured
  const { reason, wanted } = need
  const answer = (workers: number, heldBack?: HeldBack, level = workers): Proposal<State> => ({
    workers,
    wanted,
    heldBack,
    reason,
    state: { at: now, handlers, occupiedMillis, backlog, saturated, target, asked: workers, level, risenAt }
  })
  if (paused) return answer(target, "paused")
  if (rises || wanted === target) return answer(wanted)
  if (need.atMost >= target) return answer(target, "deadBand")
  if (now - risenAt < settings.cooldown) return answer(target, "cooldown")
  // However short the ticks are: what was rounded down at the last one is not lost.
  const from = before?.asked === target ? before.level : target
  const least = from * (1 - settings.fallPerSecond) ** (millis / 1000)
  if (Math.floor(least) > need.fallsTo) return answer(Math.floor(least), "step", least)
  return answer(Math.min(need.fallsTo, target), need.fallsTo > wanted ? "uncertain" : undefined)
}

interface Measured {
  readonly millis: number
  readonly handlers: Readonly<Record<string, HandlerLoad.HandlerLoad>>
  readonly occupiedMillis: number
  /** Requests that need a worker and have none. Those between two attempts do not. */
  readonly backlog: number
  /** Of them, more than wait in a queue that keeps the target. */
  readonly excess: number
  /** Requests per millisecond, workers that they occupy on average, and the mean time of one. */
  readonly rate: number
  readonly load: number
  /** More than can be busy within two ticks. */
  readonly soon: number
  /** The standard deviation of the load, as measured, as a share of it. */
  readonly deviation: number
  readonly serviceMillis: number
  /** Whether there is work, and no attempt has ended yet. */
  readonly unknown: boolean
  readonly isIdle: boolean
  readonly saturated: number
}

const measure = ({ waitTarget }: Settings, signals: ScalingSignals, before: State | undefined): Measured => {
  const millis = signals.atMillis - (before?.at ?? 0)
  const handlers: Record<string, HandlerLoad.HandlerLoad> = {}
  let rate = 0
  let load = 0
  let variance = 0
  let occupiedMillis = 0
  let ended = 0
  let unstarted = 0
  for (const [tag, counts] of Object.entries(signals.handlers)) {
    const handler = (handlers[tag] = HandlerLoad.update(before?.handlers[tag], counts, millis))
    occupiedMillis += counts.occupiedMillis
    const service = HandlerLoad.serviceMillis(handler)
    const arrivals = Forecast.ahead(handler.arrivals, signals.intervalMillis)
    ended += handler.ended
    if (service === undefined) {
      unstarted += arrivals
      continue
    }
    rate += arrivals
    load += arrivals * service
    variance += (arrivals * service) ** 2 / Math.max(1, Forecast.observed(handler.arrivals))
  }
  // What was never started is taken to be like the rest.
  if (rate > 0) load += (unstarted * load) / rate
  rate += unstarted
  const backlog = signals.waiting + signals.blocked
  const serviceMillis = rate > 0 ? load / rate : 0
  // Attempts that take long build up slowly: no more can be busy soon than are here, and come within two ticks.
  const soon = signals.running + signals.ending + backlog + 2 * rate * signals.intervalMillis
  load = Math.min(load, soon)
  const unknown = ended === 0 && backlog + signals.running > 0
  // In a queue that keeps the target this many wait at any time (Little again); only what is more has to be cleared.
  const excess = Math.max(0, backlog - rate * waitTarget)
  const busy = (occupiedMillis - (before?.occupiedMillis ?? 0)) / (millis * Math.max(1, signals.workers))
  const isSaturated = excess > 0 && backlog >= (before?.backlog ?? 0) && busy >= allBusy
  const isIdle = backlog === 0 && load < 0.01
  const deviation = load > 0 ? Math.sqrt(variance) / load : 0
  const saturated = isSaturated ? (before?.saturated ?? 0) + 1 : 0
  return {
    millis,
    handlers,
    occupiedMillis,
    backlog,
    excess,
    rate,
    load,
    soon,
    deviation,
    serviceMillis,
    unknown,
    isIdle,
    saturated
  }
}

/** What the load needs, and the least and the most workers with which that is not worth a change. */
interface Need {
  readonly wanted: number
  readonly atLeast: number
  readonly atMost: number
  /** What is needed if the load was measured too small by chance: after a step little is known yet. */
  readonly fallsTo: number
  readonly reason: string
}

const needOf = ({ clearWithin, deadBand, waitTarget }: Settings, target: number, measured: Measured): Need => {
  const { backlog, deviation, excess, isIdle, load, rate, saturated, serviceMillis, soon, unknown } = measured
  const exactly = (wanted: number, reason: string): Need => ({
    wanted,
    atLeast: wanted,
    atMost: wanted,
    fallsTo: wanted,
    reason
  })
  if (unknown) {
    const wanted = backlog > 0 ? Math.max(1, 2 * target) : target
    return exactly(wanted, `${format(backlog)} wait and no attempt has ended yet`)
  }
  const traffic = `${format(rate * 1000)}/s of ${formatMillis(serviceMillis)} each keep ${format(load)} workers busy`
  const reason = excess > 0 ? `${traffic}, and ${format(backlog)} wait` : traffic
  if (isIdle) return exactly(0, reason)
  // One worker for each that waits is enough, however long they take.
  const clearing = Math.min(excess * Math.min(1, serviceMillis / clearWithin), soon - load)
  // Those that keep the wait low have time to spare, in which they clear the backlog.
  const staffed = (share: number) =>
    Math.max(serversFor(load * share, serviceMillis, waitTarget, lateShare), Math.ceil(load * share + clearing))
  // Chance may double a load or halve it; that somebody waits too long is no chance.
  const band = Math.min(0.5, Math.max(deadBand, 2 * chance * deviation) / 2)
  const wanted = staffed(1 + margin)
  if (saturated >= noAccident && 2 * target > wanted) {
    return exactly(2 * target, `${reason}; all workers are busy and the backlog does not shrink`)
  }
  const atLeast = staffed(1 + margin - band)
  return { wanted, atLeast, atMost: staffed(1 + margin + band), fallsTo: staffed(1 + margin + 2 * deviation), reason }
}
