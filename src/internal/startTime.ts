/** When a call wants to start: in its words, and as the pool reads them. */
import { DateTime, Option, Result } from "effect"
import type { Options } from "../Call.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import * as checks from "./checks.ts"

/** So long after the call, or at that date; of a date that is past no more is known here. */
export type StartTime =
  | { readonly _tag: "Delay"; readonly millis: number }
  | { readonly _tag: "Date"; readonly epochMillis: number }

/** `undefined`: at once. */
export const startTimeOf = ({
  delay,
  startAt
}: Pick<Options, "delay" | "startAt">): Result.Result<StartTime | undefined, InvalidPoolConfig> => {
  if (startAt === undefined) {
    if (delay === undefined) return Result.succeed(undefined)
    const millis = checks.millis("delay", delay, 0)
    if (typeof millis !== "number") return Result.fail(millis)
    return Result.succeed(millis === 0 ? undefined : { _tag: "Delay", millis })
  }
  if (delay !== undefined) return Result.fail(checks.wrong("startAt", "no startAt beside a delay", startAt))
  const date = dateOf(startAt)
  if (date === undefined) return Result.fail(checks.wrong("startAt", "a date", startAt))
  return Result.succeed({ _tag: "Date", epochMillis: date })
}

/** Whole milliseconds from now on, by a wall clock that shows so much. It is read once: whatever it is set to later moves nothing. */
export const millisUntil = (start: StartTime, wallMillis: number): number =>
  start._tag === "Delay" ? start.millis : Math.max(0, Math.ceil(start.epochMillis - wallMillis))

/**
 * The date of a text that comes from outside, as RFC 3339 writes it, with its offset: `2026-12-24T18:00:00Z`. A text without one would
 * mean another date on another machine.
 */
export const dateOfText = (text: string): DateTime.DateTime | undefined => {
  if (!/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text)) return undefined
  return Option.getOrUndefined(DateTime.make(text))
}

export const expectedDate = "a date with its offset, such as 2026-12-24T18:00:00Z"

/** Nothing but an object may be given that is none: it may throw when it is read. */
const dateOf = (value: unknown): number | undefined => {
  if (value === null || typeof value === "boolean" || (typeof value === "object" && !isDate(value))) return undefined
  const date = Option.getOrUndefined(DateTime.make(value as DateTime.DateTime.Input))
  const millis = date === undefined ? Number.NaN : DateTime.toEpochMillis(date)
  return Number.isFinite(millis) ? millis : undefined
}

/** What has no year would be one of 1970: parts of none, and what other libraries have for a date. */
const isDate = (value: object): boolean =>
  value instanceof Date ||
  DateTime.isDateTime(value) ||
  "epochMilliseconds" in value ||
  ("year" in value && typeof value.year === "number")
