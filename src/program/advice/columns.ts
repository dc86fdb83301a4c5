/** What settings came to over the load that was heard: a column of the advice for each. */
import type { Advice, Levers } from "../../http/advisor.ts"
import { endOf } from "../../recording/reality.ts"
import { isLoad, type Recorded } from "../../recording/recorded.ts"
import type { Heard } from "../../recording/recent.ts"
import * as Tuning from "../../Tuning.ts"
import { Tally } from "../../tuning/measure.ts"
import { once, type Score, scoreOf } from "../../tuning/scores.ts"

export type Column = Advice["columns"][number]

/** `settings`: `null` where nobody knows them for all of the time. */
export const columnOf =
  ({ durationMillis, targets }: Pick<Tuning.Report, "durationMillis" | "targets">) =>
  (of: Column["of"], settings: Column["settings"], { excess, meanWorkers, peakWorkers, values }: Score): Column => ({
    of,
    settings,
    workers: round(meanWorkers),
    mostWorkers: round(peakWorkers),
    workerSeconds: round((meanWorkers * durationMillis) / 1000),
    targets: targets.map((target, n) => {
      const value = values[n]
      return {
        target: target.text,
        value: value === undefined || !Number.isFinite(value) ? null : Math.round(value * 1e6) / 1e6,
        shown: value === undefined ? "-" : Tuning.shown(target, value),
        kept: value === undefined || Tuning.isKept(target, value)
      }
    }),
    keeps: excess <= 1
  })

/** What `PATCH /pool` can change of settings. */
export const leversOf = ({ maxWorkers, minWorkers, policy }: Tuning.Settings): Levers => ({
  policy: Tuning.policyText(policy),
  minWorkers,
  maxWorkers
})

/** What really was. The workers are those that the pool told; all else is of the requests that have ended. */
export const realityOf = (
  recorded: Iterable<Recorded>,
  { workers }: Heard,
  { cost, durationMillis, targets }: Pick<Tuning.Report, "cost" | "durationMillis" | "targets">
): Score => {
  const tally = new Tally(targets, 0)
  let index = 0
  for (const { atMillis, attempts, end, endedAtMillis, key, priority, type } of recorded) {
    if (!isLoad(end)) continue
    const [first] = attempts
    tally.add({
      index: index++,
      atMillis,
      type,
      ...(key === undefined ? {} : { key }),
      ...(priority === undefined ? {} : { priority }),
      serviceMillis: first?.millis ?? 0,
      luck: 0,
      startedAt: first?.startedAtMillis,
      end: endOf(end),
      endedAt: endedAtMillis
    })
  }
  const measured = {
    ...tally.finish([], durationMillis),
    workerMillis: workers.mean * durationMillis,
    peak: workers.most
  }
  return scoreOf([once(measured)], targets, cost)
}

const round = (value: number): number => Math.round(value * 100) / 100
