/** How answers of the Rpc protocol are written: what cannot be is told as such, and no defect says more than it should. */
import { Effect, Layer } from "effect"
import { type RpcMessage, RpcSerialization } from "effect/rpc"
import { OutcomeJson } from "../index.ts"
import { nestsDeeperThan } from "../internal/jsonText.ts"

/** Lines of JSON, as those of `RpcSerialization.layerNdjson`. */
export const layer: Layer.Layer<RpcSerialization.RpcSerialization> = Layer.effect(
  RpcSerialization.RpcSerialization,
  Effect.map(Effect.context<never>(), (context) => {
    const run = Effect.runForkWith(context)
    const { ndjson } = RpcSerialization
    return RpcSerialization.RpcSerialization.of({
      ...ndjson,
      makeUnsafe: () => {
        const { decode, encode } = ndjson.makeUnsafe()
        return { decode, encode: (answer) => encodeGuarded(answer as Answer, encode, run) }
      }
    })
  })
)

type Answer = RpcMessage.FromServerEncoded
type Encode = (answer: Answer) => Uint8Array | string | undefined

const encodeGuarded = (answer: Answer, encode: Encode, run: (log: Effect.Effect<void>) => void) => {
  let reason = `Expected it to nest at most ${OutcomeJson.maxDepth} deep, got deeper`
  try {
    const text = encode(withoutText(answer))
    // The answer itself nests, too: an exit that has a value, or a cause that has errors.
    if (typeof text !== "string" || !nestsDeeperThan(text, OutcomeJson.maxDepth + 5)) return text
  } catch (thrown) {
    reason = OutcomeJson.messageOf(thrown)
  }
  if (answer._tag !== "Exit") return encode(defect)
  const { requestId } = answer
  run(Effect.logError(`the answer to a remote call (request ${requestId} of its client) cannot be written: ${reason}`))
  return encode({ _tag: "Exit", requestId, exit: failureOf([{ _tag: "Die", defect: cannotBeTold }]) })
}

const cannotBeTold = "what the handler gave does not fit its schema"
const defect: Answer = { _tag: "Defect", defect: cannotBeTold }

type Failure = Extract<RpcMessage.ResponseExitEncoded["exit"], { readonly _tag: "Failure" }>

const failureOf = (cause: Failure["cause"]): Failure => ({ _tag: "Failure", cause })

/** An encoder that dies would tell what it died of. Texts are the protocol's own, or those of `RemotePool`. */
const withoutText = (answer: Answer): Answer => {
  if (answer._tag !== "Exit" || answer.exit._tag !== "Failure") return answer
  if (!answer.exit.cause.some(isTelling)) return answer
  const cause = answer.exit.cause.map((reason) =>
    isTelling(reason) ? { _tag: "Die" as const, defect: cannotBeTold } : reason
  )
  return { ...answer, exit: failureOf(cause) }
}

const isTelling = (reason: Failure["cause"][number]): boolean =>
  reason._tag === "Die" && typeof reason.defect !== "string"
