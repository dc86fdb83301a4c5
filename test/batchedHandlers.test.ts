/** Handlers of several requests at once: which are refused, what they run with, and what they may ask of their own pool. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../src/CircuitBreaker.ts"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as RequestPolicy from "../src/RequestPolicy.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as TestPool from "../src/TestPool.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { countsOf, heardBy, Index, withBatches } from "./support/batchBench.ts"
import { show } from "./support/bench.ts"

class TooBig extends Schema.TaggedError<TooBig>()("TooBig", {}) {}
class Store extends Context.Service<Store, { readonly name: string }>()("Store") {}
const Put = Rpc.make("Put", { payload: { row: Schema.Number }, success: Schema.String, error: TooBig })
const PutMany = Put.annotate(RequestPolicy.RequestPolicy, { batch: { size: 3 } })
const each = Handlers.batched(PutMany, (rows) => Effect.succeed(rows.map(({ row }) => Exit.succeed(String(row)))))

const whyNot = (group: RpcGroup.RpcGroup<any>, handlers: Layer.Layer<any>) =>
  Effect.flip(Layer.build(ElasticPool.layer().pipe(Layer.provide(Handlers.layer(group)), Layer.provide(handlers))))

describe("a batched handler", () => {
  it("has the types of its Rpc", () => {
    const unused = () => {
      const handler = Handlers.batched(Put, (payloads) => {
        expectTypeOf(payloads).toEqualTypeOf<ReadonlyArray<{ readonly row: number }>>()
        return Effect.map(Store, ({ name }) => payloads.map(() => Exit.succeed(name)))
      })
      expectTypeOf(handler({ row: 1 })).toEqualTypeOf<Effect.Effect<string, TooBig, Store>>()
      expectTypeOf(RpcGroup.make(Put).toLayer({ Put: handler })).toEqualTypeOf<
        Layer.Layer<Rpc.ToHandler<typeof Put>, never, Store>
      >()
      // @ts-expect-error exits of the wrong type
      Handlers.batched(Put, () => Effect.succeed([Exit.succeed(1)]))
      // @ts-expect-error an error that is not the Rpc's
      Handlers.batched(Put, () => Effect.fail("no"))
      // @ts-expect-error values in place of exits
      Handlers.batched(Put, () => Effect.succeed(["a"]))
    }
    void unused
  })

  it.effect("without a `batch` in its policy is refused, and the Rpc is named", () => {
    const group = RpcGroup.make(Put)
    return Effect.gen(function* () {
      const error = yield* whyNot(group, group.toLayer({ Put: each }))
      assert.deepInclude(error, { _tag: "UnsupportedRpc", tag: "Put" })
      assert.match(String(error.message), /has no `batch`/)
    })
  })

  it.effect("is wanted where its policy has a `batch`", () => {
    const group = RpcGroup.make(PutMany)
    return Effect.gen(function* () {
      const error = yield* whyNot(group, group.toLayer({ Put: () => Effect.succeed("") }))
      assert.deepInclude(error, { _tag: "UnsupportedRpc", tag: "Put" })
      assert.match(String(error.message), /Handlers.batched/)
    })
  })

  for (const [batch, field, actual] of [
    [{ size: 0 }, "Put.batch.size", "0"],
    [{ size: 1.5 }, "Put.batch.size", "1.5"],
    [{ size: 2, within: -1 }, "Put.batch.within", "-1"]
  ] as const) {
    it.effect(`is refused with ${JSON.stringify(batch)}`, () => {
      const group = RpcGroup.make(Put.annotate(RequestPolicy.RequestPolicy, { batch }))
      return Effect.gen(function* () {
        const error = yield* whyNot(group, group.toLayer({ Put: each }))
        assert.deepInclude(error, { _tag: "InvalidPoolConfig", field })
        assert.include(String((error as { readonly actual?: unknown }).actual), actual)
      })
    })
  }

  it.effect("called for one payload is a batch of one, wherever it runs", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* each({ row: 7 }), "7")
      const wrong = Handlers.batched(PutMany, () => Effect.succeed([]))
      assert.strictEqual(show(yield* Effect.exit(wrong({ row: 7 }))), "defect")
    })
  )

  it.effect("is told which requests they are, alone and together, by facts that it cannot change", () => {
    const group = RpcGroup.make(PutMany)
    const told: Array<unknown> = []
    const handler = Handlers.batched(PutMany, (rows, requests) => {
      told.push(requests)
      return told.length === 1 ? Effect.fail(new TooBig()) : Effect.succeed(rows.map(() => Exit.succeed("")))
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* pool.execute(PutMany, { row: 1 }, { id: "a", retry: RetryPolicy.make({ times: 1, base: 0 }) })
      yield* pool.pause
      const calls = yield* Effect.forEach(["b", "c"], (id) => pool.submit(PutMany, { row: 1 }, { id }))
      yield* pool.resume
      for (const { await: ended } of calls) yield* ended
      assert.deepStrictEqual(told, [
        [{ id: "a", attempts: 1 }],
        [{ id: "a", attempts: 2 }],
        [
          { id: "b", attempts: 1 },
          { id: "c", attempts: 1 }
        ]
      ])
    }).pipe(
      Effect.provide(
        ElasticPool.layer({ scaling: "none", minWorkers: 1 }).pipe(
          Layer.provide(Handlers.layer(group)),
          Layer.provide(group.toLayer({ Put: handler }))
        )
      )
    )
  })

  it.effect("has the annotation of its group", () => {
    class Rows extends RpcGroup.make(Put).annotate(RequestPolicy.RequestPolicy, { batch: { size: 2, within: 5 } }) {}
    const sizes: Array<number> = []
    const handler = Handlers.batched(Put, (rows) => {
      sizes.push(rows.length)
      return Effect.succeed(rows.map(() => Exit.succeed("")))
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* Effect.all(
        [1, 2].map((row) => pool.execute(Put, { row })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(sizes, [2])
    }).pipe(
      Effect.provide(
        ElasticPool.layer().pipe(Layer.provide(Handlers.layer(Rows)), Layer.provide(Rows.toLayer({ Put: handler })))
      )
    )
  })
})

describe("what a batch asks of its own pool", () => {
  it.effect("runs in its slot, where it keeps the only worker", () =>
    withBatches({ annotation: { batch: { size: 2, within: 5 } }, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) =>
          ids[0]!.startsWith("part")
            ? Effect.as(
                Effect.sleep(3),
                ids.map((id) => Exit.succeed(id))
              )
            : Effect.map(
                Effect.forEach(ids, (id) => bench.pool.execute(Index, { id: `part of ${id}` }), {
                  concurrency: "unbounded"
                }),
                (parts) => parts.map((part) => Exit.succeed(part))
              )
        const callers = yield* bench.calls("a", "b")
        yield* TestClock.adjust(2)
        assert.deepInclude(yield* countsOf(bench), { running: 4, batched: 2, lent: 1, workers: 2 })
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(heardBy(callers), ["success", "success"])
        assert.deepStrictEqual(bench.begun, ["0 a b", "0 part of a part of b"])
      })
    )
  )

  it.effect("waits for others to come along as elsewhere", () =>
    withBatches({ annotation: { batch: { size: 2, within: 5 } }, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) =>
          ids[0] === "part"
            ? Effect.succeed([Exit.succeed("x")])
            : Effect.map(bench.pool.execute(Index, { id: "part" }), (part) => ids.map(() => Exit.succeed(part)))
        yield* bench.calls("a", "b")
        yield* TestClock.adjust(4)
        assert.deepStrictEqual(bench.begun, ["0 a b"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.begun, ["0 a b", "5 part"])
        assert.deepStrictEqual(bench.heard, ["a success", "b success"])
      })
    )
  )

  it.effect("is refused where it would wait for itself, whichever of the batch that is", () =>
    withBatches({ annotation: { batch: { size: 2 } }, minWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        yield* bench.submit("a")
        const b = yield* bench.submit("b")
        bench.answer = () => Effect.as(b.await, [])
        yield* bench.pool.resume
        yield* TestClock.adjust(1)
        const { exit } = yield* b.outcome
        assert.strictEqual(show(exit), "NestedWaitRefused")
      })
    )
  )
})

describe("a batch beside what protects a pool", () => {
  it.effect("says of a breaker how each of its requests went", () =>
    withBatches({
      annotation: {
        batch: { size: 3, within: 5 },
        breaker: CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(3), openDuration: 100 })
      }
    })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) => (bench.begun.length === 1 ? Effect.fail("all") : Effect.succeed(ids.map(Exit.succeed)))
        yield* bench.calls("a", "b", "c")
        yield* bench.calls("d", "e", "f")
        yield* TestClock.adjust(99)
        assert.deepStrictEqual(bench.begun, ["0 a b c"])
        yield* TestClock.adjust(1)
        // One probe, which is a batch.
        assert.deepStrictEqual(bench.begun, ["0 a b c", "100 d e f"])
        yield* bench.calls("g", "h", "i")
        yield* TestClock.adjust(0)
        assert.strictEqual((yield* countsOf(bench)).succeeded, 6)
      })
    )
  )

  for (const [how, ended] of [
    ["has timed out", 150],
    ["has succeeded", 120]
  ] as const) {
    it.effect(`is one probe until it ${how}, whichever of its requests has gone before`, () =>
      withBatches({
        annotation: {
          batch: { size: 2, within: 5 },
          timeout: 50,
          breaker: CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(2), openDuration: 100 })
        },
        minWorkers: 4
      })((bench) =>
        Effect.gen(function* () {
          bench.answer = () => Effect.fail("all")
          yield* bench.calls("a", "b")
          yield* Effect.yieldNow
          bench.answer = (ids) => Effect.as(Effect.sleep(ended === 150 ? 1000 : 20), ids.map(Exit.succeed))
          const c = yield* bench.submit("c")
          yield* bench.submit("d")
          yield* bench.calls("e", "f")
          yield* TestClock.adjust(100)
          yield* c.cancel
          yield* TestClock.adjust(ended - 101)
          assert.deepStrictEqual(bench.begun, ["0 a b", "100 c d"])
          yield* TestClock.adjust(1)
          const { breaker } = (yield* countsOf(bench)).limits["breaker:Index"]!
          assert.deepInclude(breaker, ended === 150 ? { open: 1, opened: 2 } : { open: 0, halfOpen: 0, opened: 1 })
          yield* TestClock.adjust(99)
          const next = ended === 150 ? [] : ["120 e f"]
          assert.deepStrictEqual(bench.begun, ["0 a b", "100 c d", ...next])
          yield* TestClock.adjust(1)
          assert.strictEqual(bench.begun.length, 3)
        })
      )
    )
  }

  it.effect("puts into the budget for retries what each of its requests is worth, and each takes its own", () =>
    withBatches({
      annotation: { batch: { size: 4, within: 5 }, retry: RetryPolicy.make({ times: 1, base: 0 }) },
      retryBudget: RetryBudget.make({ ratio: 0.5, minPerSecond: 0 })
    })((bench) =>
      Effect.gen(function* () {
        bench.answer = () => Effect.fail("all")
        yield* bench.calls("a", "b", "c", "d")
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* countsOf(bench), { retries: 2, retriesDenied: 2, failed: 4 })
      })
    )
  )
})

describe("a pool for tests", () => {
  class Rows extends RpcGroup.make(Put.annotate(RequestPolicy.RequestPolicy, { batch: { size: 2, within: 5 } })) {}
  const withRows = (sizes: Array<number>) =>
    Layer.provide(
      Handlers.layer(Rows),
      Rows.toLayer({
        Put: Handlers.batched(Put, (rows) => {
          sizes.push(rows.length)
          return Effect.succeed(rows.map(() => Exit.succeed("")))
        })
      })
    )

  it.effect("inline runs a batch when it is full, or its time has come", () => {
    const sizes: Array<number> = []
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      for (const row of [1, 2, 3]) yield* pool.submit(Put, { row })
      assert.deepStrictEqual(sizes, [2])
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(sizes, [2, 1])
    }).pipe(Effect.provide(Layer.provide(TestPool.layerInline(), withRows(sizes))))
  })

  it.effect("by hand takes one step for a batch", () => {
    const sizes: Array<number> = []
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      const { runAll } = yield* TestPool.Steps
      for (const row of [1, 2, 3, 4, 5]) yield* pool.submit(Put, { row })
      assert.strictEqual(yield* runAll, 2)
      assert.deepStrictEqual(sizes, [2, 2])
      yield* TestClock.adjust(5)
      assert.strictEqual(yield* runAll, 1)
    }).pipe(Effect.provide(Layer.provide(TestPool.layerManual(), withRows(sizes))))
  })
})
