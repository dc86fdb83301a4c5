/** The seconds of a run as lines to draw, with no more points than can be seen. */
import type * as Simulation from "../../Simulation.ts"

/** A line with more points than this has more than a picture has room for. */
const pointLimit = 600

export interface Series {
  readonly arrived: Points
  readonly workers: Points
  readonly backlog: Points
  readonly waitP95: Points
  /** Nothing where nobody said for how long an answer is worth something. */
  readonly good: Points
}

export type Points = ReadonlyArray<readonly [atSeconds: number, value: number]>

type Window = Pick<Simulation.Window, "fromMillis" | "arrived" | "workers" | "backlog" | "waitP95" | "good">

/** How many seconds share a point, for a run that lasts so many. */
export const secondsPerPoint = (seconds: number): number => Math.max(1, Math.ceil(seconds / pointLimit))

/** Means over the seconds that share a point; of the backlog the highest. */
export const seriesOf = (windows: ReadonlyArray<Window>, each: number): Series => {
  const groups = Array.from({ length: Math.ceil(windows.length / each) }, (_, n) =>
    windows.slice(n * each, (n + 1) * each)
  )
  const points = (value: (windows: ReadonlyArray<Window>) => number): Points =>
    groups.map((group) => [group[0]!.fromMillis / 1000, Number(value(group).toPrecision(5))])
  return {
    arrived: points((group) => mean(group, ({ arrived }) => arrived)),
    workers: points((group) => mean(group, ({ workers }) => workers)),
    backlog: points((group) => Math.max(...group.map(({ backlog }) => backlog))),
    waitP95: points((group) => mean(group, ({ waitP95 }) => waitP95)),
    good: windows.some(({ good }) => good !== undefined) ? points((group) => mean(group, ({ good = 0 }) => good)) : []
  }
}

const mean = (group: ReadonlyArray<Window>, value: (window: Window) => number): number =>
  group.reduce((sum, window) => sum + value(window), 0) / group.length
