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
  /** It does not come down for less than this share of the load. From 0 to 1. Default `0.1`. */
  readonly deadBand?: number | undefined
  /** The share of its workers that it gives up in a second, and at least one. From 0 to 1. Default `0.25`. */
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
  /** What it answered. */
  readonly asked: number
  /** The last rise, its own or anybody's. */
  readonly risenAt: number
}

/** Of the requests, how many may wait longer than the target. */
const lateShare = 0.01
/** The measured load is taken to be this much too small. */
const margin = 0.03
/** A single worker that is one too many goes after so many cooldowns: with few of them, one is what the noise asks for. */
const patience = 12
/** Workers that are busy for this share of a tick while the backlog does not shrink have more to do than can be seen. */
const allBusy = 0.95
/** So many such ticks in a row are no accident. */
const noAccident = 2

/**
 * Workers = arrivals per second x seconds each (J. D. C. Little, 1961: L = lambda W), and as many more as keep the wait
 * below `waitTarget` (Erlang C), and as many more as clear the backlog `clearWithin` that time. Arrivals are all that
 * reach the pool's door, the refused ones and those outside a full queue too, and the attempts that follow others.
 *
 * It rises at once. It comes down `cooldown` after the last rise, by no more than `fallPerSecond`, and to what a load
 * larger by `deadBand` would need. While nothing has ended yet, or all workers are busy and the backlog does not shrink, it doubles at
 * every tick: then the load is more than can be measured.
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
  const rises = need.up > target && !paused
  // More workers than it asked for at the last tick are somebody's rise.
  const risenAt = rises || target > (before?.asked ?? target) ? now : (before?.risenAt ?? -Infinity)
  const { backlog, handlers, millis, occupiedMillis, saturated } = measured
  const answer = (workers: number, heldBack?: HeldBack): Proposal<State> => ({
    workers,
    wanted: need.up,
    heldBack,
    reason: need.reason,
    state: { at: now, handlers, occupiedMillis, backlog, saturated, asked: workers, risenAt }
  })
  if (paused) return answer(target, "paused")
  if (rises || need.up === target) return answer(need.up)
  if (need.down >= target) return answer(target, "deadBand")
  const cooldown = settings.cooldown * (target - need.down > 1 || measured.isIdle ? 1 : patience)
  if (now - risenAt < cooldown) return answer(target, "cooldown")
  const least = Math.min(target - 1, Math.floor(target * (1 - settings.fallPerSecond) ** (millis / 1000)))
  if (least > need.down) return answer(least, "step")
  return answer(need.down, need.down > need.up ? "deadBand" : undefined)
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
  readonly serviceMillis: number
  /** Whether a handler has been asked for of which no attempt has ended yet. */
  readonly unknown: boolean
  readonly isIdle: boolean
  readonly saturated: number
}

const measure = ({ waitTarget }: Settings, signals: ScalingSignals, before: State | undefined): Measured => {
  const millis = signals.atMillis - (before?.at ?? 0)
  const handlers: Record<string, HandlerLoad.HandlerLoad> = {}
  let rate = 0
  let load = 0
  let occupiedMillis = 0
  let unknown = false
  for (const [tag, counts] of Object.entries(signals.handlers)) {
    const handler = (handlers[tag] = HandlerLoad.update(before?.handlers[tag], counts, millis))
    occupiedMillis += counts.occupiedMillis
    const service = HandlerLoad.serviceMillis(handler)
    if (service === undefined) {
      unknown ||= counts.attempts > 0 || counts.offered > 0
      continue
    }
    const arrivals = Forecast.ahead(handler.arrivals, signals.intervalMillis)
    rate += arrivals
    load += arrivals * service
  }
  const backlog = signals.waiting + signals.blocked
  // In a queue that keeps the target this many wait at any time (Little again); only what is more has to be cleared.
  const excess = Math.max(0, backlog - rate * waitTarget)
  const busy = (occupiedMillis - (before?.occupiedMillis ?? 0)) / (millis * Math.max(1, signals.workers))
  const isSaturated = excess > 0 && backlog >= (before?.backlog ?? 0) && busy >= allBusy
  const isIdle = backlog === 0 && load < 0.01
  const serviceMillis = rate > 0 ? load / rate : 0
  const saturated = isSaturated ? (before?.saturated ?? 0) + 1 : 0
  return { millis, handlers, occupiedMillis, backlog, excess, rate, load, serviceMillis, unknown, isIdle, saturated }
}

/** What the load needs: `up` is worth rising for, `down` is what it comes down to. */
const needOf = (
  { clearWithin, deadBand, waitTarget }: Settings,
  target: number,
  measured: Measured
): { readonly up: number; readonly down: number; readonly reason: string } => {
  const { backlog, excess, isIdle, load, rate, saturated, serviceMillis, unknown } = measured
  if (unknown) {
    const up = backlog > 0 ? Math.max(1, 2 * target) : target
    return { up, down: up, reason: `${format(backlog)} wait and no attempt has ended yet` }
  }
  const clearing = (excess * serviceMillis) / clearWithin
  const staffed = (load: number) =>
    Math.ceil(serversFor(load * (1 + margin), serviceMillis, waitTarget, lateShare) + clearing)
  const up = isIdle ? 0 : staffed(load)
  const traffic = `${format(rate * 1000)}/s of ${formatMillis(serviceMillis)} each keep ${format(load)} workers busy`
  const reason = excess > 0 ? `${traffic}, and ${format(backlog)} wait` : traffic
  if (saturated >= noAccident && 2 * target > up) {
    return {
      up: 2 * target,
      down: 2 * target,
      reason: `${reason}; all workers are busy and the backlog does not shrink`
    }
  }
  return { up, down: isIdle ? 0 : Math.max(up, staffed(load * (1 + deadBand))), reason }
}
