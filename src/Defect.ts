/** What a defect says about itself, for those who log it. Nothing here throws, whatever was thrown. */
import { Cause } from "effect"

/**
 * Tells one kind from another: the error's name and where it was made, or, of what has no such place, its text.
 */
export const kindOf = (thrown: unknown): string => {
  try {
    if (!(thrown instanceof Error)) return String(thrown).slice(0, longest)
    const place = /\n\s+at .*/.exec(String(thrown.stack))?.[0]
    return `${thrown.name}${place ?? `: ${thrown.message}`}`.slice(0, longest)
  } catch {
    return typeof thrown
  }
}

const longest = 500

/** With the stack and the causes, as far as they can be read; at most 10,000 characters. */
export const pretty = (cause: Cause.Cause<unknown>): string => {
  try {
    return Cause.pretty(cause).slice(0, 10_000)
  } catch {
    return "something that cannot be read"
  }
}
