/** A pool inside somebody's program: ManagedRuntime, and being started and stopped again and again. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer, Logger, ManagedRuntime, References, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as Scaler from "../src/Scaler.ts"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { advanceUntilDone, Works } from "./support/bench.ts"

/** The same pool as in a program of its own, over the test's clock. */
const embed = (work: (id: string) => Effect.Effect<string>, options: ElasticPool.Options) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const handlers = Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: ({ id }) => work(id) })))
    const layer = ElasticPool.layer(options).pipe(Layer.provide(handlers))
    return ManagedRuntime.make(layer.pipe(Layer.provideMerge(Layer.succeed(Clock.Clock, clock))))
  })

const execute = (id: string) =>
  Effect.flatMap(WorkerPool.client(Works) as Effect.Effect<any, never, any>, (client) => client.Work({ id }))

describe("under ManagedRuntime", () => {
  it.effect("workers and scaler live on from one runPromise to the next", () =>
    Effect.gen(function* () {
      const runtime = yield* embed(Effect.succeed, { maxWorkers: 4, scaling: ScalingPolicy.fixed(3) })
      const ask = <A, E>(effect: Effect.Effect<A, E, WorkerPool.WorkerPool | Scaler.Scaler>) =>
        Effect.promise(() => runtime.runPromise(effect))
      assert.strictEqual(yield* ask(execute("one")), "one")
      assert.strictEqual(yield* ask(execute("two")), "two")
      yield* TestClock.adjust("2 seconds")
      const snapshot = yield* ask(Effect.flatMap(WorkerPool.WorkerPool, (pool) => pool.snapshot))
      assert.deepInclude(snapshot, { workers: 3, succeeded: 2 })
      assert.strictEqual((yield* ask(Effect.flatMap(Scaler.Scaler, (scaler) => scaler.recent))).length, 2)
      yield* Effect.promise(() => runtime.dispose())
    })
  )

  it.effect("dispose drains: what was accepted ends, and then nothing is left", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const work = (id: string) =>
        Effect.sleep(1000).pipe(
          Effect.as(id),
          Effect.onExit(() => Effect.sync(() => ended.push(id)))
        )
      const runtime = yield* embed(work, { maxWorkers: 1, drainDeadline: "10 seconds" })
      const pool = yield* Effect.promise(() => runtime.runPromise(WorkerPool.WorkerPool))
      const submit = (id: string) => pool.submit(Works.requests.get("Work")!, { id })
      yield* submit("a")
      yield* submit("b")
      const disposing = yield* Effect.forkChild(
        Effect.promise(() => runtime.dispose()),
        { startImmediately: true }
      )
      yield* TestClock.adjust(1999)
      yield* TestClock.withLive(Effect.yieldNow)
      assert.strictEqual(disposing.pollUnsafe(), undefined)
      yield* TestClock.adjust(1)
      yield* Fiber.join(disposing)
      assert.deepStrictEqual(ended, ["a", "b"])
      assert.deepInclude(yield* pool.snapshot, { state: "closed", workers: 0, succeeded: 2 })
    })
  )
})

describe("in somebody's log", () => {
  it.effect("a pool says at Info only what somebody must act on", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${String(message)}`))
      const use = (options: ElasticPool.Options, id: string) =>
        Effect.gen(function* () {
          const handlers = Handlers.layer(Works).pipe(
            Layer.provide(Works.toLayer({ Work: ({ id }) => (id === "never" ? Effect.never : Effect.succeed(id)) }))
          )
          const scope = yield* Scope.make()
          const { pool } = yield* ElasticPool.make(options).pipe(Effect.provide(handlers), Scope.provide(scope))
          yield* pool.submit(Works.requests.get("Work")!, { id })
          yield* TestClock.adjust("2 seconds")
          yield* advanceUntilDone(Scope.close(scope, Exit.void))
        }).pipe(Effect.provide(Logger.layer([logger])))
      yield* use({ name: "quiet", scaling: ScalingPolicy.make("three", () => 3) }, "a")
      assert.deepStrictEqual(lines, [])
      yield* use({ name: "quiet", scaling: ScalingPolicy.make("three", () => 3) }, "a").pipe(
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.match(lines[0]!, /^Debug At 00:00:0\d UTC pool "quiet" went up from 1 to 3 workers/)
      assert.match(lines[1]!, /^Debug pool "quiet" drained in 0 ms: 1 succeeded$/)
      assert.strictEqual(lines.splice(0).length, 2)
      yield* use({ name: "forced", drainDeadline: "1 second", scaling: "none" }, "never")
      assert.match(lines.join(), /^Warn pool "forced"/)
    })
  )
})

describe("started and stopped", () => {
  it.effect("200 times with requests in flight: every request has its end, and nothing is left running", () =>
    Effect.gen(function* () {
      let bodies = 0
      let leftovers = 0
      const counted = <A, E, R>(effect: Effect.Effect<A, E, R>, add: (n: number) => void) =>
        Effect.suspend(() => {
          add(1)
          return Effect.ensuring(
            effect,
            Effect.sync(() => add(-1))
          )
        })
      const work = (id: string) =>
        counted(
          Effect.gen(function* () {
            yield* Effect.forkChild(
              counted(Effect.never, (n) => (leftovers += n)),
              { startImmediately: true }
            )
            yield* Number(id) % 3 === 0 ? Effect.never : Effect.sleep(Number(id) % 50)
            return id
          }),
          (n) => (bodies += n)
        )
      const handlers = Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: ({ id }) => work(id) })))
      const Work = Works.requests.get("Work")!
      for (let round = 0; round < 200; round++) {
        const scope = yield* Scope.make()
        const { pool } = yield* ElasticPool.make({
          minWorkers: round % 3,
          maxWorkers: 4,
          capacity: 8,
          drainDeadline: round % 40,
          drainGrace: 10
        }).pipe(Effect.provide(handlers), Scope.provide(scope))
        const callers: Array<Fiber.Fiber<unknown, unknown>> = []
        for (let n = 0; n < 20; n++) {
          callers.push(
            yield* Effect.forkChild(Effect.exit(pool.execute(Work, { id: `${n}` })), { startImmediately: n % 2 === 0 })
          )
        }
        yield* TestClock.adjust(round % 30)
        yield* advanceUntilDone(Scope.close(scope, Exit.void))
        const heard = yield* Effect.forEach(callers, Fiber.join)
        assert.strictEqual(heard.length, 20)
        const snapshot = yield* pool.snapshot
        assert.deepInclude(snapshot, { state: "closed", workers: 0, running: 0, waiting: 0, delayed: 0, blocked: 0 })
        assert.deepStrictEqual([bodies, leftovers], [0, 0], `round ${round}`)
      }
    })
  )
})
