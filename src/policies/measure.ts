/** What `adaptive` makes of the counts: the load as far as it is known, and what waits. */
import * as Forecast from "./forecast.ts"
import * as HandlerLoad from "./handlerLoad.ts"
import type { ScalingSignals } from "./policy.ts"
import { erlangC } from "./staffing.ts"

/** What is remembered from tick to tick. */
export interface Memory {
  readonly at: number
  readonly handlers: Readonly<Record<string, HandlerLoad.HandlerLoad>>
  readonly occupiedMillis: number
  readonly backlog: number
  readonly shed: number
  /** Ticks in a row at which all workers were busy and the backlog did not shrink, but for what was shed. */
  readonly saturated: number
  /** The last tick that found anything in the pool, or that something had come. */
  readonly busyAt: number
}

export const nothing: Memory = {
  at: 0,
  handlers: {},
  occupiedMillis: 0,
  backlog: 0,
  shed: 0,
  saturated: 0,
  busyAt: -Infinity
}

/** What an early look leaves for the next one before the tick. */
export interface Look {
  readonly at: number
  readonly marks: Readonly<Record<string, HandlerLoad.Mark>>
  readonly attempts: number
  readonly backlog: number
}

export interface Measured {
  readonly millis: number
  /** Requests that need a worker and have none. Those between two attempts do not, nor do those that are held back. */
  readonly backlog: number
  /** Of them, more than wait in a queue that keeps the target. */
  readonly excess: number
  /** Requests per millisecond, workers that they occupy on average, and the mean time of one. */
  readonly rate: number
  readonly load: number
  /** More than can be busy before the next look that matters. */
  readonly soon: number
  /** The standard deviation of the load, as measured, as a share of it. */
  readonly deviation: number
  readonly serviceMillis: number
  /** Why the load is not what it is known to be, while there is work. */
  readonly unknown: string | undefined
  readonly isIdle: boolean
  /** For how long the pool has been empty, and nothing has come; 0 while that says nothing. */
  readonly emptyMillis: number
  readonly saturated: number
  /** Requests that were given up since the tick before, since there was too much to do: with more workers they would have run. */
  readonly shed: number
  /** Requests that no worker could start. */
  readonly heldBack: number
}

/** Workers that are busy for this share of a tick while the backlog does not shrink have more to do than can be seen. */
const allBusy = 0.95
/** What the known load does as seldom says that it is not known. */
const seldom = 1e-3
/** A pool that has been empty for so long, in milliseconds, has no load: its first request will start a worker. */
const empty = 5_000

/**
 * Requests that wait for nothing but a worker. Of those at the door of a queue in which some are held back no more than of those in
 * it: who they are cannot be seen, and no worker makes room in a queue full of held ones.
 */
export const waiting = ({ blocked, heldBack, waiting }: ScalingSignals): number => {
  const free = waiting - heldBack
  return free + (heldBack === 0 ? blocked : Math.min(blocked, free))
}

/** Requests that have a worker, or need one. */
export const here = (signals: ScalingSignals): number =>
  signals.running + signals.ending + signals.stuck + waiting(signals)

/** The counts of a tick, and what to remember of them. */
export const tick = (
  signals: ScalingSignals,
  waitTarget: number,
  before: Memory
): { readonly measured: Measured; readonly memory: Memory } => {
  const { atMillis: at, ending, heldBack, intervalMillis, running } = signals
  const millis = at - before.at
  const backlog = waiting(signals)
  const grown = Math.max(0, backlog - before.backlog)
  const handlers: Record<string, HandlerLoad.HandlerLoad> = {}
  let occupiedMillis = 0
  // Those whose time has not come yet need nobody.
  let isBusy = here(signals) + signals.delayed - signals.scheduled > 0
  for (const [tag, counts] of Object.entries(signals.handlers)) {
    const last = before.handlers[tag]
    handlers[tag] = HandlerLoad.update(last, counts, millis, grown)
    occupiedMillis += counts.occupiedMillis
    isBusy ||= handlers[tag].arrived > (last?.arrived ?? 0)
  }
  const busyAt = isBusy ? at : before.busyAt
  const emptyMillis = at - busyAt >= empty && busyAt > -Infinity ? at - busyAt : 0
  const load = loadOf(handlers, intervalMillis)
  // Attempts that take long build up slowly: no more can be busy soon than are here, and come within two ticks.
  const soon = running + ending + backlog + 2 * load.rate * intervalMillis
  const unknown = load.ended === 0 && backlog + running > 0 ? "no attempt has ended yet" : undefined
  const seen = sized(load, { backlog, soon, waitTarget })
  const busy = (occupiedMillis - before.occupiedMillis) / (millis * Math.max(1, signals.workers))
  const shed = signals.shed - before.shed
  const isSaturated = seen.excess + shed > 0 && backlog + shed >= before.backlog && busy >= allBusy
  const saturated = isSaturated ? before.saturated + 1 : 0
  return {
    measured: {
      ...seen,
      millis,
      unknown,
      isIdle: seen.isIdle || emptyMillis > 0,
      emptyMillis,
      saturated,
      shed,
      heldBack
    },
    memory: { at, handlers, occupiedMillis, backlog, shed: signals.shed, saturated, busyAt }
  }
}

/**
 * The counts between two ticks. No more workers can be of use than there are requests now: what comes next has its own look.
 * No window is taken to be shorter than the wait that is allowed. It is news when it is more than the tick's own figures a
 * little later: those would cross the dead band by chance, as often as one looks.
 */
export const glimpse = (
  signals: ScalingSignals,
  waitTarget: number,
  before: Memory,
  last: Look | undefined
): { readonly measured: Measured; readonly look: Look; readonly isNews: boolean } => {
  const { atMillis: at, attempts, heldBack, intervalMillis, running, target } = signals
  const backlog = waiting(signals)
  const grown = Math.max(0, backlog - before.backlog)
  const handlers: Record<string, HandlerLoad.HandlerLoad> = {}
  const marks: Record<string, HandlerLoad.Mark> = {}
  let isStep = false
  for (const [tag, counts] of Object.entries(signals.handlers)) {
    const seen = HandlerLoad.glimpse(before.handlers[tag], counts, before.at, last?.marks[tag], at, waitTarget, grown)
    handlers[tag] = seen.load
    marks[tag] = seen.mark
    isStep ||= seen.load.arrivals !== before.handlers[tag]?.arrivals
  }
  const load = loadOf(handlers, intervalMillis)
  const seen = sized(load, { backlog, soon: here(signals), waitTarget })
  // A backlog of short ones moves on between two looks.
  const isStalled = last !== undefined && last.backlog > 0 && last.attempts === attempts
  // What is remembered from before the pool was empty says nothing of what comes now.
  const known = before.at - before.busyAt >= empty ? 0 : load.load
  const unknown =
    load.ended === 0 && backlog + running > 0
      ? "no attempt has ended yet"
      : isStalled && chanceOf(backlog, Math.max(1, target), known) < seldom
        ? "none has begun since the last look"
        : undefined
  return {
    measured: { ...seen, millis: at - before.at, unknown, emptyMillis: 0, saturated: 0, shed: 0, heldBack },
    look: { at, marks, attempts, backlog },
    isNews: isStep || unknown !== undefined
  }
}

/** That so many wait, or more, in a queue M/M/c of this load. */
const chanceOf = (waiting: number, servers: number, load: number): number =>
  load >= servers ? 1 : erlangC(servers, load) * (load / servers) ** waiting

interface Load {
  readonly rate: number
  readonly load: number
  readonly variance: number
  readonly ended: number
}

const loadOf = (handlers: Readonly<Record<string, HandlerLoad.HandlerLoad>>, intervalMillis: number): Load => {
  let rate = 0
  let load = 0
  let variance = 0
  let ended = 0
  let unstarted = 0
  for (const handler of Object.values(handlers)) {
    const service = HandlerLoad.serviceMillis(handler)
    const arrivals = Forecast.ahead(handler.arrivals, intervalMillis)
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
  return { rate: rate + unstarted, load, variance, ended }
}

const sized = (
  { load: unlimited, rate, variance }: Load,
  { backlog, soon, waitTarget }: { readonly backlog: number; readonly soon: number; readonly waitTarget: number }
) => {
  const load = Math.min(unlimited, soon)
  return {
    backlog,
    // In a queue that keeps the target this many wait at any time (Little again); only what is more has to be cleared.
    excess: Math.max(0, backlog - rate * waitTarget),
    rate,
    load,
    soon,
    deviation: load > 0 ? Math.sqrt(variance) / load : 0,
    serviceMillis: rate > 0 ? unlimited / rate : 0,
    isIdle: backlog === 0 && load < 0.01
  }
}
