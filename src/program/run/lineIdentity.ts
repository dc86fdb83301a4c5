/** What a line is to others: its identity, what a second one of it is, and its group. */
import { type Call, RequestPolicy } from "../../index.ts"
import { durationForms, millisOf } from "../settings/quantities.ts"

export const identityKeys = ["primaryKey", "duplicate", "debounce", "debounceAtMost", "group"]
/** They are kept, counted and written: no place for data. */
const mostText = 256

const texts = ["primaryKey", "group"] as const
const durations = ["debounce", "debounceAtMost"] as const

/** What one of them had to be and what it is, if it has not even the shape. */
export const malformedIdentity = (line: object): readonly [expected: string, got: unknown] | undefined => {
  const { duplicate, ...given } = line as Record<string, unknown>
  for (const name of texts) {
    const value = given[name]
    if (value !== undefined && typeof value !== "string" && typeof value !== "number") {
      return [`"${name}" to be a text or a number`, value]
    }
  }
  if (duplicate !== undefined && typeof duplicate !== "string") return ['"duplicate" to be a text', duplicate]
  for (const name of durations) {
    const value = given[name]
    if (value !== undefined && typeof value !== "string" && typeof value !== "number") {
      return [`"${name}" to be a duration (${durationForms})`, value]
    }
  }
  return undefined
}

interface Wrong {
  readonly field: string
  readonly expected: string
  readonly actual: unknown
}

/** As options of its call, or what is out of its range. How durations fit together the pool itself says. */
export const identityOf = (line: object): Call.Options | Wrong => {
  const given = line as Record<string, string | number | undefined>
  const found: Record<string, string | number> = {}
  for (const name of texts) {
    if (given[name] === undefined) continue
    const text = String(given[name])
    if (text === "" || text.length > mostText) {
      return { field: name, expected: `1 to ${mostText} characters`, actual: text.length }
    }
    found[name] = text
  }
  const { duplicate } = given
  if (duplicate !== undefined) {
    const known: ReadonlyArray<string> = RequestPolicy.duplicates
    if (!known.includes(String(duplicate))) {
      return { field: "duplicate", expected: known.join(" or "), actual: duplicate }
    }
    found["duplicate"] = duplicate
  }
  for (const name of durations) {
    const value = given[name]
    if (value === undefined) continue
    const millis = typeof value === "string" ? millisOf(value) : value
    if (millis === undefined || !(millis > 0 && millis < Infinity)) {
      return { field: name, expected: `a duration above zero (${durationForms})`, actual: value }
    }
    found[name] = millis
  }
  return found as Call.Options
}
