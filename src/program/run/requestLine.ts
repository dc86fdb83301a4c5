/** What one line asks for: `{"type": "Checksum", "data": {...}, "id"?, "key"?, "priority"?, "timeout"?, "maxRetries"?, "delay"?, "startAt"?, "primaryKey"?, "duplicate"?, "debounce"?, "debounceAtMost"?, "group"?}`. */
import { isUtf8 } from "node:buffer"
import { type Call, PoolError } from "../../index.ts"
import { dateOfText, expectedDate } from "../../internal/startTime.ts"
import { messageOf } from "../errors.ts"
import { identityKeys, identityOf, malformedIdentity } from "./lineIdentity.ts"
import { type Line, requestLimit } from "./lines.ts"
import { retryOf } from "../settings/poolOptions.ts"
import { durationForms, millisOf } from "../settings/quantities.ts"
import { shown } from "../output/shown.ts"

export interface RequestLine {
  readonly type: string
  readonly data: unknown
  readonly options: Call.Options & { readonly id: string }
}

export interface Malformed {
  readonly malformed: string
}

/** A request with an option that is out of its range. */
export interface Refused {
  readonly refused: PoolError.InvalidRequestOption
  readonly type: string
  readonly id: string
}

const keys = ["type", "data", "id", "key", "priority", "timeout", "maxRetries", "delay", "startAt", ...identityKeys]
/** A key is kept, counted and written: it is no place for data. */
const mostKey = 256

/** The shape and the options are checked here; type and data are the pool's to judge. */
export const parse = ({ bytes, number }: Line): RequestLine | Malformed | Refused => {
  if (bytes === undefined) return { malformed: `longer than ${requestLimit} bytes` }
  if (!isUtf8(bytes)) return { malformed: "not valid UTF-8" }
  let value: unknown
  try {
    value = JSON.parse(bytes.toString("utf8", hasMark(bytes) && number === 1 ? 3 : 0))
  } catch (error) {
    return { malformed: messageOf(error) }
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return expected("an object", value)
  const { data, delay, id, key, maxRetries, priority, startAt, timeout, type } = value as Record<string, unknown>
  if (typeof type !== "string") return expected('"type" to be a text', type)
  const unknown = Object.keys(value).filter((key) => !keys.includes(key))
  if (unknown.length > 0) {
    const got = unknown.map((key) => shown(key)).join(", ")
    return { malformed: `expected no unknown keys, got ${got.slice(0, 200)}; a line takes ${keys.join(", ")}` }
  }
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return expected('"id" to be a text or a number', id)
  }
  if (timeout !== undefined && typeof timeout !== "number" && typeof timeout !== "string") {
    return expected(`"timeout" to be a duration (${durationForms}), or "none"`, timeout)
  }
  if (maxRetries !== undefined && typeof maxRetries !== "number") {
    return expected('"maxRetries" to be a number', maxRetries)
  }
  if (key !== undefined && typeof key !== "string" && typeof key !== "number") {
    return expected('"key" to be a text or a number', key)
  }
  if (priority !== undefined && typeof priority !== "number") return expected('"priority" to be a number', priority)
  if (delay !== undefined && typeof delay !== "number" && typeof delay !== "string") {
    return expected(`"delay" to be a duration (${durationForms})`, delay)
  }
  if (startAt !== undefined && typeof startAt !== "string") return expected(`"startAt" to be ${expectedDate}`, startAt)
  const malformed = malformedIdentity(value)
  if (malformed !== undefined) return expected(...malformed)
  const name = String(id ?? number)
  const options = { id: name, ...(key === undefined ? {} : { key: String(key) }) }
  const refuse = (field: string, expected: string, actual: unknown): Refused => ({
    refused: new PoolError.InvalidRequestOption({ field, expected, actual: shown(actual) }),
    type,
    id: name
  })
  if (options.key !== undefined && options.key.length > mostKey) {
    return refuse("key", `at most ${mostKey} characters`, options.key.length)
  }
  const delayMillis = typeof delay === "string" ? millisOf(delay) : delay
  if (delay !== undefined && !(delayMillis !== undefined && delayMillis >= 0 && delayMillis < Infinity)) {
    return refuse("delay", `a duration (${durationForms})`, delay)
  }
  const date = startAt === undefined ? undefined : dateOfText(startAt)
  if (startAt !== undefined && date === undefined) return refuse("startAt", expectedDate, startAt)
  if (date !== undefined && delay !== undefined) return refuse("startAt", "no startAt beside a delay", startAt)
  if (date !== undefined || delay !== undefined) Object.assign(options, { delay: delayMillis, startAt: date })
  const identity = identityOf(value)
  if ("field" in identity) return refuse(identity.field, identity.expected, identity.actual)
  Object.assign(options, identity)
  if (timeout === undefined && maxRetries === undefined) return { type, data, options: { ...options, priority } }
  const millis = typeof timeout === "string" && timeout !== "none" ? millisOf(timeout) : timeout
  if (timeout !== undefined && millis !== "none" && !(typeof millis === "number" && millis > 0 && millis < Infinity)) {
    return refuse("timeout", `a duration above zero (${durationForms}), or "none"`, timeout)
  }
  if (maxRetries !== undefined && !(Number.isSafeInteger(maxRetries) && maxRetries >= 0)) {
    return refuse("maxRetries", "a whole number, at least 0", maxRetries)
  }
  const retry = maxRetries === undefined ? undefined : retryOf(maxRetries)
  return { type, data, options: { ...options, priority, timeout: millis as Call.Options["timeout"], retry } }
}

const expected = (what: string, got: unknown) => ({
  malformed: `expected ${what}, got ${shown(got)}`
})

/** A byte order mark, which some editors put before the first line. */
const hasMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
