/** What a thread tells of values that nobody has a schema for: of anything, hostile things included. */
import { Cause, Formatter, Inspectable, Schema } from "effect"
import { causes } from "../codec.ts"
import { told } from "../words.ts"

/** The value where a clone of it is the same to whoever reads it, or else what it says of itself as JSON, or a text. */
export const plain = (value: unknown): unknown => {
  switch (typeof value) {
    case "function":
    case "symbol":
      return textOf(value)
    case "object":
      return value === null ? null : plainObject(value)
    default:
      return value
  }
}

const plainObject = (value: object): unknown => {
  try {
    // Where it has something to hide, that is what its JSON leaves out.
    return structuredClone(Inspectable.toJson(value))
  } catch {
    return textOf(value)
  }
}

/** Of anything, which may throw when it is looked at. */
export const textOf = (value: unknown): string => told(() => Formatter.format(value))

const encodeCause = Schema.encodeUnknownSync(causes)

/** As JSON, with its stacks: `undefined` where there is nothing in it. */
export const causeOf = (cause: Cause.Cause<unknown>): unknown => {
  if (cause.reasons.length === 0) return undefined
  try {
    return encodeCause(cause)
  } catch {
    return encodeCause(Cause.die(textOf(cause)))
  }
}
