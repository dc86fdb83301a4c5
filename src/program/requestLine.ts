/** What one line asks for: `{"type": "Checksum", "data": {...}, "id"?, "timeout"?, "maxRetries"?}`. */
import { isUtf8 } from "node:buffer"
import { Call, RetryPolicy } from "../index.ts"
import { messageOf } from "./errors.ts"
import { type Line, requestLimit } from "./lines.ts"
import { shown } from "./shown.ts"

export interface RequestLine {
  readonly type: string
  readonly data: unknown
  readonly options: Call.Options & { readonly id: string }
}

/** Only the shape is checked here; type, data and the ranges of the options are the pool's to judge. */
export const parse = ({ bytes, number }: Line): RequestLine | { readonly malformed: string } => {
  if (bytes === undefined) return { malformed: `longer than ${requestLimit} bytes` }
  if (!isUtf8(bytes)) return { malformed: "not valid UTF-8" }
  let value: unknown
  try {
    value = JSON.parse(bytes.toString("utf8", hasMark(bytes) && number === 1 ? 3 : 0))
  } catch (error) {
    return { malformed: messageOf(error) }
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return expected("an object", value)
  const { data, id, maxRetries, timeout, type } = value as Record<string, unknown>
  if (typeof type !== "string") return expected('"type" to be a text', type)
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return expected('"id" to be a text or a number', id)
  }
  if (timeout !== undefined && typeof timeout !== "number" && typeof timeout !== "string") {
    return expected('"timeout" to be milliseconds or a duration such as "2 seconds"', timeout)
  }
  if (maxRetries !== undefined && typeof maxRetries !== "number")
    return expected('"maxRetries" to be a number', maxRetries)
  const name = String(id ?? number)
  if (timeout === undefined && maxRetries === undefined) return { type, data, options: { id: name } }
  const retry = maxRetries === undefined ? undefined : RetryPolicy.make({ times: maxRetries })
  return { type, data, options: { id: name, timeout: timeout as Call.Options["timeout"], retry } }
}

const expected = (what: string, got: unknown) => ({
  malformed: `expected ${what}, got ${shown(got)}`
})

/** A byte order mark, which some editors put before the first line. */
const hasMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
