/** What a defect says about itself, for those who log it. */

/**
 * Tells one kind from another: the error's name and where it was made, or, of what has no such place, its text. Never
 * throws, whatever was thrown.
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
