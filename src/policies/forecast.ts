/** What a rate will be at the next tick, from the counts of the ticks so far. */

/**
 * Level and trend of a count per millisecond, by Holt's method (C. C. Holt, 1957: exponential smoothing of both). What
 * a Poisson stream of this level would do once in ten thousand ticks is taken as a step: the level follows it at once, a
 * step down at the second such tick.
 */
export interface Forecast {
  readonly level: number
  /** Growth of the level per millisecond. A fall is never forecast: it would go on for a while after the fall has ended. */
  readonly trend: number
  /** Ticks that were seen. */
  readonly ticks: number
  /** The last count was so low that another such one is a step down. One alone is what bursts leave between them. */
  readonly low: boolean
  /** For how long it has seen the load, in milliseconds. */
  readonly millis: number
  /** For how long nothing has come, in whole ticks; absent if something came in the last one. */
  readonly silentMillis?: number
}

export const nothing: Forecast = { level: 0, trend: 0, ticks: 0, millis: 0, low: false }

/** Standard deviations of a Poisson count. */
const surprising = 4
/** There are many looks between two ticks: one of them is surprised more easily. */
const surprisingEarly = 5
/** What happens by chance as seldom. */
const seldom = 1e-4
/** No silence that is shorter says anything: bursts have pauses between them. */
const shortestSilence = 1000

const surprise = (count: number, mean: number): number => (count - mean) / (Math.sqrt(mean) + 1)

export const next = (before: Forecast, count: number, millis: number): Forecast => {
  if (millis <= 0) return before
  const rate = count / millis
  if (before.ticks === 0) return { level: rate, trend: 0, ticks: 1, millis, low: false }
  const expected = before.level + before.trend * millis
  const surprised = surprise(count, expected * millis)
  const low = surprised < -surprising
  if (surprised > surprising || (low && before.low)) return { level: rate, trend: 0, ticks: 1, millis, low: false }
  const memory = memoryMillis(expected)
  // The first ticks count alike: until there are enough of them this is their plain mean.
  const gain = Math.max(1 / (before.ticks + 1), 1 - Math.exp(-millis / memory))
  const level = expected + gain * (rate - expected)
  const trendGain = before.millis < memory / 2 ? 0 : 1 - Math.exp(-millis / (2 * memory))
  const trend = Math.max(0, before.trend + trendGain * ((level - before.level) / millis - before.trend))
  const after: Forecast = { level, trend, ticks: before.ticks + 1, millis: before.millis + millis, low }
  if (count > 0) return after
  const silentMillis = (before.silentMillis ?? 0) + millis
  return isOver(after, silentMillis)
    ? { level: 0, trend: 0, ticks: 1, millis, low: false, silentMillis }
    : { ...after, silentMillis }
}

/**
 * Whether what was seen would seldom lie wholly before a silence of this length, if the rate were still the same. Without it
 * a few requests would be remembered for minutes: no single tick without any is a surprise.
 */
const isOver = (after: Forecast, silentMillis: number): boolean => {
  if (silentMillis <= shortestSilence) return false
  const share = silentMillis / Math.min(after.millis, memoryMillis(after.level))
  return share >= 1 || (1 - share) ** observed(after) < seldom
}

/**
 * What is known between two ticks, `millis` after the last one or less. Of so short a time nothing is believed but a step up:
 * the rest is left to the tick. A rate of which nothing is known yet is what has been seen of it.
 */
export const glimpse = (before: Forecast, count: number, millis: number): Forecast =>
  before.ticks > 0 && surprise(count, (before.level + before.trend * millis) * millis) <= surprisingEarly
    ? before
    : { level: count / millis, trend: 0, ticks: 1, millis, low: false }

/** Means are over about a thousand requests, and over 10 s to 1 min: that is how long the load is believed to be the same. */
export const memoryMillis = (perMilli: number): number => Math.min(60_000, Math.max(10_000, 1000 / perMilli))

/** The number of requests of which the level is the mean. */
export const observed = ({ level, millis }: Forecast): number => level * Math.min(millis, memoryMillis(level))

/** The rate `millis` from now. */
export const ahead = ({ level, trend }: Forecast, millis: number): number => level + trend * millis
