/** What a client asks for in headers and in the query of a request. */
import type { Call } from "../index.ts"
import { RequestPolicy, RetryPolicy } from "../index.ts"
import { dateOfText, expectedDate } from "../internal/startTime.ts"
import { expectedKey, isKey, priorityOf, urgencyPriority } from "./keys.ts"
import { invalid, type Problem, unknownOption } from "./problem.ts"

/**
 * The seconds of `Prefer: wait=SECONDS` (RFC 7240), at most `most`; `undefined` without one. A preference that cannot be
 * understood is passed over, as that standard demands, and of several the first counts.
 */
export const waitSeconds = (prefer: string | ReadonlyArray<string> | undefined, most: number): number | undefined => {
  if (prefer === undefined) return undefined
  // As nearly all write it; the grammar in full costs more.
  const text = String(prefer)
  const value = /^wait=(\d+)$/.exec(text)?.[1] ?? preferenceOf(text, "wait")
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), most) : undefined
}

const token = "[!#$%&'*+.^_`|~\\w-]+"
/** A preference or one of its parameters, with its value if it has one, and what stands behind it. */
const part = new RegExp(`\\s*(?:(${token})(?:\\s*=\\s*(?:(${token})|"((?:[^"\\\\]|\\\\.)*)"))?)?\\s*([,;]|$)`, "y")

/** The value of the first preference of that name. What follows one that is written wrong is not looked at. */
const preferenceOf = (prefer: string, name: string): string | undefined => {
  let isParameter = false
  part.lastIndex = 0
  for (;;) {
    const [, found, value, quoted, delimiter] = part.exec(prefer) ?? []
    if (!isParameter && found?.toLowerCase() === name) return value ?? quoted?.replaceAll(/\\(.)/g, "$1") ?? ""
    if (delimiter === undefined || delimiter === "") return undefined
    isParameter = delimiter === ";"
  }
}

/** The `Idempotency-Key`, without the quotes that its draft standard wants around it. */
export const idempotencyKey = (header: string | ReadonlyArray<string> | undefined): string | Problem | undefined => {
  if (header === undefined) return undefined
  const key = String(header).replace(/^"(.*)"$/, "$1")
  return /^[\x21-\x7e]{1,255}$/.test(key)
    ? key
    : invalid(
        "Idempotency-Key",
        `Expected \`Idempotency-Key\` to be 1 to 255 printable characters without spaces, got ${key.length}`
      )
}

const identity = ["primaryKey", "duplicate", "debounce", "debounceAtMost", "group"] as const
const options = ["timeout", "expiresIn", "retries", "key", "priority", "delay", "startAt", ...identity]

type Found = {
  -readonly [
    K in "timeout" | "expiresIn" | "retry" | "priority" | "delay" | "startAt" | (typeof identity)[number]
  ]?: Call.Options[K]
} & { key?: string }

/**
 * `?timeout=500ms&expiresIn=10s&retries=2&key=acme&priority=5&delay=1h`: the options of this one request. The header `Priority` holds
 * where the query says nothing.
 */
export const callOptions = (
  query: string,
  priority: string | ReadonlyArray<string> | undefined,
  millisOf: (text: string) => number | undefined
): Found | Problem | undefined => {
  if (query === "" && priority === undefined) return undefined
  const found: Found = { priority: urgencyPriority(priority) }
  for (const [name, value] of new URLSearchParams(query)) {
    const refuse = (what: string) => invalid(name, `Expected \`${name}\` to be ${what}, got ${shown(value)}`)
    switch (name) {
      case "retries": {
        if (!/^\d{1,4}$/.test(value)) return refuse("a whole number from 0 to 9999")
        const times = Number(value)
        found.retry = times === 0 ? "none" : RetryPolicy.make({ times })
        break
      }
      case "key":
        if (!isKey(value)) return refuse(expectedKey)
        found.key = value
        break
      case "primaryKey":
      case "group":
        if (!isKey(value)) return refuse(expectedKey)
        found[name] = value
        break
      case "duplicate":
        if (!isDuplicate(value)) return refuse(duplicates.join(" or "))
        found.duplicate = value
        break
      case "debounce":
      case "debounceAtMost": {
        const millis = millisOf(value)
        if (millis === undefined || !(millis > 0)) return refuse("a duration above zero, such as 500ms or 10s")
        found[name] = millis
        break
      }
      case "priority":
        found.priority = priorityOf(value)
        if (found.priority === undefined) return refuse("a whole number from -10 to 10")
        break
      case "delay":
        found.delay = millisOf(value)
        if (found.delay === undefined) return refuse("a duration, such as 500ms or 10s")
        break
      case "startAt":
        found.startAt = dateOfText(value)
        if (found.startAt === undefined) return refuse(expectedDate)
        break
      case "timeout":
      case "expiresIn": {
        const millis = value === "none" ? value : millisOf(value)
        if (millis === undefined || !(millis === "none" || millis > 0)) {
          return refuse('"none" or a duration above zero, such as 500ms or 10s')
        }
        found[name] = millis
        break
      }
      default:
        return unknownOption(name, options)
    }
  }
  if (found.delay !== undefined && found.startAt !== undefined) {
    return invalid("startAt", "Expected no `startAt` beside a `delay`")
  }
  return found
}

const { duplicates } = RequestPolicy
const isDuplicate = (value: string): value is RequestPolicy.Duplicate =>
  (duplicates as ReadonlyArray<string>).includes(value)

const shown = (value: string): string =>
  `${JSON.stringify(value.slice(0, 40))}${value.length > 40 ? ` and ${value.length - 40} more` : ""}`
