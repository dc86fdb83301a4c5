/** Circuit breakers with the other parts of a pool: annotations, `run`, nested requests, pools for tests, bad options. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { CircuitBreaker, ElasticPool, Handlers, Limit, RequestPolicy, WorkerPool } from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"
import { hears, state, withPool } from "./support/bench.ts"
import { job, withJobs } from "./support/jobs.ts"

const breaker = (options: CircuitBreaker.Options = {}) =>
  CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration: 1000, ...options })

const annotated = (tag: string, breaker: CircuitBreaker.CircuitBreaker | "none") =>
  Rpc.make(tag, { error: Schema.String }).annotate(RequestPolicy.RequestPolicy, { breaker })
const Own = annotated("Own", breaker({ tripPolicy: CircuitBreaker.consecutive(3) }))
const None = annotated("None", "none")
const Pools = Rpc.make("Pools", { error: Schema.String })
const All = RpcGroup.make(Own, None, Pools)
const fails = () => Effect.fail("no")
const handlers = Handlers.layer(All).pipe(Layer.provide(All.toLayer({ Own: fails, None: fails, Pools: fails })))

const makePool = (options: ElasticPool.Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const making = ElasticPool.make({ scaling: "none", ...options })
    return (yield* making.pipe(Effect.provide(handlers), Scope.provide(scope))).pool
  })

describe("the breaker of a type", () => {
  it.effect("is its annotation's, or none, or the pool's, and each has its own; so has run", () =>
    Effect.gen(function* () {
      const pool = yield* makePool({ breaker: breaker({ whenOpen: "fail" }) })
      for (const _ of [1, 2]) yield* Effect.exit(pool.execute(Own, undefined))
      for (const _ of [1, 2]) assert.strictEqual(yield* hears(pool.execute(None, undefined)), "failure")
      assert.strictEqual(yield* hears(pool.execute(Pools, undefined)), "failure")
      assert.strictEqual(yield* hears(pool.execute(Pools, undefined)), "CircuitOpen")
      assert.strictEqual(yield* hears(pool.run(Effect.fail("no"))), "failure")
      assert.strictEqual(yield* hears(pool.run(Effect.void)), "CircuitOpen")
      yield* Effect.exit(pool.execute(Own, undefined))
      const { limits } = yield* pool.snapshot
      assert.deepStrictEqual(
        Object.entries(limits).map(([name, { breaker }]) => [name, breaker!.open]),
        [
          ["breaker:Own", 1],
          ["breaker:Pools", 1],
          ["breaker:run", 1]
        ]
      )
    })
  )

  it.effect("is no limit that setLimit could change, and its name no other limit's", () =>
    Effect.gen(function* () {
      const pool = yield* makePool({ breaker: breaker() })
      yield* Effect.exit(pool.execute(Pools, undefined))
      assert.strictEqual(yield* hears(pool.setLimit("breaker:Pools", { concurrency: 1 })), "InvalidPoolConfig")
      const limits = [Limit.make({ name: "breaker:Own", concurrency: 1 })]
      assert.strictEqual(yield* hears(makePool({ limits })), "InvalidPoolConfig")
      assert.strictEqual(yield* hears(makePool({ breaker: breaker({ probes: 0 }) })), "InvalidPoolConfig")
    })
  )

  it.effect("that is wrong fails the pool with its field", () =>
    Effect.gen(function* () {
      const Wrong = annotated("Wrong", breaker({ probes: 0 }))
      const group = RpcGroup.make(Wrong)
      const layer = Handlers.layer(group).pipe(Layer.provide(group.toLayer({ Wrong: fails })))
      const error = yield* Effect.flip(ElasticPool.make().pipe(Effect.provide(layer)))
      assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "Wrong.breaker.probes" })
    })
  )
})

describe("a request within another", () => {
  it.effect("of its breaker is part of a probe, and does not wait for it", () =>
    withJobs(
      { maxWorkers: 1, breaker: breaker() },
      (n, pool, nested) => (n === 0 ? Effect.fail("no") : n === 1 ? Effect.as(nested.work(10), n) : job(pool, n - 1)),
      (pool) =>
        Effect.gen(function* () {
          yield* Effect.exit(job(pool, 0))
          const probe = yield* Effect.forkChild(job(pool, 3), { startImmediately: true })
          const other = yield* Effect.forkChild(job(pool, 1), { startImmediately: true })
          yield* TestClock.adjust(999)
          assert.deepStrictEqual([state(probe), state(other)], ["waits", "waits"])
          yield* TestClock.adjust(11)
          assert.deepStrictEqual([state(probe), state(other)], ["success", "waits"])
          yield* TestClock.adjust(10)
          assert.strictEqual(state(other), "success")
        })
    )
  )

  it.effect("passes no open breaker, though its caller began before that, and is the probe later", () =>
    withJobs(
      { maxWorkers: 4, minWorkers: 4, breaker: breaker() },
      (n, pool, nested) =>
        n === 0
          ? Effect.fail("no")
          : n === 1
            ? Effect.as(nested.work(10), n)
            : Effect.andThen(nested.work(100), job(pool, 1)),
      (pool) =>
        Effect.gen(function* () {
          const outer = yield* Effect.forkChild(job(pool, 2), { startImmediately: true })
          yield* TestClock.adjust(50)
          yield* Effect.exit(job(pool, 0))
          yield* TestClock.adjust(999)
          assert.strictEqual(state(outer), "waits")
          yield* TestClock.adjust(10)
          assert.strictEqual(state(outer), "waits")
          yield* TestClock.adjust(1)
          assert.strictEqual(state(outer), "success")
        })
    )
  )
})

describe("pools for tests", () => {
  const Work = Rpc.make("Work", { payload: { ok: Schema.Boolean }, error: Schema.String })
  const group = RpcGroup.make(Work)
  const works = Handlers.layer(group).pipe(
    Layer.provide(group.toLayer({ Work: ({ ok }) => (ok ? Effect.void : Effect.fail("no")) }))
  )

  it.effect("inline: what waits at a breaker begins by itself when that lets it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* Effect.exit(pool.execute(Work, { ok: false }))
      const waits = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkChild(pool.execute(Work, { ok: true }), { startImmediately: true })
      )
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(waits.map(state), ["waits", "waits", "waits"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(waits.map(state), ["success", "success", "success"])
    }).pipe(Effect.provide(Layer.provide(TestPool.layerInline({ breaker: breaker() }), works)))
  )

  it.effect("manual: a step finds nothing that an open breaker holds back", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { runAll, step } = yield* TestPool.Steps
      for (const ok of [false, true, true]) yield* pool.submit(Work, { ok })
      assert.strictEqual(yield* runAll, 1)
      assert.isFalse(yield* step)
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* runAll, 2)
    }).pipe(Effect.provide(Layer.provide(TestPool.layerManual({ breaker: breaker() }), works)))
  )
})

describe("a pool without a breaker", () => {
  it.effect("keeps the plain line, and shows nothing of one", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        yield* bench.execute("a")
        const { keys, limits } = yield* bench.pool.snapshot
        assert.deepStrictEqual([keys, limits], [0, {}])
      })
    )
  )
})
