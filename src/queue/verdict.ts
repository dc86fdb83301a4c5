/** What the exit of an attempt says of the health of what it calls. */
import { Cause, Exit, Result } from "effect"
import type { Classification, CircuitBreaker } from "../CircuitBreaker.ts"
import { instructionOf } from "../NotBefore.ts"

/** An interruption says nothing, and is not asked about. */
export const verdictOf = ({ classify }: CircuitBreaker, exit: Exit.Exit<unknown, unknown>): Classification => {
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return "Ignored"
  if (classify !== undefined) return asked(classify, exit)
  if (Exit.isSuccess(exit)) return "Success"
  const error = Cause.findError(exit.cause)
  const later = Result.isSuccess(error) ? instructionOf(error.success) : undefined
  return later !== undefined && !later.countsAsAttempt ? "Ignored" : "Failure"
}

/** It may throw, and answer anything. */
const asked = (classify: (exit: Exit.Exit<unknown, unknown>) => unknown, exit: Exit.Exit<unknown, unknown>) => {
  try {
    const said = classify(exit)
    return said === "Success" || said === "Failure" ? said : "Ignored"
  } catch {
    return "Ignored"
  }
}
