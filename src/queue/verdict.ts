/** What the exit of an attempt says of the health of what it calls. */
import { Cause, Exit, Result } from "effect"
import type { CircuitBreaker, Classification } from "../CircuitBreaker.ts"
import { instructionOf } from "../NotBefore.ts"
import { RequestTimeout } from "../PoolError.ts"

/** An interruption says nothing, and is not asked about. `onStrange` hears what a function of the caller has thrown, or answered that is no answer. */
export const verdictOf = (
  { classify, failures }: CircuitBreaker,
  exit: Exit.Exit<unknown, unknown>,
  onStrange: (what: unknown) => void
): Classification => {
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return "Ignored"
  if (classify !== undefined) return said(() => classify(exit), words, onStrange)
  if (Exit.isSuccess(exit)) return "Success"
  const found = Cause.findError(exit.cause)
  if (Result.isFailure(found)) return "Failure"
  const error = found.success
  const later = instructionOf(error)
  if (later !== undefined && !later.countsAsAttempt) return "Ignored"
  if (failures === undefined || error instanceof RequestTimeout) return "Failure"
  return said(() => failures(error), answers, onStrange)
}

const words = new Map<unknown, Classification>([
  ["Success", "Success"],
  ["Failure", "Failure"],
  ["Ignored", "Ignored"]
])
/** An error that is no failure of what is called is an answer of it. */
const answers = new Map<unknown, Classification>([
  [true, "Failure"],
  [false, "Success"]
])

/** It may throw, and answer anything. */
const said = (
  ask: () => unknown,
  known: ReadonlyMap<unknown, Classification>,
  onStrange: (what: unknown) => void
): Classification => {
  let answer: unknown
  try {
    answer = ask()
    const verdict = known.get(answer)
    if (verdict !== undefined) return verdict
  } catch (thrown) {
    answer = thrown
  }
  onStrange(answer)
  return "Ignored"
}
