/** Loads made of loads: whose requests are, how urgent they are, and several at once. */
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import { invalidPriority } from "../RequestPolicy.ts"
import type { Arrival, Arrivals } from "./arrivals.ts"

/** A value, and how often it occurs against the others. */
export interface Share<A> {
  /** What those have that are given it. */
  readonly value: A
  /** Above zero. Default `1`. */
  readonly share?: number | undefined
}

/** What the requests of a load have besides: always the same, or at random by their shares. */
export interface Labels {
  /** The tag. Default: as it is. */
  readonly type?: string | undefined
  /** Whose they are. Default: as it is. */
  readonly key?: string | ReadonlyArray<Share<string>> | undefined
  /** How urgent they are, from -10 to 10, higher first. Default: as it is. */
  readonly priority?: number | ReadonlyArray<Share<number>> | undefined
}

/** The same arrivals with a type, keys or priorities of these. They come at the same instants as without. */
export const labelled = (arrivals: Arrivals, { key, priority, type }: Labels): Arrivals => {
  const keys = sharesOf(key)
  const priorities = sharesOf(priority)
  return {
    ...arrivals,
    invalid:
      arrivals.invalid ??
      invalidShares("key", keys) ??
      invalidShares("priority", priorities) ??
      priorities?.map(({ value }) => invalidPriority("priority", value)).find((problem) => problem !== undefined),
    types: type === undefined ? arrivals.types : [type],
    *draw(draw, durationMillis) {
      const keyOf = picker(keys, draw.of("key").uniform)
      const priorityOf = picker(priorities, draw.of("priority").uniform)
      for (const arrival of arrivals.draw(draw, durationMillis)) {
        yield {
          atMillis: arrival.atMillis,
          type: type ?? arrival.type,
          key: keyOf?.() ?? arrival.key,
          priority: priorityOf?.() ?? arrival.priority
        }
      }
    }
  }
}

/** All of these loads together. Each is drawn for itself; of two at one instant the one of the first load comes first. */
export const merge = (...all: readonly [Arrivals, ...ReadonlyArray<Arrivals>]): Arrivals => {
  const [only] = all
  if (all.length === 1) return only
  const rates = all.flatMap(({ rateAt }) => rateAt ?? [])
  return {
    name: all.map(({ name }) => name).join(" and "),
    invalid: all.find(({ invalid }) => invalid !== undefined)?.invalid,
    types: [...new Set(all.flatMap(({ types }) => types))],
    ...(rates.length === all.length
      ? { rateAt: (at, duration) => rates.reduce((sum, rateAt) => sum + rateAt(at, duration), 0) }
      : {}),
    *draw(draw, durationMillis) {
      const comings = all.map((arrivals, n) => {
        const iterator = arrivals.draw(draw.of(String(n)), durationMillis)[Symbol.iterator]()
        return { iterator, next: nextOf(iterator) }
      })
      for (;;) {
        let first = comings[0]!
        for (const coming of comings) if (atOf(coming.next) < atOf(first.next)) first = coming
        if (first.next === undefined) return
        yield first.next
        first.next = nextOf(first.iterator)
      }
    }
  }
}

const nextOf = (iterator: Iterator<Arrival>): Arrival | undefined => {
  const { done, value } = iterator.next()
  return done === true ? undefined : value
}

const atOf = (arrival: Arrival | undefined): number => arrival?.atMillis ?? Infinity

const sharesOf = <A extends string | number>(
  values: A | ReadonlyArray<Share<A>> | undefined
): ReadonlyArray<Share<A>> | undefined =>
  values === undefined || Array.isArray(values) ? (values as undefined) : [{ value: values as A }]

const invalidShares = (
  field: string,
  shares: ReadonlyArray<Share<unknown>> | undefined
): InvalidPoolConfig | undefined =>
  shares?.length === 0
    ? checks.wrong(field, "at least one", "none")
    : shares
        ?.map(({ share = 1 }) => checks.finite("share", share) ?? checks.above(0)("share", share))
        .find((problem) => problem !== undefined)

const picker = <A>(shares: ReadonlyArray<Share<A>> | undefined, uniform: () => number): (() => A) | undefined => {
  if (shares === undefined) return undefined
  const [only] = shares
  if (shares.length === 1) return () => only!.value
  let sum = 0
  const until = shares.map(({ share = 1 }) => (sum += share))
  return () => {
    const at = uniform() * sum
    let [low, high] = [0, until.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (at < until[middle]!) high = middle
      else low = middle + 1
    }
    return shares[low]!.value
  }
}
