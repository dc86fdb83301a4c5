/** Whose ids those are that callers name themselves: the same primary key of two owners is two requests. `undefined`: nobody's. */
import { Context } from "effect"

export const IdOwner = Context.Reference<string | undefined>("effect-worker-pool/IdOwner", {
  defaultValue: () => undefined
})
