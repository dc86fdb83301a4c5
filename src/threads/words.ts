/** What is told of an error, or of anything else, to those who cannot have it itself. It may throw when it is looked at. */
import { inspect } from "node:util"

/** What `text` says. */
export const told = (text: () => string): string => {
  try {
    return text()
  } catch {
    return "something that cannot be told"
  }
}

/** Of anything that was thrown: its kind, where that says something, and its message. One line, where it can be. */
export const wordsOf = (thrown: unknown): string =>
  told(() => {
    if (!(thrown instanceof Error)) return typeof thrown === "string" ? thrown : inspect(thrown)
    const { message, name } = thrown
    return name === "Error" ? message : message === "" ? name : `${name}: ${message}`
  })

/** Its message alone. */
export const messageOf = (thrown: unknown): string =>
  told(() => (thrown instanceof Error ? thrown.message : String(thrown)))
