/**
 * Logs what went wrong as it says at the first look, also where to look throws: a logger may look again and again, and a
 * line that says less is better than none.
 */
import { Cause, Effect } from "effect"
import { OutcomeJson } from "../index.ts"

export const logCause = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => Effect.logError(message, Cause.die(told(cause))))

/** Its stack is all that the cause tells: stacks, and causes of causes. */
const told = (cause: Cause.Cause<unknown>): Error => {
  const error = new Error(OutcomeJson.messageOf(Cause.squash(cause)))
  error.stack = textOf(cause)
  return error
}

const textOf = (cause: Cause.Cause<unknown>): string => {
  try {
    return Cause.pretty(cause).slice(0, mostCharacters)
  } catch {
    return OutcomeJson.messageOf(Cause.squash(cause))
  }
}

const mostCharacters = 100_000
