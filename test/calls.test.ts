/** Options of a call, the policies behind them, and requests that come from outside. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Hash, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as RequestPolicy from "../src/RequestPolicy.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { hears, withPool, Work } from "./support/bench.ts"

/** Runs a test over a pool of this group and nothing else. */
const withGroup = <Rpcs extends Rpc.Any, E, R>(
  group: RpcGroup.RpcGroup<Rpcs>,
  handlers: Layer.Layer<Rpc.ToHandler<Rpcs>, E, R>,
  options?: ElasticPool.Options
) => ElasticPool.layer(options).pipe(Layer.provide(Handlers.layer(group)), Layer.provideMerge(handlers))

const Ping = Rpc.make("Ping", { success: Schema.String })

describe("policies", () => {
  const policy = (fields: RequestPolicy.Fields) => fields
  const group = RpcGroup.make(
    Rpc.make("Own").annotate(RequestPolicy.RequestPolicy, policy({ timeout: 30 })),
    Rpc.make("Groups"),
    Rpc.make("Free").annotate(RequestPolicy.RequestPolicy, policy({ timeout: "none", retry: undefined }))
  ).annotate(RequestPolicy.RequestPolicy, policy({ timeout: 20, retry: RetryPolicy.make({ times: 1, base: 0 }) }))
  const handlers = group.toLayer({ Own: () => Effect.never, Groups: () => Effect.never, Free: () => Effect.never })

  it.effect("field by field: the call, then the Rpc, then its group, then the pool", () => {
    const test = Effect.gen(function* () {
      const { deadLetters } = yield* WorkerPool.WorkerPool
      const client = yield* WorkerPool.client(group)
      const calls = [
        client.Own(undefined, { id: "own" }),
        client.Groups(undefined, { id: "group" }),
        client.Own(undefined, { id: "call", timeout: 40, retry: "none" }),
        client.Own(undefined, { id: "unset", timeout: undefined }),
        client.Free(undefined, { id: "expired" })
      ]
      for (const call of calls) yield* Effect.forkChild(call, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const ended = (yield* deadLetters.list).map(({ outcome }) => [outcome.id, outcome.attempts, outcome.ranMillis])
      assert.sameDeepMembers(ended, [
        ["own", 2, 60],
        ["group", 2, 40],
        ["call", 1, 40],
        ["unset", 2, 60]
      ])
    })
    const options = { timeout: 10, expiresIn: 500, minWorkers: 5, scaling: "none" } as const
    return test.pipe(Effect.provide(withGroup(group, handlers, options)))
  })

  it.effect("an annotation out of its range fails the layer, and its Rpc and field are named", () => {
    const group = RpcGroup.make(Rpc.make("Bad").annotate(RequestPolicy.RequestPolicy, policy({ timeout: 0 })))
    const handlers = group.toLayer({ Bad: () => Effect.void })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(withGroup(group, handlers)))
      assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "Bad.timeout" })
    })
  })

  it.effect.each<[string, object]>([
    ["timeout", { timeout: 0 }],
    ["timeout", { timeout: "soon" }],
    ["expiresIn", { expiresIn: -1 }],
    ["retry.times", { retry: RetryPolicy.make({ times: -1 }) }],
    ["retry", { retry: 3 }],
    ["id", { id: "" }]
  ])("a call whose option %s is out of its range is refused by name, and not offered", ([field, options]) =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.execute("a", options))
        assert.deepInclude(error, { _tag: "InvalidRequestOption", field })
        assert.deepInclude(yield* bench.pool.snapshot, { invalid: 1, offered: 0 })
      })
    )
  )
})

describe("from outside", () => {
  it.effect("submitUnknown decodes the payload and runs it", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const ticket = yield* bench.pool.submitUnknown("Work", { id: "json" })
        assert.strictEqual(yield* ticket.await, "json")
      })
    )
  )

  it.effect("an unknown tag and a payload that does not fit are told apart, and counted apart", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const unknown = yield* Effect.flip(bench.pool.submitUnknown("Nothing", {}))
        assert.deepInclude(unknown, { _tag: "HandlerNotFound", tag: "Nothing" })
        const invalid = yield* Effect.flip(bench.pool.submitUnknown("Work", { id: 3 }))
        assert.deepInclude(invalid, { _tag: "InvalidPayload", tag: "Work" })
        assert.deepInclude(yield* bench.pool.snapshot, { handlerNotFound: 1, invalid: 1, offered: 0, accepted: 0 })
      })
    )
  )

  it.effect("a payload that does not fit is refused at execute and submit as well", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* hears(bench.execute(3 as any)), "InvalidPayload")
        assert.strictEqual(yield* hears(bench.submit(3 as any)), "InvalidPayload")
        assert.strictEqual(yield* hears(bench.pool.execute(Ping, undefined)), "HandlerNotFound")
        assert.deepInclude(yield* bench.pool.snapshot, { handlerNotFound: 1, invalid: 2, offered: 0 })
      })
    )
  )

  it.effect("options that throw when they are read are a mistake of their caller", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const throws = (): never => {
          throw new Error("touched")
        }
        const hostile: ReadonlyArray<unknown> = [
          null,
          { id: Object.create(null) },
          { id: { toString: throws } },
          { timeout: new Proxy({}, { get: throws, has: throws, getPrototypeOf: throws }) },
          { retry: new Proxy({}, { get: throws, has: throws, getPrototypeOf: throws }) },
          Object.defineProperty({}, "expiresIn", { get: throws })
        ]
        for (const options of hostile) {
          assert.strictEqual(yield* hears(bench.execute("a", options as never)), "InvalidRequestOption")
          assert.strictEqual(yield* hears(bench.submit("a", options as never)), "InvalidRequestOption")
        }
        assert.deepInclude(yield* bench.pool.snapshot, { invalid: 2 * hostile.length, offered: 0 })
      })
    )
  )

  it.effect("a call is equal to itself and to no other, and nobody looks into the pool for that", () =>
    withPool()((bench) =>
      Effect.sync(() => {
        const payload: { readonly id: string } = {
          get id(): string {
            throw new Error("touched")
          }
        }
        const [one, other] = [bench.pool.execute(Work, payload), bench.pool.execute(Work, payload)]
        assert.isFalse(Equal.equals(one, other))
        assert.isTrue(Equal.equals(one, one))
        assert.strictEqual(Hash.hash(one), Hash.hash(one))
      })
    )
  )
})
