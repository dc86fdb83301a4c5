/** How long handlers work. */
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { Draw } from "./random.ts"

/** A distribution of service times, in milliseconds. */
export interface ServiceTimes {
  /** As on the command line, such as `exponential:100ms`. */
  readonly name: string
  /** What is wrong with its numbers. The simulation that is given it fails with it. */
  readonly invalid?: InvalidPoolConfig | undefined
  /** The mean, in milliseconds. */
  readonly meanMillis: number
  /** The service time of the next request of this type. */
  readonly sampler: (draw: Draw) => (type: string) => number
}

/** The same for each request. */
export const constant = (millis: number): ServiceTimes => ({
  name: `constant:${millis}ms`,
  invalid: checks.allFinite({ millis }),
  meanMillis: millis,
  sampler: () => () => millis
})

/** Exponentially distributed: many short ones, few long ones. Its standard deviation is its mean. */
export const exponential = (meanMillis: number): ServiceTimes => ({
  name: `exponential:${meanMillis}ms`,
  invalid: checks.allFinite({ meanMillis }),
  meanMillis,
  sampler:
    ({ exponential }) =>
    () =>
      meanMillis * exponential()
})

/** `sigma` is the standard deviation of the logarithm; the median is `meanMillis * exp(-sigma^2 / 2)`. */
export const lognormal = (meanMillis: number, sigma: number): ServiceTimes => ({
  name: `lognormal:${meanMillis}ms,${sigma}`,
  invalid: checks.allFinite({ meanMillis, sigma }),
  meanMillis,
  sampler:
    ({ normal }) =>
    () =>
      meanMillis * Math.exp(sigma * normal() - (sigma * sigma) / 2)
})

/** `slowMillis` for a share of the requests, `fastMillis` for the others. */
export const bimodal = (fastMillis: number, slowMillis: number, slowShare: number): ServiceTimes => ({
  name: `bimodal:${fastMillis}ms,${slowMillis}ms,${slowShare}`,
  invalid: checks.allFinite({ fastMillis, slowMillis }) ?? checks.within(0, 1)("slowShare", slowShare),
  meanMillis: (1 - slowShare) * fastMillis + slowShare * slowMillis,
  sampler:
    ({ uniform }) =>
    () =>
      uniform() < slowShare ? slowMillis : fastMillis
})

/** Times of their own for requests of these types, and `others` for all that have none here. Its mean is that of `others`. */
export const byType = (times: Readonly<Record<string, ServiceTimes>>, others: ServiceTimes): ServiceTimes => ({
  name: [others.name, ...Object.entries(times).map(([type, { name }]) => `${type} ${name}`)].join(", "),
  invalid: [others, ...Object.values(times)].find(({ invalid }) => invalid !== undefined)?.invalid,
  meanMillis: others.meanMillis,
  sampler: (draw) => {
    const samplers = new Map(
      Object.entries(times).map(([type, { sampler }]) => [type, sampler(draw.of(type))] as const)
    )
    const other = others.sampler(draw)
    return (type) => (samplers.get(type) ?? other)(type)
  }
})

/** Those of a recording: the first for the first request of that type, and so on, from the start again after the last. */
export const trace = (
  name: string,
  times: ReadonlyArray<{ readonly type: string | undefined; readonly millis: number }>
): ServiceTimes => ({
  name,
  invalid:
    times.length === 0
      ? checks.wrong("service", "at least one recorded service time", "none")
      : times.map(({ millis }) => checks.finite("millis", millis)).find((problem) => problem !== undefined),
  meanMillis: times.reduce((sum, { millis }) => sum + millis, 0) / times.length,
  sampler: () => {
    const used = new Map<string, number>()
    const ofType = Map.groupBy(times, ({ type }) => type)
    return (type) => {
      const from = ofType.get(type) ?? ofType.get(undefined) ?? times
      const n = used.get(type) ?? 0
      used.set(type, n + 1)
      return from[n % from.length]!.millis
    }
  }
})
