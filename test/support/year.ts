/** A year of ticks, told by a walk through its quarters of an hour that knows nothing of `Cron`, nor of how the pool does it. */
import type { Recurring } from "../../src/index.ts"

export const minute = 60_000
export const quarter = 15 * minute
export const hour = 60 * minute
export const day = 24 * hour
export const begin = Date.UTC(2026, 0, 1)
export const year = 365 * day

/** How far local time is ahead of UTC, from each instant on. */
export interface Zone {
  readonly name: string
  readonly ahead: ReadonlyArray<readonly [from: number, millis: number]>
}

/** From 2:00 to 3:00, and from 3:00 back to 2:00. */
export const berlin: Zone = {
  name: "Europe/Berlin",
  ahead: [
    [-Infinity, hour],
    [Date.UTC(2026, 2, 29, 1), 2 * hour],
    [Date.UTC(2026, 9, 25, 1), hour]
  ]
}
/** In the south, and by half an hour: from 2:00 back to 1:30, and from 2:00 to 2:30. */
export const lordHowe: Zone = {
  name: "Australia/Lord_Howe",
  ahead: [
    [-Infinity, 11 * hour],
    [Date.UTC(2026, 3, 4, 15), 10.5 * hour],
    [Date.UTC(2026, 9, 3, 15, 30), 11 * hour]
  ]
}

/**
 * When these times of day come. One that a change of clock leaves out comes when it would have come without the change, and of two that come
 * in one day the first does, or `both`.
 */
export const ticksOf = (zone: Zone, times: ReadonlyArray<string>, both: boolean): ReadonlyArray<number> => {
  const ticks = new Set<number>()
  const seen = new Set<string>()
  const until = begin + year + 30 * day
  const aheadAt = (at: number) => zone.ahead.findLast(([from]) => from <= at)![1]
  for (let at = begin; at < until; at += quarter) {
    const [date, time] = new Date(at + aheadAt(at)).toISOString().slice(0, 16).split("T")
    if (!times.includes(time!) || (!both && seen.has(`${date} ${time}`))) continue
    seen.add(`${date} ${time}`)
    ticks.add(at)
  }
  for (let date = begin + day; date < until - 2 * day; date += day) {
    for (const time of times) {
      const local = `${new Date(date).toISOString().slice(0, 10)}T${time}`
      if (!seen.has(local.replace("T", " "))) ticks.add(Date.parse(`${local}Z`) - aheadAt(date - day))
    }
  }
  return [...ticks].toSorted((a, b) => a - b)
}

/** Somebody sets the wall clock when it shows `at`, or the machine sleeps meanwhile. */
export interface Leap {
  readonly at: number
  readonly by: number
}

export interface Policy {
  readonly overlap: Recurring.Overlap
  readonly missed: Recurring.Missed
  readonly maxPending: number
}

/**
 * What is begun, and when, in milliseconds of the year that is lived; and what becomes of the other ticks. One runs after the other, each for `lasts`, and is asked for when it begins. A
 * quarter of an hour is the least that a tick which is late is late by, and so each of those was missed.
 */
export const walk = (
  ticks: ReadonlyArray<number>,
  leaps: ReadonlyArray<Leap>,
  lasts: (tick: number) => number,
  { maxPending, missed, overlap }: Policy
) => {
  const begun: Array<readonly [tick: number, at: number]> = []
  const counts = { asked: 0, waiting: 0, skipped: 0, missed: 0, replaced: 0, refused: 0 }
  /** When those that have not ended will. */
  let ends: Array<number> = []
  let set = 0
  let leapt = 0
  let next = ticks.findIndex((tick) => tick > begin)
  for (let lived = 0; lived <= year; lived += quarter) {
    while (set < leaps.length && begin + lived + leapt > leaps[set]!.at) leapt += leaps[set++]!.by
    const now = begin + lived + leapt
    const due: Array<number> = []
    while (ticks[next]! <= now) due.push(ticks[next++]!)
    const tick = due.pop()
    if (tick === undefined) continue
    counts.missed += due.length
    if (tick < now && missed === "skip") {
      counts.missed++
      continue
    }
    ends = ends.filter((end) => end > lived)
    if (ends.length > (overlap === "skip" ? 0 : overlap === "queue" ? maxPending : Infinity)) {
      counts.skipped++
      continue
    }
    if (overlap === "replace") {
      counts.replaced += ends.length
      ends = []
    }
    const begins = Math.max(lived, ends.at(-1) ?? 0)
    ends.push(begins + lasts(tick))
    if (begins > year) counts.waiting++
    else {
      counts.asked++
      begun.push([tick, begins])
    }
  }
  return { begun, counts }
}
