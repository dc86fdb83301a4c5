/** Logs what went wrong also where to look at it throws: a line that says less is better than none. */
import { Cause, Effect } from "effect"
import { OutcomeJson } from "../index.ts"

export const logCause = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => Effect.logError(message, isReadable(cause) ? cause : Cause.die(textOf(cause))))

const isReadable = (cause: Cause.Cause<unknown>): boolean => {
  try {
    return Cause.pretty(cause).length < mostCharacters
  } catch {
    return false
  }
}

const mostCharacters = 100_000

const textOf = (cause: Cause.Cause<unknown>): string => OutcomeJson.messageOf(Cause.squash(cause))
