/** Payloads that throw when they are touched, and schemas that throw: each call ends, and every count agrees. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Schema, SchemaGetter, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { ElasticPool, Handlers, type PoolError, PoolSnapshot, WorkerPool } from "../src/index.ts"
import { show } from "./support/bench.ts"

const boom = (): never => {
  throw new Error("boom")
}
const trapped = new Proxy(
  {},
  { get: boom, getOwnPropertyDescriptor: boom, getPrototypeOf: boom, has: boom, ownKeys: boom }
)

const nested = (depth: number) => {
  let value: unknown = 1
  for (let n = 0; n < depth; n++) value = { n: value }
  return value
}
const cyclic: { n?: unknown } = {}
cyclic.n = cyclic
const revoked = Proxy.revocable({}, {})
revoked.revoke()

const payloads: ReadonlyArray<[string, unknown]> = [
  ["one that fits", { n: 1 }],
  ["nothing", undefined],
  ["null", null],
  ["a symbol", Symbol("n")],
  ["a field of the wrong kind", { n: "x" }],
  ["a bigint", { n: 1n }],
  [
    "a getter that throws",
    {
      get n() {
        return boom()
      }
    }
  ],
  [
    "a getter that throws what cannot be told",
    {
      get n() {
        throw trapped
      }
    }
  ],
  ["a value whose toJSON and toString throw", { n: { toJSON: boom, toString: boom, [Symbol.toPrimitive]: boom } }],
  ["a proxy that throws", trapped],
  ["a field that is a proxy that throws", { n: trapped }],
  ["a revoked proxy", revoked.proxy],
  ["a cycle", cyclic],
  ["an object without prototype", Object.assign(Object.create(null), { n: "x" })],
  ["one that is 20,000 deep", nested(20_000)],
  ["one of a million characters", { n: "y".repeat(1_000_000) }]
]

interface Tree {
  readonly n: number | Tree
}
const Tree = Schema.Struct({ n: Schema.Union([Schema.Number, Schema.suspend((): Schema.Codec<Tree> => Tree)]) })

const schemas: ReadonlyArray<[string, Schema.Top]> = [
  ["a struct", Schema.Struct({ n: Schema.Number })],
  ["anything", Schema.Unknown],
  ["a tree", Tree],
  ["a check that throws", Schema.Struct({ n: Schema.Number }).check(Schema.makeFilter(boom))],
  [
    "a transformation that throws",
    Schema.Unknown.pipe(
      Schema.decodeTo(Schema.Unknown, { decode: SchemaGetter.transform(boom), encode: SchemaGetter.passthrough() })
    )
  ],
  [
    "a transformation that dies later",
    Schema.Unknown.pipe(
      Schema.decodeTo(Schema.Unknown, {
        decode: SchemaGetter.transformEffect(() => Effect.andThen(Effect.yieldNow, Effect.die("boom"))),
        encode: SchemaGetter.passthrough()
      })
    )
  ]
]

const rpcs = schemas.map(([name, payload]) => Rpc.make(name, { payload, error: Schema.String }))
const group = RpcGroup.make(...rpcs)
const layer = (handler: () => Effect.Effect<void, string>) =>
  ElasticPool.layer({ scaling: "none", capacity: 4, strategy: "dropping" }).pipe(
    Layer.provide(Handlers.layer(group)),
    Layer.provide(group.toLayer(Object.fromEntries(rpcs.map(({ _tag }) => [_tag, handler])) as any) as Layer.Layer<any>)
  )

type Pool = WorkerPool.WorkerPool["Service"]
const doors: ReadonlyArray<[string, (pool: Pool, rpc: Rpc.Any, payload: any) => Effect.Effect<unknown, unknown>]> = [
  ["execute", (pool, rpc, payload) => pool.execute(rpc as any, payload)],
  ["submit", (pool, rpc, payload) => Effect.flatMap(pool.submit(rpc as any, payload), (ticket: any) => ticket.await)],
  [
    "submitUnknown",
    (pool, rpc, payload) =>
      Effect.flatMap(pool.submitUnknown(rpc._tag, payload), (ticket) => ticket.await as Effect.Effect<unknown>)
  ],
  [
    "process",
    (pool, rpc, payload) =>
      Effect.flatMap(
        Stream.runCollect(pool.process(Stream.make(WorkerPool.call(rpc as any, payload)))),
        ([only]): Effect.Effect<unknown, unknown> => (only!._tag === "Rejected" ? Effect.fail(only!.error) : only!.exit)
      )
  ]
]

describe.each(doors)("%s", (door, enter) => {
  it.effect.each(schemas)("with a schema of %s", ([tag]) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const rpc = rpcs.find(({ _tag }) => _tag === tag)!
      let accepted = 0
      let invalid = 0
      let defects = 0
      for (const [name, payload] of payloads) {
        const call = yield* Effect.forkChild(Effect.exit(enter(pool, rpc, payload)), { startImmediately: true })
        yield* TestClock.adjust(1)
        const exit = call.pollUnsafe()
        assert.isDefined(exit, name)
        const heard = yield* Fiber.join(call)
        const what = show(heard)
        // What comes as JSON cannot throw: there it is the schema that does, and that is a defect of the call.
        assert.include(["success", "InvalidPayload", ...(door === "submitUnknown" ? ["defect"] : [])], what, name)
        if (what === "success") accepted++
        else if (what === "InvalidPayload") invalid++
        else defects++
        if (Exit.isFailure(heard) && what === "InvalidPayload") {
          const { issue } = (heard.cause.reasons[0] as any).error as PoolError.InvalidPayload
          assert.isBelow(issue.length, 2000, name)
          assert.notStrictEqual(issue, "Schema validation failed", name)
        }
        const snapshot = yield* pool.snapshot
        assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [], name)
        assert.deepInclude(
          snapshot,
          { offered: accepted, succeeded: accepted, invalid, failed: 0, workers: 1, idle: 1 },
          name
        )
      }
      assert.isAbove(accepted + invalid + defects, 10)
    }).pipe(Effect.provide(layer(() => Effect.void)))
  )
})

describe("payloads", () => {
  it.effect("one that was accepted is sent again untouched", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const rpc = rpcs.find(({ _tag }) => _tag === "anything")!
      for (const [name, payload] of payloads) {
        assert.strictEqual(show(yield* Effect.exit(pool.execute(rpc as any, payload as never))), "failure", name)
        const letter = (yield* pool.deadLetters.list).at(-1)!
        const ticket = yield* pool.deadLetters.resubmit(letter.outcome.id)
        assert.strictEqual((yield* ticket.outcome).end, "failed", name)
      }
      assert.deepStrictEqual(PoolSnapshot.lawViolations(yield* pool.snapshot), [])
    }).pipe(Effect.provide(layer(() => Effect.fail("no"))))
  )

  const Deep = Rpc.make("Deep", { payload: { list: Schema.Array(Schema.Struct({ n: Schema.Int })) } })
  const Login = Rpc.make("Login", { payload: { name: Schema.String, password: Schema.Redacted(Schema.String) } })
  const logins = RpcGroup.make(Deep, Login)
  const withLogins = ElasticPool.layer({ scaling: "none" }).pipe(
    Layer.provide(Handlers.layer(logins)),
    Layer.provide(logins.toLayer({ Deep: () => Effect.void, Login: () => Effect.void }))
  )

  it.effect("that do not fit are told by what was expected, what came, and where; typed or not", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const payload = { list: [{ n: 1 }, { n: "x" }] }
      const typed = yield* Effect.flip(pool.execute(Deep, payload as never))
      assert.strictEqual(typed.message, 'Payload of "Deep": Expected number, got "x"\n  at ["list"][1]["n"]')
      const untyped = yield* Effect.flip(pool.submitUnknown("Deep", payload))
      assert.include(untyped.message, 'got "x"\n  at ["list"][1]["n"]')
      const long = yield* Effect.flip(pool.execute(Deep, { list: [{ n: "y".repeat(100_000) }] } as never))
      assert.match(long.message, /^.{200,400}\n {2}at \["list"\]\[0\]\["n"\]$/)
      const many = yield* Effect.flip(
        pool.submitUnknown("Deep", { list: Array.from({ length: 500 }, () => ({ n: "x" })) })
      )
      assert.isBelow(many.message.length, 2000)
    }).pipe(Effect.provide(withLogins))
  )

  it.effect("of which a part is secret are told by what was expected, and where", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      for (const payload of [
        { name: "a", password: ["hunter2"] },
        { name: ["hunter2"], password: "x" },
        { name: "a", password: Redacted.make(["hunter2"]) },
        ["hunter2"],
        "hunter2"
      ]) {
        for (const call of [pool.execute(Login, payload as never), pool.submitUnknown("Login", payload)]) {
          const error = yield* Effect.flip(call as Effect.Effect<unknown, PoolError.SubmitError>)
          assert.strictEqual(error._tag, "InvalidPayload")
          assert.notInclude(error.message, "hunter2")
          assert.match(error.message, /Expected|Missing/)
        }
      }
      const throws = (): never => {
        throw new Error("hunter2 is refused")
      }
      const payload = Object.defineProperty({ name: "a" }, "password", { get: throws, enumerable: true })
      const error = yield* Effect.flip(pool.execute(Login, payload as never))
      assert.deepInclude(error, { _tag: "InvalidPayload" })
      assert.notInclude((error as Error).message, "hunter2")
    }).pipe(Effect.provide(withLogins))
  )
})
