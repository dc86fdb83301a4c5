/** Payloads in and outcomes out as JSON, by schemas that need services, take their time, or do not fit what was given. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Schema, SchemaGetter } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import type * as Outcome from "../src/Outcome.ts"
import * as OutcomeJson from "../src/OutcomeJson.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { hostile } from "./support/hostileValues.ts"

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
      assert.deepInclude(yield* outcomeOf("Answer", { question: "> who?" }), { end: "succeeded", result: "> WHO?" })
      const failed = { end: "failed", error: "> why?", isTyped: true } as const
      assert.deepInclude(yield* outcomeOf("Answer", { question: "> why?" }), failed)
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
      assert.deepInclude(error, { end: "failed", isTyped: false })
      assert.deepStrictEqual(error.error, { _tag: "InvalidError", message: "Error: 1.5" })
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

interface Nest {
  readonly of: ReadonlyArray<Nest>
}
const Nest: Schema.Codec<Nest> = Schema.Struct({ of: Schema.Array(Schema.suspend(() => Nest)) })

const thrower = Schema.Unknown.check(
  Schema.makeFilter(() => {
    throw new Error("the schema throws")
  })
)

describe.each(
  Object.entries({
    Unknown: Schema.Unknown,
    Any: Schema.Any,
    Json: Schema.Json,
    List: Schema.Array(Schema.Unknown),
    Members: Schema.Record(Schema.String, Schema.Unknown),
    Value: Schema.Struct({ value: Schema.Unknown }),
    String: Schema.String,
    Nest,
    thrower
  })
)("whatever a handler gives, as %s", (_, schema) => {
  it.effect.each(Object.entries(hostile))("%s is told as JSON", ([, make]) =>
    Effect.gen(function* () {
      const of = RpcGroup.make(Rpc.make("Give", { success: schema, error: schema }))
      const layer = Handlers.layer(of).pipe(Layer.provide(of.toLayer({ Give: () => Effect.never })))
      const encode = OutcomeJson.encoder(yield* Effect.provide(Handlers.Handlers, layer))
      for (const [end, give] of [
        ["succeeded", Exit.succeed],
        ["failed", Exit.fail],
        ["failed", Exit.die]
      ] as const) {
        for (const tag of ["Give", "run"]) {
          const outcome = { _tag: "Outcome", id: "1", tag, end, exit: give(make()) } as never as Outcome.Outcome
          const told = yield* encode(outcome)
          const { error, result } = told
          assert.deepStrictEqual(JSON.parse(told.text), told.end === "succeeded" ? result : error)
          assert.include(["succeeded", "failed"], told.end)
          assert.isString(JSON.stringify([told, { result, error }]))
        }
      }
    })
  )
})

it.effect("what nests as deep as it may is told, and one level more is not", () =>
  Effect.gen(function* () {
    const encode = OutcomeJson.encoder(new Map())
    const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown
    const told = (value: unknown) =>
      encode({ end: "succeeded", tag: "run", exit: Exit.succeed(value) } as never as Outcome.Outcome)
    assert.strictEqual((yield* told(nested(OutcomeJson.maxDepth))).end, "succeeded")
    const { end, error, isTyped } = yield* told(nested(OutcomeJson.maxDepth + 1))
    assert.deepStrictEqual([end, isTyped], ["failed", false])
    assert.deepStrictEqual(error, {
      _tag: "InvalidResult",
      message: "Expected it to nest at most 512 deep, got deeper"
    })
  })
)

it("a message is one line, and not endless", () => {
  assert.strictEqual(OutcomeJson.messageOf(new Error("x".repeat(1_000_000))).length, 10_000)
  assert.strictEqual(OutcomeJson.messageOf(`a${" ".repeat(5000)}\n\n b \n`), "a b")
})
