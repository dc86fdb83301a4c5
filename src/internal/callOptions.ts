/** What the options of a call say, read into what is its request's own; and what functions of the user's say of it. */
import { Clock, Context, Result } from "effect"
import type * as Call from "../Call.ts"
import type { InvalidRequestOption } from "../PoolError.ts"
import * as RequestPolicy from "../RequestPolicy.ts"
import * as checks from "./checks.ts"
import type { Core } from "./core.ts"
import { primaryKeyOf } from "./idOwner.ts"
import type { Details, Route } from "./request.ts"
import { millisUntil, startTimeOf } from "./startTime.ts"

export type InvalidOption = Pick<InvalidRequestOption, "field" | "expected" | "actual">

type Parts = Pick<Core, "context" | "groups" | "now">

/** Writes them into `details`, or answers what is wrong with them. */
export const readOptions = (
  options: Call.Options,
  route: Route,
  payload: unknown,
  details: Details,
  parts: Parts
): InvalidOption | undefined =>
  readFields(options, route, payload, details, parts) ?? readStart(options, details, parts)

/** What a function of the user's says, if it is a text. */
export const textOf = (field: string, say: () => unknown): string | undefined | InvalidOption => {
  try {
    const said = say()
    if (said === undefined || typeof said === "string") return said
    return { field, expected: "a function that gives a text, or undefined", actual: typeof said }
  } catch {
    return { field, expected: "a function that gives a text, or undefined", actual: "it has thrown" }
  }
}

/** What the payload's class says. All that say an empty one would be one. */
export const ownKeyOf = (payload: unknown): string | undefined | InvalidOption => {
  const key = textOf("primaryKey", () => primaryKeyOf(payload))
  return key === ""
    ? { field: "primaryKey", expected: "a function that gives a text, not an empty one", actual: '""' }
    : key
}

/** It is to be a duplicate, and does not say of what. */
export const unnamed = (duplicate: RequestPolicy.Duplicate) =>
  checks.wrong("primaryKey", `a text that says of what it is a duplicate, with \`duplicate\` "${duplicate}"`, undefined)

/** What a caller gives may throw when it is read; that is its mistake like any other. */
const readFields = (
  options: Call.Options,
  route: Route,
  payload: unknown,
  details: Details,
  { groups }: Parts
): InvalidOption | undefined => {
  try {
    const resolved = RequestPolicy.resolve(options, route.policy)
    if (Result.isFailure(resolved)) return resolved.failure
    details.policy = resolved.success
    const { group, id, primaryKey } = options
    const invalid = notAText("id", id) ?? notAText("primaryKey", primaryKey) ?? notAText("group", group)
    if (invalid !== undefined) return invalid
    details.id = id
    details.primaryKey = primaryKey
    const duplicate = duplicateOf(options, resolved.success)
    if (duplicate !== undefined && primaryKey === undefined) {
      const own = ownKeyOf(payload)
      if (own === undefined) return unnamed(duplicate)
      if (typeof own === "string") details.primaryKey = own
    }
    if (group !== undefined) details.group = groups.of(group)
    return undefined
  } catch {
    return {
      field: "options",
      expected: "an object whose fields can be read",
      actual: String(options && typeof options)
    }
  }
}

/** When it is to start. A date is that of the clock which shows it now. */
const readStart = (options: Call.Options, details: Details, { context, now }: Parts): InvalidOption | undefined => {
  try {
    if (options.delay === undefined && options.startAt === undefined) return undefined
    const start = startTimeOf(options)
    if (Result.isFailure(start)) return start.failure
    if (start.success === undefined) return undefined
    const millis = millisUntil(start.success, Context.get(context, Clock.Clock).currentTimeMillisUnsafe())
    if (millis > 0) details.startsAt = now() + millis
    return undefined
  } catch {
    return { field: "startAt", expected: "a date", actual: "one that cannot be read" }
  }
}

/** What the call itself wants to be to its like. Where only its Rpc or group says so, one without a primary key is like none. */
const duplicateOf = (
  { debounce, debounceAtMost, duplicate }: Call.Options,
  resolved: RequestPolicy.Resolved
): RequestPolicy.Duplicate | undefined =>
  (duplicate ?? debounce ?? debounceAtMost) === undefined || resolved.duplicate === "allow"
    ? undefined
    : resolved.duplicate

/** What is given has to be one, and not an empty one. */
export const notAText = (field: string, text: unknown): InvalidOption | undefined =>
  text === undefined || (typeof text === "string" && text !== "")
    ? undefined
    : { field, expected: "a text that is not empty", actual: text === "" ? '""' : typeof text }
