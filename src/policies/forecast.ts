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
}

export const nothing: Forecast = { level: 0, trend: 0, ticks: 0, millis: 0, low: false }

/** Standard deviations of a Poisson count. */
const surprising = 4

export const next = (before: Forecast, count: number, millis: number): Forecast => {
  if (millis <= 0) return before
  const rate = count / millis
  if (before.ticks === 0) return { level: rate, trend: 0, ticks: 1, millis, low: false }
  const expected = before.level + before.trend * millis
  const mean = expected * millis
  const surprise = (count - mean) / (Math.sqrt(mean) + 1)
  const low = surprise < -surprising
  if (surprise > surprising || (low && before.low)) return { level: rate, trend: 0, ticks: 1, millis, low: false }
  const memory = memoryMillis(expected)
  // The first ticks count alike: until there are enough of them this is their plain mean.
  const gain = Math.max(1 / (before.ticks + 1), 1 - Math.exp(-millis / memory))
  const level = expected + gain * (rate - expected)
  const trendGain = before.millis < memory / 2 ? 0 : 1 - Math.exp(-millis / (2 * memory))
  const trend = Math.max(0, before.trend + trendGain * ((level - before.level) / millis - before.trend))
  return { level, trend, ticks: before.ticks + 1, millis: before.millis + millis, low }
}

/** Means are over about a thousand requests, and over 10 s to 1 min: that is how long the load is believed to be the same. */
export const memoryMillis = (perMilli: number): number => Math.min(60_000, Math.max(10_000, 1000 / perMilli))

/** The number of requests of which the level is the mean. */
export const observed = ({ level, millis }: Forecast): number => level * Math.min(millis, memoryMillis(level))

/** The rate `millis` from now. */
export const ahead = ({ level, trend }: Forecast, millis: number): number => level + trend * millis
