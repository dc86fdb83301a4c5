/** Payloads in and outcomes out as JSON, by schemas that need services, take their time, or do not fit what was given. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema, SchemaGetter } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as OutcomeJson from "../src/OutcomeJson.ts"
import * as WorkerPool from "../src/WorkerPool.ts"

class Prefix extends Context.Service<Prefix, string>()("Prefix") {}

/** A text that is written with a prefix of the handlers' own, after a while. */
const Prefixed = Schema.String.pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transformEffect((text: string) =>
      Effect.map(Effect.andThen(Effect.yieldNow, Prefix), (prefix) => text.slice(prefix.length))
    ),
    encode: SchemaGetter.transformEffect((text: string) =>
      Effect.map(Effect.andThen(Effect.yieldNow, Prefix), (prefix) => prefix + text)
    )
  })
)

const group = RpcGroup.make(
  Rpc.make("Answer", { payload: { question: Prefixed }, success: Prefixed, error: Prefixed }),
  Rpc.make("Misfit", { payload: { of: Schema.String }, success: Schema.Int, error: Schema.Int })
)

const layer = ElasticPool.layer().pipe(
  Layer.provideMerge(Handlers.layer(group)),
  Layer.provide(
    group.toLayer({
      Answer: ({ question }) => (question === "why?" ? Effect.fail(question) : Effect.succeed(question.toUpperCase())),
      Misfit: ({ of }) => (of === "result" ? Effect.succeed(1.5) : Effect.fail(1.5))
    })
  ),
  Layer.provide(Layer.succeed(Prefix, "> "))
)

/** What a request with this JSON came to, as JSON. */
const outcomeOf = (tag: string, json: unknown) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    const ticket = yield* pool.submitUnknown(tag, json)
    return yield* OutcomeJson.encoder(yield* Handlers.Handlers)(yield* ticket.outcome)
  })

describe("a schema that needs a service", () => {
  it.effect("has it from where the handlers were built, for payloads, results and errors", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomeOf("Answer", { question: "> who?" }), { end: "succeeded", result: "> WHO?" })
      assert.deepStrictEqual(yield* outcomeOf("Answer", { question: "> why?" }), {
        end: "failed",
        error: "> why?",
        isTyped: true
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses what does not fit, and it is counted", () =>
    Effect.gen(function* () {
      const refusal = yield* Effect.flip(outcomeOf("Answer", { question: 5 }))
      assert.strictEqual(refusal._tag, "InvalidPayload")
      const { snapshot } = yield* WorkerPool.WorkerPool
      assert.deepInclude(yield* snapshot, { offered: 0, accepted: 0 })
    }).pipe(Effect.provide(layer))
  )
})

describe("what does not fit its own schema", () => {
  it.effect("is told as such, and not as the handler's own", () =>
    Effect.gen(function* () {
      const result = yield* outcomeOf("Misfit", { of: "result" })
      assert.deepInclude(result, { end: "failed", isTyped: false })
      assert.deepInclude(result.error, { _tag: "InvalidResult" })
      const error = yield* outcomeOf("Misfit", { of: "error" })
      assert.deepStrictEqual(error, {
        end: "failed",
        error: { _tag: "InvalidError", message: "Error: 1.5" },
        isTyped: false
      })
    }).pipe(Effect.provide(layer))
  )
})

it.each([
  [new Error("two\n  lines"), "two lines"],
  [new RangeError(""), "RangeError"],
  ["text", "text"],
  [undefined, "undefined"],
  [Object.create(null), "object"],
  [
    {
      toString() {
        throw new Error("no text")
      }
    },
    "object"
  ]
])("whatever was thrown has a message: %#", (thrown, message) => {
  assert.strictEqual(OutcomeJson.messageOf(thrown), message)
})
