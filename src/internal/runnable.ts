/** What a handler returned, as the effect that the pool runs; of anything else, what to write in its place. */
import { Effect, Stream } from "effect"
import { Rpc } from "effect/rpc"
import { UnsupportedRpc } from "../PoolError.ts"

export const runnable = (tag: string, result: unknown): Effect.Effect<unknown, unknown> => {
  if (Effect.isEffect(result)) return result as Effect.Effect<unknown, unknown>
  if (typeof result === "object" && result !== null && Rpc.isWrapper(result)) {
    const effect = runnable(tag, result.value)
    return result.uninterruptible ? Effect.uninterruptible(effect) : effect
  }
  return Effect.die(new UnsupportedRpc({ tag, reason: `its handler returned ${whatCame(result)}` }))
}

/** By its kind alone: the value may be large, or secret. */
const whatCame = (result: unknown): string => {
  if (result === undefined || result === null) return `${result}; where there is no value, return \`Effect.void\``
  if (typeof result === "function") return "a function; call it within an effect: `Effect.sync(() => ...)`"
  if (typeof result !== "object") return `a ${typeof result}; return an Effect, as \`Effect.succeed(...)\` makes of it`
  if (Stream.isStream(result)) return "a stream; a request ends with one outcome"
  if (isThenable(result)) {
    // It is nobody's now: its rejection must not end the process.
    result.then(undefined, () => {})
    return "a promise; return `Effect.promise(() => ...)`, or `Effect.tryPromise` where it may be rejected"
  }
  if (Symbol.iterator in result && "next" in result) {
    return "a generator; return `Effect.gen(function* () { ... })`"
  }
  return "an object; return an Effect, as `Effect.succeed(...)` makes of it"
}

const isThenable = (result: object): result is PromiseLike<unknown> =>
  "then" in result && typeof result.then === "function"
