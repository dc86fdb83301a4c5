/** Whether a pool can take what recurs: told when it is made, and not at its first tick, which may be a night later. */
import { Effect } from "effect"
import type * as Call from "../Call.ts"
import * as checks from "../internal/checks.ts"
import { encoder, whyNotDecoded, whyNotMade } from "../internal/payload.ts"
import type { Connection } from "../internal/recurringPools.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"

/** `undefined`: nothing is wrong with it. */
export const unfit = (
  { payload, rpc }: Call.Call,
  { isShared, tags }: Connection
): Effect.Effect<InvalidPoolConfig | undefined> =>
  Effect.gen(function* () {
    if (typeof rpc?._tag !== "string") return checks.wrong("call", "a call of an Rpc", rpc)
    const known = tags?.()
    if (known !== undefined && !known.includes(rpc._tag)) {
      return checks.wrong("call", `of an Rpc that the pool has (${known.join(", ") || "it has none"})`, rpc._tag)
    }
    const { payloadSchema } = rpc
    const wrong = (why: string) => checks.wrong("call", `one whose payload fits "${rpc._tag}"`, why)
    let made: unknown
    try {
      made = payloadSchema.make(payload as {})
    } catch (thrown) {
      return wrong(whyNotMade(payloadSchema, payload, thrown))
    }
    // A store keeps it as JSON.
    if (!isShared) return undefined
    const encoded = encoder(payloadSchema, yield* Effect.context<never>())(made)
    return yield* Effect.match(encoded, {
      onSuccess: () => undefined,
      onFailure: ({ issue }) => wrong(whyNotDecoded(issue))
    })
  })
