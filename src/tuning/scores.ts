/** What simulations of the same settings come to together: the value of each target, and what they cost. */
import { Histogram } from "../simulation/histogram.ts"
import type { Mark, Measured } from "./measure.ts"
import { excessOf, type Target } from "./target.ts"

/** What is to be little: the number of workers over time, or at its highest. */
export type Cost = "worker-seconds" | "peak"

/** What settings came to: what they cost, and what each target asks for. */
export interface Score {
  /** Workers: on average, or the most of a second. */
  readonly cost: number
  readonly meanWorkers: number
  readonly peakWorkers: number
  /** Of each target. `undefined`: there was no such request. */
  readonly values: ReadonlyArray<number | undefined>
  /** Of how many requests each target speaks. */
  readonly counts: ReadonlyArray<number>
  /** The highest of all targets, see `excessOf`: at most 1 where all are kept. */
  readonly excess: number
}

/** How much each part stands for. */
export interface Weighted {
  readonly measured: Measured
  readonly weight: number
}

/** It stands for itself alone. */
export const once = (measured: Measured): Weighted => ({ measured, weight: 1 })

export const scoreOf = (parts: ReadonlyArray<Weighted>, targets: ReadonlyArray<Target>, cost: Cost): Score => {
  let [millis, workerMillis, peakWorkers] = [0, 0, 0]
  for (const { measured, weight } of parts) {
    millis += weight * measured.millis
    workerMillis += weight * measured.workerMillis
    peakWorkers = Math.max(peakWorkers, measured.peak)
  }
  const meanWorkers = millis === 0 ? 0 : workerMillis / millis
  const values = targets.map((target, n) =>
    valueOf(
      target,
      parts.map(({ measured, weight }) => ({ mark: measured.marks[n]!, weight }))
    )
  )
  const counts = targets.map((_, n) =>
    parts.reduce((sum, { measured, weight }) => sum + weight * measured.marks[n]!.count, 0)
  )
  const excesses = targets.map((target, n) => (values[n] === undefined ? 0 : excessOf(target, values[n]!)))
  return {
    cost: cost === "peak" ? peakWorkers : meanWorkers,
    meanWorkers,
    peakWorkers,
    values,
    counts,
    excess: Math.max(0, ...excesses)
  }
}

const valueOf = (
  { measure }: Target,
  marks: ReadonlyArray<{ readonly mark: Mark; readonly weight: number }>
): number | undefined => {
  if (measure.kind === "share") {
    let [count, hits] = [0, 0]
    for (const { mark, weight } of marks) {
      count += weight * mark.count
      hits += weight * mark.hits!
    }
    return count === 0 ? undefined : hits / count
  }
  const times = new Histogram()
  for (const { mark, weight } of marks) times.addSparse(mark.times!, weight)
  if (times.count === 0) return undefined
  return measure.quantile === "mean" ? times.mean : times.quantile(measure.quantile)
}

/** A value from several draws: their mean, and a 95 % interval of it (Student's t). */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

export const intervalOf = (values: ReadonlyArray<number>): Interval => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, low: mean, high: mean }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  const half =
    (student[Math.min(values.length - 2, student.length - 1)]! * Math.sqrt(variance)) / Math.sqrt(values.length)
  return { mean, low: mean - half, high: mean + half }
}

/** Of 1, 2, 3 ... degrees of freedom, 97.5 %. */
const student = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]
