/** How far a simulation of a recording was from what really happened. */
import { percent, time } from "../output/numbers.ts"
import type { Simulated } from "./simulate.ts"

type Figures = Simulated["figures"]

/** As shares of what really happened. */
export interface Off {
  readonly waitMean: number
  readonly waitP99: number
  /** `null`: the recording does not say how long there were workers. */
  readonly workerSeconds: number | null
}

type Range = readonly [least: number, most: number]

/** What the same simulation comes to when its scaler looks a little earlier or later. */
export interface Looked {
  readonly waitMean: Range
  readonly waitP99: Range
  readonly workerSeconds: Range
  /** How far what really happened is from these: 0 within them. */
  readonly off: Off
}

export interface Verdict {
  readonly off: Off
  /** Not there: it does not matter when it looks. */
  readonly looked?: Looked | undefined
  readonly isWithin: boolean
  readonly sentence: string
}

/** Below this nobody notices a difference: shorter waits count as this long. */
const leastMillis = 10

/**
 * `others` are simulations that differ in nothing but when the scaler looks, and `how` says by how much. Chance alone makes them differ,
 * and what really happened is one more of them: it is compared with all.
 */
export const judge = (
  { figures, policy }: Simulated,
  really: Figures,
  bound: number,
  others: ReadonlyArray<Figures> = [],
  how = ""
): Verdict => {
  const off = offOf([figures], really)
  const parts = [
    `${percent(off.waitMean)} in the mean wait (${time(figures.wait.mean)}, really ${time(really.wait.mean)})`,
    `${percent(off.waitP99)} in its 99th percentile (${time(figures.wait.p99)}, really ${time(really.wait.p99)})`,
    ...(off.workerSeconds === null
      ? []
      : [
          `${percent(off.workerSeconds)} in worker-seconds (${Math.round(figures.workerSeconds)}, really ${Math.round(really.workerSeconds)})`
        ])
  ]
  const single = `${policy} is off by ${listed(parts)}`
  if (others.length === 0) {
    const isWithin = farthest(off) <= bound
    return { off, isWithin, sentence: `${single}, ${verdictOf(isWithin)} ${percent(bound)}.` }
  }
  const all = [figures, ...others]
  const looked: Looked = {
    waitMean: rangeOf(all, waitMean),
    waitP99: rangeOf(all, waitP99),
    workerSeconds: rangeOf(all, workerSeconds),
    off: offOf(all, really)
  }
  const isWithin = farthest(looked.off) <= bound
  const ranges = [
    `a mean wait of ${between(looked.waitMean, time)}`,
    `a 99th percentile of ${between(looked.waitP99, time)}`,
    ...(off.workerSeconds === null ? [] : [`${between(looked.workerSeconds, rounded)} worker-seconds`])
  ]
  return {
    off,
    looked,
    isWithin,
    sentence: `${single}. It comes to ${listed(ranges)} ${how}; what happened is ${percent(farthest(looked.off))} from that, ${verdictOf(isWithin)} ${percent(bound)}.`
  }
}

const waitMean = ({ wait }: Figures): number => wait.mean
const waitP99 = ({ wait }: Figures): number => wait.p99
const workerSeconds = (figures: Figures): number => figures.workerSeconds

const rangeOf = (all: ReadonlyArray<Figures>, figure: (figures: Figures) => number): Range => {
  const values = all.map(figure)
  return [Math.min(...values), Math.max(...values)]
}

const offOf = (all: ReadonlyArray<Figures>, really: Figures): Off => {
  const off = (figure: (figures: Figures) => number, least: number) => {
    const [from, to] = rangeOf(all, figure)
    const happened = figure(really)
    return Math.max(0, from - happened, happened - to) / Math.max(least, happened)
  }
  return {
    waitMean: off(waitMean, leastMillis),
    waitP99: off(waitP99, leastMillis),
    workerSeconds: really.workerSeconds === 0 ? null : off(workerSeconds, 0)
  }
}

const farthest = (off: Off): number => Math.max(off.waitMean, off.waitP99, off.workerSeconds ?? 0)

const verdictOf = (isWithin: boolean): string => (isWithin ? "within" : "which is not within")

const listed = (parts: ReadonlyArray<string>): string => `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`

const between = ([from, to]: Range, show: (value: number) => string): string =>
  show(from) === show(to) ? show(from) : `${show(from)} to ${show(to)}`

const rounded = (value: number): string => String(Math.round(value))
