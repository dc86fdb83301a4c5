/** How answers of the Rpc protocol are written: what cannot be is told as such, and no defect says more than it should. */
import { Effect, Layer } from "effect"
import { type RpcMessage, RpcSerialization } from "effect/rpc"
import { OutcomeJson } from "../index.ts"
import { nestsDeeperThan } from "../internal/jsonText.ts"
import { withoutOwner } from "./rpcOptions.ts"

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
        return {
          decode: (bytes) => decode(bytes).map(withoutOwner),
          encode: (answer) => encodeGuarded(answer as Answer, encode, run)
        }
      }
    })
  })
)

type Answer = RpcMessage.FromServerEncoded
type Encode = (answer: Answer) => Uint8Array | string | undefined

type Run = (log: Effect.Effect<void>) => void

const encodeGuarded = (answer: Answer, encode: Encode, run: Run) => {
  let reason = `Expected it to nest at most ${OutcomeJson.maxDepth} deep, got deeper`
  try {
    const text = encode(withoutText(answer, run))
    // The answer itself nests, too: an exit that has a value, or a cause that has errors.
    if (typeof text !== "string" || !nestsDeeperThan(text, OutcomeJson.maxDepth + 5)) return text
  } catch (thrown) {
    reason = OutcomeJson.messageOf(thrown)
  }
  if (answer._tag !== "Exit") return encode(defect)
  const { requestId } = answer
  run(report(requestId, reason))
  return encode({ _tag: "Exit", requestId, exit: failureOf([{ _tag: "Die", defect: cannotBeTold }]) })
}

const cannotBeTold = "what the handler gave does not fit its schema"
const defect: Answer = { _tag: "Defect", defect: cannotBeTold }

type Failure = Extract<RpcMessage.ResponseExitEncoded["exit"], { readonly _tag: "Failure" }>

const failureOf = (cause: Failure["cause"]): Failure => ({ _tag: "Failure", cause })

/** An encoder that dies would tell what it died of, and one that refuses its schema. */
const withoutText = (answer: Answer, run: Run): Answer => {
  if (answer._tag !== "Exit" || answer.exit._tag !== "Failure") return answer
  if (!answer.exit.cause.some(isTelling)) return answer
  const cause = answer.exit.cause.map((reason) => {
    if (!isTelling(reason)) return reason
    const { defect } = reason
    run(report(answer.requestId, OutcomeJson.messageOf(typeof defect === "string" ? defect : JSON.stringify(defect))))
    return { _tag: "Die" as const, defect: cannotBeTold }
  })
  return { ...answer, exit: failureOf(cause) }
}

type Reason = Failure["cause"][number]

/** Texts are those of `RemotePool`, or the protocol's own. */
const isTelling = (reason: Reason): reason is Extract<Reason, { readonly _tag: "Die" }> =>
  reason._tag === "Die" && (typeof reason.defect !== "string" || reason.defect.startsWith("Failed to encode response"))

const report = (requestId: string | number, reason: string): Effect.Effect<void> =>
  Effect.logError(`the answer to a remote call (request ${requestId} of its client) cannot be written: ${reason}`)
