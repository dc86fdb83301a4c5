/** The pools for users' tests, and what is later, comes again, is there twice, fails, or runs with others. */
import { beforeEach, describe, expect, it } from "@effect/vitest"
import { Cron, type DateTime, Effect, Exit, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import {
  CircuitBreaker,
  Handlers,
  Recurring,
  RequestPolicy,
  RetryBudget,
  RetryPolicy,
  WorkerPool
} from "../src/index.ts"
import * as TestPool from "../src/TestPool.ts"

const Save = Rpc.make("Save", { payload: { text: Schema.String }, error: Schema.String })
const Row = Rpc.make("Row", { payload: { n: Schema.Number }, success: Schema.Number }).annotate(
  RequestPolicy.RequestPolicy,
  { batch: { size: 3, within: "10 millis" } }
)
class Works extends RpcGroup.make(Save, Row) {}

let log: Array<string> = []
let isDown = false
const handlers = Handlers.layer(Works).pipe(
  Layer.provideMerge(
    Works.toLayer({
      Save: ({ text }) =>
        Effect.suspend(() => {
          log.push(text)
          return isDown ? Effect.fail("down") : Effect.void
        }),
      Row: Handlers.batched(Row, (rows) => {
        log.push(rows.map(({ n }) => n).join(" "))
        return Effect.succeed(rows.map(({ n }) => Exit.succeed(n)))
      })
    })
  )
)

/** What has run once all has that can start; in a manual pool it is told to. */
type Sees = (seen: ReadonlyArray<string>) => Effect.Effect<void>

const pools: ReadonlyArray<
  readonly [
    string,
    (
      options?: TestPool.Options
    ) => <A, E>(
      test: (pool: WorkerPool.WorkerPool["Service"], sees: Sees) => Effect.Effect<A, E, never>
    ) => Effect.Effect<A, unknown>
  ]
> = [
  [
    "layer",
    (options) => (test) =>
      Effect.flatMap(WorkerPool.WorkerPool, (pool) =>
        test(pool, (seen) => Effect.map(TestClock.adjust(0), () => expect(log).toEqual(seen)))
      ).pipe(Effect.provide(Layer.provideMerge(TestPool.layer(options), handlers)))
  ],
  [
    "layerInline",
    (options) => (test) =>
      Effect.flatMap(WorkerPool.WorkerPool, (pool) =>
        test(pool, (seen) => Effect.sync(() => expect(log).toEqual(seen)))
      ).pipe(Effect.provide(Layer.provideMerge(TestPool.layerInline(options), handlers)))
  ],
  [
    "layerManual",
    (options) => (test) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.WorkerPool
        const { runAll } = yield* TestPool.Steps
        return yield* test(pool, (seen) => Effect.map(runAll, () => expect(log).toEqual(seen)))
      }).pipe(Effect.provide(Layer.provideMerge(TestPool.layerManual(options), handlers)))
  ]
]

beforeEach(() => {
  log = []
  isDown = false
})

for (const [name, withPool] of pools) {
  describe(`TestPool.${name}`, () => {
    it.effect("starts what is later when its time has come", () =>
      withPool()((pool, sees) =>
        Effect.gen(function* () {
          const ticket = yield* pool.submit(Save, { text: "a" }, { delay: "1 hour" })
          yield* TestClock.adjust("59 minutes")
          yield* sees([])
          expect(yield* ticket.status).toBe("delayed")
          yield* TestClock.adjust("1 minute")
          yield* sees(["a"])
        })
      )
    )

    it.effect("has the last of those that put off its start", () =>
      withPool()((pool, sees) =>
        Effect.gen(function* () {
          for (const text of ["p", "po", "poo"]) {
            yield* pool.submit(Save, { text }, { primaryKey: "1", duplicate: "latest", debounce: 100 })
            yield* TestClock.adjust(50)
          }
          yield* TestClock.adjust(49)
          yield* sees([])
          yield* TestClock.adjust(1)
          yield* sees(["poo"])
        })
      )
    )

    it.effect("joins one that has not ended", () =>
      withPool()((pool, sees) =>
        Effect.gen(function* () {
          const save = pool.submit(Save, { text: "a" }, { primaryKey: "1", duplicate: "join", delay: 10 })
          yield* save
          yield* save
          yield* TestClock.adjust(10)
          yield* sees(["a"])
          expect(yield* pool.snapshot).toMatchObject({ joined: 1, succeeded: 1 })
        })
      )
    )

    it.effect("has a breaker that opens, lets a probe through, and closes", () =>
      withPool({
        breaker: CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(2), openDuration: "10 seconds" })
      })((pool, sees) =>
        Effect.gen(function* () {
          isDown = true
          yield* pool.submit(Save, { text: "a" })
          yield* sees(["a"])
          yield* pool.submit(Save, { text: "b" })
          yield* sees(["a", "b"])
          for (const text of ["c", "d"]) yield* pool.submit(Save, { text })
          yield* TestClock.adjust(9999)
          yield* sees(["a", "b"])
          expect(yield* pool.snapshot).toMatchObject({ failed: 2, waiting: 2, heldBack: 2 })
          isDown = false
          yield* TestClock.adjust(1)
          yield* sees(["a", "b", "c", "d"])
          expect((yield* pool.snapshot).limits["breaker:Save"]!.breaker).toMatchObject({ open: 0, opened: 1 })
        })
      )
    )

    it.effect("retries no more than its budget has", () =>
      withPool({
        retry: RetryPolicy.make({ times: 3, base: 0 }),
        retryBudget: RetryBudget.make({ ratio: 0.5, minPerSecond: 0 })
      })((pool, sees) =>
        Effect.gen(function* () {
          isDown = true
          yield* pool.submit(Save, { text: "a" })
          yield* sees(["a"])
          yield* pool.submit(Save, { text: "b" })
          yield* sees(["a", "b", "b"])
          expect(yield* pool.snapshot).toMatchObject({ failed: 2, retries: 1, retriesDenied: 2 })
        })
      )
    )

    it.effect("runs a batch once it is full, or its time has come", () =>
      withPool()((pool, sees) =>
        Effect.gen(function* () {
          for (const n of [1, 2, 3, 4]) yield* pool.submit(Row, { n })
          yield* sees(["1 2 3"])
          yield* TestClock.adjust(9)
          yield* sees(["1 2 3"])
          yield* TestClock.adjust(1)
          yield* sees(["1 2 3", "4"])
        })
      )
    )

    it.effect("has what comes again and again", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 2, 28))
        yield* withPool({ scaling: "none" })((pool, sees) =>
          Effect.scoped(
            Effect.gen(function* () {
              yield* Recurring.make(pool, {
                name: "nightly",
                cron: Cron.parseUnsafe("30 2 * * *", "Europe/Berlin"),
                call: (tick: DateTime.Utc) =>
                  WorkerPool.call(Save, { text: new Date(tick.epochMilliseconds).toISOString().slice(5, 16) })
              })
              yield* TestClock.adjust("89 minutes")
              yield* sees([])
              yield* TestClock.adjust("1 minute")
              yield* sees(["03-28T01:30"])
              yield* TestClock.adjust("1 day")
              yield* sees(["03-28T01:30", "03-29T01:30"])
              yield* TestClock.adjust("23 hours")
              yield* sees(["03-28T01:30", "03-29T01:30", "03-30T00:30"])
            })
          )
        )
      })
    )

    it.effect("has groups", () =>
      withPool()((pool, sees) =>
        Effect.gen(function* () {
          for (const text of ["a", "b"]) yield* pool.submit(Save, { text }, { group: "g", delay: 10 })
          expect(yield* pool.group("g").counts).toMatchObject({ delayed: 2 })
          yield* TestClock.adjust(10)
          yield* sees(["a", "b"])
          expect(yield* pool.group("g").awaitAll).toMatchObject({ succeeded: 2 })
        })
      )
    )
  })
}
