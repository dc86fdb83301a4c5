/** The default policy: as many workers as the measured load needs for nobody to wait long. */
import { Duration } from "effect"
import * as checks from "../internal/checks.ts"
import { InvalidPoolConfig } from "../PoolError.ts"
import * as Bursts from "./bursts.ts"
import { format, formatMillis, withHeld } from "./figures.ts"
import * as Measure from "./measure.ts"
import type { HeldBack, Proposal, ScalingPolicy, ScalingSignals } from "./policy.ts"
import { serversFor } from "./staffing.ts"

/** The options of `adaptive`. */
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

/** What it remembers from look to look. */
interface State extends Measure.Memory {
  readonly target: number
  /** What it answered, and that before it was rounded down while it comes down. */
  readonly asked: number
  readonly level: number
  /** The last rise, its own or anybody's. */
  readonly risenAt: number
  readonly bursts: Bursts.Bursts
  /** Since the tick. */
  readonly look?: Measure.Look
}

const start: State = {
  ...Measure.nothing,
  target: Infinity,
  asked: Infinity,
  level: 0,
  risenAt: -Infinity,
  bursts: Bursts.none
}

/** Of the requests, how many may wait longer than the target. */
const lateShare = 0.01
/** What is measured is of the past: the load is taken to be this much more. */
const margin = 0.05
/** Standard deviations of what was measured that are no reason to change anything. */
const chance = 3.5
/** So many saturated ticks in a row are no accident. */
const noAccident = 2

/**
 * Workers = arrivals per second x seconds each (J. D. C. Little, 1961: L = lambda W), and as many more as keep the wait
 * below `waitTarget` (Erlang C), or as clear the backlog `clearWithin` that time. Arrivals are all that reach the pool's
 * door, the refused ones and those outside a full queue too, and the attempts that follow others; but not what is held back by a
 * limit, a breaker, a pause or a time not yet come: no worker could start it. What is shed is load: with more workers it would have run.
 *
 * It rises at once. It comes down `cooldown` after the last rise, its own or anybody's, by no more than `fallPerSecond`.
 * While nothing has ended yet, or all workers are busy and the backlog does not shrink, it doubles at every tick: then the
 * load is more than can be measured. A pool that has been empty for five seconds has no load. A paused pool stays as it is.
 *
 * At an early look it believes a step of the arrivals that chance would seldom make, and doubles while nothing has ended yet,
 * or nothing begins and more wait than the known load explains; it asks for no more workers than there are requests. When it
 * asks again for what a tick has just given up, bursts come again and again: what the burst called for is kept for a minute.
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
  return {
    name: "adaptive",
    initial: undefined,
    decide: (signals, state) => decide(settings, signals, state),
    early: (signals, state) => decideEarly(settings, signals, state),
    invalid
  }
}

type Settings = { readonly [K in "waitTarget" | "clearWithin" | "cooldown" | "deadBand" | "fallPerSecond"]: number }

const decide = (settings: Settings, signals: ScalingSignals, before: State = start): Proposal<State> => {
  const { atMillis: now, early = 0, paused, target } = signals
  const { measured, memory } = Measure.tick(signals, settings.waitTarget, before)
  const need = needOf(settings, target, measured)
  const rises = need.atLeast > target && !paused
  // More workers than there were and than it asked for are somebody's rise.
  const isRaised = early > 0 || target > Math.max(before.target, before.asked)
  const risenAt = rises || isRaised ? now : before.risenAt
  const { wanted } = need
  const kept = Bursts.kept(before.bursts, now, measured.emptyMillis)
  const reason = kept > wanted ? `${need.reason}, and bursts that come again call for ${kept}` : need.reason
  const answer = (workers: number, heldBack?: HeldBack, level = workers): Proposal<State> => ({
    workers,
    wanted,
    heldBack,
    reason,
    ...(workers <= target && !paused ? limited(settings, target, measured, reason) : undefined),
    state: {
      ...memory,
      target,
      asked: workers,
      level,
      risenAt,
      bursts: workers < target ? Bursts.fallen(before.bursts) : before.bursts
    }
  })
  if (paused) return answer(target, "paused")
  if (rises || wanted === target) return answer(wanted)
  if (need.atMost >= target) return answer(target, "deadBand")
  // A tick sees a whole interval, and what came at its end in that light: an early rise is not undone by the next one.
  if (now - risenAt < settings.cooldown || early > 0 || target <= kept) return answer(target, "cooldown")
  // However short the ticks are: what was rounded down at the last one is not lost.
  const from = before.asked === target ? before.level : target
  const least = from * (1 - settings.fallPerSecond) ** (measured.millis / 1000)
  const fallsTo = Math.max(need.fallsTo, kept)
  if (Math.floor(least) > fallsTo) return answer(Math.floor(least), "step", least)
  if (kept > need.fallsTo) return answer(kept, "cooldown")
  return answer(Math.min(fallsTo, target), fallsTo > wanted ? "uncertain" : undefined)
}

/** What it says when it would grow if those could start that are held back. */
const limited = (
  settings: Settings,
  target: number,
  measured: Measure.Measured,
  reason: string
): Pick<Proposal<unknown>, "wanted" | "heldBack" | "reason"> | undefined => {
  const { backlog, excess, heldBack, soon } = measured
  if (heldBack === 0) return undefined
  const all = {
    ...measured,
    backlog: backlog + heldBack,
    excess: excess + heldBack,
    soon: soon + heldBack,
    isIdle: false
  }
  const { wanted } = needOf(settings, target, all)
  return wanted > target ? { wanted, heldBack: "limited", reason: withHeld(reason, heldBack) } : undefined
}

const decideEarly = (settings: Settings, signals: ScalingSignals, before: State = start): Proposal<State> => {
  const { atMillis: now, paused, target } = signals
  const { isNews, look, measured } = Measure.glimpse(signals, settings.waitTarget, before, before.look)
  const { atLeast, fallsTo, reason } = needOf(settings, target, measured)
  const most = Measure.here(signals)
  // So little is known of the load that less than this would not be given up either.
  const workers = Math.min(fallsTo, most)
  if (paused) return { workers: target, wanted: workers, heldBack: "paused", reason, state: { ...before, look } }
  const least = Math.min(atLeast, most)
  const rises = isNews && least > target
  const bursts = isNews ? Bursts.seen(before.bursts, now, least, rises) : before.bursts
  return { workers: rises ? workers : target, reason, state: { ...before, look, bursts } }
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

const needOf = ({ clearWithin, deadBand, waitTarget }: Settings, target: number, measured: Measure.Measured): Need => {
  const {
    backlog,
    deviation,
    emptyMillis,
    excess,
    heldBack,
    isIdle,
    load,
    rate,
    saturated,
    serviceMillis,
    shed,
    soon,
    unknown
  } = measured
  const exactly = (wanted: number, reason: string): Need => ({
    wanted,
    atLeast: wanted,
    atMost: wanted,
    fallsTo: wanted,
    reason
  })
  if (unknown !== undefined) {
    const wanted = backlog > 0 ? Math.max(1, 2 * target) : target
    return exactly(wanted, `${format(backlog)} wait and ${unknown}`)
  }
  const traffic = `${format(rate * 1000)}/s of ${formatMillis(serviceMillis)} each keep ${format(load)} workers busy`
  const waits = excess > 0 ? `${traffic}, and ${format(backlog)} wait` : traffic
  const reason = shed > 0 ? `${waits}; ${format(shed)} were given up, as they had waited for too long` : waits
  if (isIdle) {
    const nothing = heldBack > 0 ? "nothing could start" : "the pool has been empty"
    return exactly(0, emptyMillis > 0 ? `${nothing} for ${formatMillis(emptyMillis)}` : reason)
  }
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
