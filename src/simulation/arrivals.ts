/** When requests come, of which type, and whose they are. */
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import { invalidPriority } from "../RequestPolicy.ts"
import type { Draw } from "./random.ts"

/** One request of a trace. `type` is its tag; the default is `"Work"`. */
export interface Arrival {
  /** Milliseconds since the start. */
  readonly atMillis: number
  /** The tag of the request. */
  readonly type: string
  /** Whose it is. Default: nobody's. */
  readonly key?: string | undefined
  /** From -10 to 10, higher first. Default: that of the pool. */
  readonly priority?: number | undefined
  /** How its attempts go, as far as that is known: the first of these is for the first attempt. Default: they are drawn. */
  readonly attempts?: ReadonlyArray<KnownAttempt> | undefined
}

/** An attempt of a recording. */
export interface KnownAttempt {
  /** How long it takes when nothing slows it down, in milliseconds. */
  readonly millis: number
  /** Whether it fails at the end of that time. */
  readonly fails: boolean
}

/** A load. Rates are requests per second. */
export interface Arrivals {
  /** As on the command line, such as `poisson:10`. */
  readonly name: string
  /** What is wrong with its numbers. The simulation that is given it fails with it. */
  readonly invalid?: InvalidPoolConfig | undefined
  /** The types that occur. */
  readonly types: ReadonlyArray<string>
  /** The arrivals up to `durationMillis`, in order, drawn as they are asked for. */
  readonly draw: (draw: Draw, durationMillis: number) => Iterable<Arrival>
  /** Requests per second at an instant, where there is such a rate. */
  readonly rateAt?: ((atMillis: number, durationMillis: number) => number) | undefined
  /** The instant at which the rate jumps up, if it does. */
  readonly stepAt?: number | undefined
}

const type = "Work"
const types = [type]

/** One every `1 / rate` seconds, the first after that time. */
export const constant = (rate: number): Arrivals => ({
  name: `constant:${rate}`,
  invalid: checks.allFinite({ rate }),
  types,
  rateAt: () => rate,
  *draw(_, durationMillis) {
    for (let n = 1; (n * 1000) / rate <= durationMillis; n++) yield { atMillis: (n * 1000) / rate, type }
  }
})

/** At random, independently of each other. */
export const poisson = (rate: number): Arrivals => curve(`poisson:${rate}`, rate, () => rate, { rate })

/** Poisson with `before`, from `atMillis` on with `after`. */
export const step = (before: number, after: number, atMillis: number): Arrivals => ({
  ...curve(
    `step:${before},${after},${span(atMillis)}`,
    Math.max(before, after),
    (at) => (at < atMillis ? before : after),
    { before, after, atMillis }
  ),
  stepAt: after > before ? atMillis : undefined
})

/** Poisson; the rate goes in a straight line from `from` to `to`, over the whole duration or from `startMillis` to `endMillis`. */
export const ramp = (from: number, to: number, startMillis = 0, endMillis?: number): Arrivals =>
  curve(
    `ramp:${from},${to}${endMillis === undefined ? "" : `,${span(startMillis)},${span(endMillis)}`}`,
    Math.max(from, to),
    (at, duration) => {
      const share = (at - startMillis) / ((endMillis ?? duration) - startMillis)
      return from + (to - from) * Math.min(1, Math.max(0, share))
    },
    { from, to, startMillis, endMillis: endMillis ?? 0 }
  )

/** Poisson with `base`, and with `peak` for `lengthMillis` from `atMillis` on. */
export const spike = (base: number, peak: number, atMillis: number, lengthMillis: number): Arrivals => ({
  ...curve(
    `spike:${base},${peak},${span(atMillis)},${span(lengthMillis)}`,
    Math.max(base, peak),
    (at) => (at >= atMillis && at < atMillis + lengthMillis ? peak : base),
    { base, peak, atMillis, lengthMillis }
  ),
  stepAt: peak > base ? atMillis : undefined
})

/** Poisson; the rate goes from `low` (at the start) to `high` and back in a period, by default the whole duration. */
export const daily = (low: number, high: number, periodMillis?: number): Arrivals =>
  curve(
    `daily:${low},${high}${periodMillis === undefined ? "" : `,${span(periodMillis)}`}`,
    Math.max(low, high),
    (at, duration) => low + ((high - low) * (1 - Math.cos((2 * Math.PI * at) / (periodMillis ?? duration)))) / 2,
    { low, high, periodMillis: periodMillis ?? 0 }
  )

/** So many at one instant. */
export const burst = (count: number, atMillis = 0): Arrivals => ({
  name: `burst:${count}${atMillis === 0 ? "" : `,${span(atMillis)}`}`,
  invalid: checks.wholeFrom(0)("count", count) ?? checks.allFinite({ atMillis }),
  types,
  *draw(_, durationMillis) {
    if (atMillis <= durationMillis) for (let n = 0; n < count; n++) yield { atMillis, type }
  }
})

/** Those of a recording, in its order of time. */
export const trace = (name: string, arrivals: ReadonlyArray<Arrival>): Arrivals => {
  const sorted = arrivals.toSorted((a, b) => a.atMillis - b.atMillis)
  return {
    name,
    invalid: arrivals
      .map(
        ({ atMillis, priority }) => checks.finite("atMillis", atMillis) ?? invalidPriority("priority", priority ?? 0)
      )
      .find((problem) => problem !== undefined),
    types: [...new Set(arrivals.map(({ type }) => type))],
    *draw(_, durationMillis) {
      for (const arrival of sorted) {
        if (arrival.atMillis > durationMillis) return
        yield arrival
      }
    }
  }
}

/** A Poisson process whose rate changes, by thinning one of the highest rate (P. A. W. Lewis and G. S. Shedler, 1979). */
const curve = (
  name: string,
  highest: number,
  rateAt: (atMillis: number, durationMillis: number) => number,
  numbers: Readonly<Record<string, number>>
): Arrivals => ({
  name,
  invalid: checks.allFinite(numbers),
  types,
  rateAt,
  *draw({ exponential, uniform }, durationMillis) {
    let atMillis = 0
    for (;;) {
      atMillis += (exponential() * 1000) / highest
      if (!(atMillis <= durationMillis)) return
      if (uniform() * highest < rateAt(atMillis, durationMillis)) yield { atMillis, type }
    }
  }
})

/** As on the command line: `30s`. */
const span = (millis: number): string => (millis % 1000 === 0 ? `${millis / 1000}s` : `${millis}ms`)
