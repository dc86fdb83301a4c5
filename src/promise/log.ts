/** Where a pool says what somebody must act on: a task that is stuck, a drain that was forced, a listener that threw. */
import { Cause, Layer, Logger } from "effect"

/** One line of a pool: see the option `log`. */
export interface LogLine {
  readonly level: "warning" | "error"
  readonly message: string
  /** What was thrown, where the line is about that. */
  readonly error: unknown
}

/** What the option `log` says; by default lines on standard error. */
export const logLayer = (log: ((line: LogLine) => void) | undefined): Layer.Layer<never> =>
  log === undefined ? Layer.succeed(Logger.LogToStderr, true) : Logger.layer([Logger.make((line) => log(toLine(line)))])

const toLine = ({ cause, logLevel, message }: Logger.Options<unknown>): LogLine => {
  const parts = Array.isArray(message) ? message : [message]
  const thrown = parts.find((part) => typeof part !== "string")
  return {
    level: logLevel === "Error" || logLevel === "Fatal" ? "error" : "warning",
    message: parts.filter((part) => typeof part === "string").join(" "),
    error: thrown ?? (cause.reasons.length > 0 ? Cause.squash(cause) : undefined)
  }
}
