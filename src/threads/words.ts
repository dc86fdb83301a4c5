/** What is told of an error to those who cannot have it itself: one line, where it can be. */
import { inspect } from "node:util"

/** Of anything that was thrown, which may throw when it is looked at: its kind, where that says something, and its message. */
export const wordsOf = (thrown: unknown): string => {
  try {
    if (!(thrown instanceof Error)) return typeof thrown === "string" ? thrown : inspect(thrown)
    const { message, name } = thrown
    return name === "Error" ? message : message === "" ? name : `${name}: ${message}`
  } catch {
    return "something that cannot be told"
  }
}
