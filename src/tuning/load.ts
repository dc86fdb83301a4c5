/** The load that a pool is tuned for, drawn once for each seed, and parts of it as loads of their own. */
import type { Arrival, Arrivals } from "../simulation/arrivals.ts"
import { makeDraw } from "../simulation/random.ts"
import type { ServiceTimes } from "../simulation/serviceTimes.ts"
import type { Options } from "../Simulation.ts"

/** What a load is made of: the same as for a simulation. */
export interface Load {
  readonly arrivals: Arrivals
  readonly service: ServiceTimes
  readonly failures?: Options["failures"]
  readonly downstream?: Options["downstream"]
}

/** From the one instant to the other, in milliseconds since the start of the load. */
export interface Span {
  readonly fromMillis: number
  readonly toMillis: number
}

/** A load that remembers what it drew last: a search asks for many parts of the same. */
export class DrawnLoad {
  private seed: string | undefined
  private drawn: ReadonlyArray<Arrival> = []
  readonly load: Load
  private readonly durationMillis: number

  constructor(load: Load, durationMillis: number) {
    this.load = load
    this.durationMillis = durationMillis
  }

  /** All arrivals of this seed, in their order. */
  arrivals(seed: string): ReadonlyArray<Arrival> {
    if (this.seed !== seed) {
      this.drawn = [...this.load.arrivals.draw(makeDraw(`${seed}/arrivals`), this.durationMillis)]
      this.seed = seed
    }
    return this.drawn
  }

  /** Those from one instant until before another, as a load that begins at the first. */
  part(seed: string, { fromMillis, toMillis }: Span): Arrivals {
    const all = this.arrivals(seed)
    const { durationMillis } = this
    const { name, types } = this.load.arrivals
    return {
      name,
      types,
      *draw() {
        for (let n = firstFrom(all.length, (n) => all[n]!.atMillis, fromMillis); n < all.length; n++) {
          const arrival = all[n]!
          // The last instant of the load belongs to it.
          if (arrival.atMillis >= toMillis && toMillis < durationMillis) return
          yield { ...arrival, atMillis: arrival.atMillis - fromMillis }
        }
      }
    }
  }
}

/** Of so many instants in their order, the place of the first that is not before this one. */
export const firstFrom = (count: number, at: (n: number) => number, millis: number): number => {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >> 1
    if (at(middle) < millis) low = middle + 1
    else high = middle
  }
  return low
}
