/** Calls that recur on a pool, as they are shown. */
import { DateTime, Effect } from "effect"
import { Recurring, type WorkerPool } from "../index.ts"

/** The next one first, and those that tick no more last. */
export const recurringOf = (pool: WorkerPool.WorkerPool["Service"]) =>
  Effect.map(Recurring.of(pool), (views) => views.toSorted((a, b) => next(a) - next(b)).map(shown))

const next = ({ nextEpochMillis = Number.MAX_VALUE }: Recurring.RecurringView): number => nextEpochMillis

const shown = ({ last, name, nextEpochMillis }: Recurring.RecurringView) => ({
  name,
  nextAt: nextEpochMillis === undefined ? null : iso(nextEpochMillis),
  last: last === undefined ? null : { at: iso(last.atEpochMillis), result: last.result }
})

const iso = (epochMillis: number): string => DateTime.formatIso(DateTime.makeUnsafe(epochMillis))
