/**
 * Logs what went wrong as it says at the first look, also where to look throws: a logger may look again and again, and a
 * line that says less is better than none.
 */
import { Cause, Effect } from "effect"
import { Defect, OutcomeJson } from "../index.ts"

export const logCause = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    // Its stack is all that the cause tells: stacks, and causes of causes.
    const told = new Error(OutcomeJson.messageOf(Cause.squash(cause)))
    told.stack = Defect.pretty(cause)
    return Effect.logError(message, Cause.die(told))
  })
