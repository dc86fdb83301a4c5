/** Other bounds at other times of the day. */
import { DateTime, Option } from "effect"
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import { around, within } from "./combine.ts"
import type { ScalingPolicy } from "./policy.ts"

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const

/** Bounds for a time of the day. */
export interface ScheduleEntry {
  /** Hours and minutes, `"08:00"`; from `from` on, until just before `to`. An entry whose `to` is not later goes over midnight. */
  readonly from: string
  /** The first minute at which it no longer holds, `"18:00"`. */
  readonly to: string
  /** The days on which it begins. Default: every day. */
  readonly days?: ReadonlyArray<(typeof days)[number]> | undefined
  /** A whole number, at least 0. Default 0. */
  readonly minWorkers?: number | undefined
  /** A whole number, at least `minWorkers`. Default: no bound. */
  readonly maxWorkers?: number | undefined
}

/**
 * The bounds of the first entry whose time it is; outside all of them the policy is left alone. `timeZone` is an IANA
 * name, default `"UTC"`; the day is that of the zone, with its summer time.
 */
export const schedule = (
  policy: ScalingPolicy,
  entries: ReadonlyArray<ScheduleEntry>,
  options: { readonly timeZone?: string | undefined } = {}
): ScalingPolicy => {
  const { timeZone = "UTC" } = options
  const zone = DateTime.zoneMakeNamed(timeZone)
  return around(
    policy,
    (proposal, { epochMillis }) => {
      const { hour, minute, weekDay } = DateTime.toParts(
        DateTime.setZone(DateTime.makeUnsafe(epochMillis), Option.getOrThrow(zone))
      )
      const entry = entries.find((entry) => isNow(entry, weekDay, 60 * hour + minute))
      return entry === undefined ? proposal : within(proposal, entry.minWorkers ?? 0, entry.maxWorkers ?? Infinity)
    },
    Option.isNone(zone)
      ? checks.wrong("timeZone", "the name of a time zone", timeZone)
      : entries.map(problemOf).find((problem) => problem !== undefined)
  )
}

const isNow = ({ days: on, from, to }: ScheduleEntry, today: number, now: number): boolean => {
  const begins = minutesOf(from)!
  const ends = minutesOf(to)!
  const isOn = (day: number) => on === undefined || on.includes(days[(day + 7) % 7]!)
  return begins < ends
    ? isOn(today) && now >= begins && now < ends
    : (isOn(today) && now >= begins) || (isOn(today - 1) && now < ends)
}

const minutesOf = (time: string): number | undefined => {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time)
  return found === null ? undefined : 60 * Number(found[1]) + Number(found[2])
}

const problemOf = (entry: ScheduleEntry): InvalidPoolConfig | undefined => {
  for (const field of ["from", "to"] as const) {
    if (minutesOf(entry[field]) === undefined) return checks.wrong(field, `a time of day such as "08:00"`, entry[field])
  }
  const day = entry.days?.find((day) => !days.includes(day))
  if (day !== undefined) return checks.oneOf(...days)("days", day)
  const { maxWorkers = Infinity, minWorkers = 0 } = entry
  return (
    checks.wholeFrom(0)("minWorkers", minWorkers) ??
    (maxWorkers === Infinity ? undefined : checks.bounds(minWorkers, maxWorkers))
  )
}
