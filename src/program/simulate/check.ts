/** How far a simulation of a recording was from what really happened. */
import { duration } from "../output/duration.ts"
import type { Simulated } from "./simulate.ts"

/** As shares of what really happened. */
export interface Off {
  readonly waitMean: number
  readonly waitP99: number
  /** `null`: the recording does not say how long there were workers. */
  readonly workerSeconds: number | null
}

export interface Verdict {
  readonly off: Off
  readonly isWithin: boolean
  readonly sentence: string
}

/** Below this nobody notices a difference: shorter waits count as this long. */
const leastMillis = 10

export const judge = ({ figures, policy }: Simulated, really: Simulated["figures"], bound: number): Verdict => {
  const offWait = (figure: "mean" | "p99") =>
    Math.abs(figures.wait[figure] - really.wait[figure]) / Math.max(leastMillis, really.wait[figure])
  const off: Off = {
    waitMean: offWait("mean"),
    waitP99: offWait("p99"),
    workerSeconds:
      really.workerSeconds === 0 ? null : Math.abs(figures.workerSeconds - really.workerSeconds) / really.workerSeconds
  }
  const farthest = Math.max(off.waitMean, off.waitP99, off.workerSeconds ?? 0)
  const isWithin = farthest <= bound
  const parts = [
    `${percent(off.waitMean)} in the mean wait (${time(figures.wait.mean)}, really ${time(really.wait.mean)})`,
    `${percent(off.waitP99)} in its 99th percentile (${time(figures.wait.p99)}, really ${time(really.wait.p99)})`,
    ...(off.workerSeconds === null
      ? []
      : [
          `${percent(off.workerSeconds)} in worker-seconds (${Math.round(figures.workerSeconds)}, really ${Math.round(really.workerSeconds)})`
        ])
  ]
  const verdict = isWithin ? "within" : "which is not within"
  return { off, isWithin, sentence: `${policy} is off by ${listed(parts)}, ${verdict} ${percent(bound)}.` }
}

const listed = (parts: ReadonlyArray<string>): string => `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`

const time = (millis: number): string =>
  millis < 1000
    ? `${Number(millis.toPrecision(3))} ms`
    : millis < 60_000
      ? `${Number((millis / 1000).toPrecision(3))} s`
      : duration(millis / 1000)
