/** The 21 faults of the pool that this one starts from, each with a test that shows ours right. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import { signals } from "./support/signals.ts"
import { type Bench, hears, ignoring, state, withPool, Work, Works } from "./support/bench.ts"

const workers = (bench: Bench) => Effect.map(bench.pool.snapshot, (snapshot) => snapshot.workers)
const decideOnce = (waiting: number, target: number) => (bench: Bench) =>
  Effect.map(
    bench.pool.snapshot,
    (snapshot) =>
      ScalingPolicy.queueLength({ threshold: 10 }).decide({ ...signals, ...snapshot, waiting, target }, undefined)
        .workers
  )

describe("the article", () => {
  it.effect("1. three quarters of a threshold that is no multiple of four is a number like any other", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        assert.deepStrictEqual([yield* decideOnce(7, 5)(bench), yield* decideOnce(8, 5)(bench)], [4, 5])
      })
    )
  )

  it.effect("2. a pool that was started can be stopped, and its workers are waited for", () =>
    withPool({ minWorkers: 5, maxWorkers: 5 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        yield* bench.submit("a")
        const drain = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* Fiber.join(drain), { forced: false, accepted: 1 })
        assert.strictEqual(yield* workers(bench), 0)
      })
    )
  )

  it.effect("3. the number of workers that is told is the number that there are, at every moment", () =>
    withPool({ maxWorkers: 8 })((bench) =>
      Effect.gen(function* () {
        let alive = 1
        yield* bench.pool.events.pipe(
          Stream.runForEach(({ _tag }) =>
            Effect.sync(() => {
              alive += _tag === "WorkerStarted" ? 1 : _tag === "WorkerEnded" ? -1 : 0
            })
          ),
          Effect.forkChild({ startImmediately: true })
        )
        bench.on("a", Effect.as(Effect.sleep(7), "a"))
        for (const target of [8, 3, 5, 1, 8, 2]) {
          yield* bench.submit("a")
          yield* bench.pool.resize(target)
          yield* TestClock.adjust(3)
          assert.strictEqual(yield* workers(bench), alive)
        }
      })
    )
  )

  it.effect("4. a request after, or racing, the stop is refused with an error that it can handle", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        yield* bench.submit("a")
        const drain = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        assert.strictEqual(yield* hears(bench.execute("racing")), "PoolDraining")
        yield* TestClock.adjust(10)
        yield* Fiber.join(drain)
        assert.strictEqual(yield* hears(bench.execute("after")), "PoolDraining")
      })
    )
  )

  it.effect("5. the stop returns at its deadline and grace, whatever is stuck", () =>
    withPool({ drainGrace: 20 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.uninterruptible(Effect.never))
        yield* bench.submit("a")
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: 100 }), { startImmediately: true })
        yield* TestClock.adjust(120)
        assert.strictEqual(state(drain), "success")
      })
    )
  )

  it.effect("6. a timed-out handler never runs beside its own retry", () =>
    withPool({ minWorkers: 4, timeout: 10, retry: RetryPolicy.make({ times: 3, base: 0 }) })((bench) =>
      Effect.gen(function* () {
        bench.on(
          "a",
          Effect.onInterrupt(Effect.never, () => Effect.sleep(50))
        )
        yield* bench.submit("a")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(bench.peak, 1)
        assert.strictEqual(bench.log.filter((line) => line.endsWith("start")).length, 4)
      })
    )
  )

  it.effect("7. an attempt that has ended leaves no timer behind", () =>
    withPool({ maxWorkers: 1, timeout: 100 })((bench) =>
      Effect.gen(function* () {
        for (let n = 0; n < 50; n++) yield* bench.execute("quick")
        bench.on("long", Effect.as(Effect.sleep(90), "long"))
        yield* TestClock.adjust(50)
        const long = yield* bench.call("long")
        yield* TestClock.adjust(90)
        assert.strictEqual(state(long), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { timedOut: 0, stuck: 0 })
      })
    )
  )

  it.effect("8. the scaler ends with the pool and starts no worker after it", () =>
    withPool({ scaling: ScalingPolicy.fixed(5) })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.drain()
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* bench.scaler.recent, [])
        assert.strictEqual(yield* workers(bench), 0)
      })
    )
  )

  it.effect("9. a load that stays does not make the number of workers flip to and fro", () =>
    withPool({ minWorkers: 2, scaling: ScalingPolicy.queueLength({ threshold: 10 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("hangs", Effect.never)
        for (let n = 0; n < 10; n++) yield* bench.submit("hangs")
        yield* TestClock.adjust("20 seconds")
        const { length } = yield* bench.scaler.recent
        assert.strictEqual(length, 20)
        assert.strictEqual(yield* workers(bench), 2)
      })
    )
  )

  it.effect("10. taking workers away waits for nobody, and a later one is not taken away in its stead", () =>
    withPool({ minWorkers: 1, maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.resize(4)
        for (let n = 0; n < 4; n++) {
          bench.on(`${n}`, Effect.as(Effect.sleep(100), ""))
          yield* bench.submit(`${n}`)
        }
        yield* bench.pool.resize(1)
        assert.strictEqual(yield* workers(bench), 4)
        yield* bench.pool.resize(4)
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* workers(bench), 4)
      })
    )
  )

  it.effect("11. worker ids are never used again", () =>
    withPool({ maxWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        const ids: Array<number> = []
        yield* bench.pool.events.pipe(
          Stream.runForEach((event) => Effect.sync(() => event._tag === "WorkerStarted" && ids.push(event.worker))),
          Effect.forkChild({ startImmediately: true })
        )
        for (const target of [4, 1, 4, 2, 4, 1, 3]) yield* bench.pool.resize(target)
        yield* TestClock.adjust(0)
        assert.strictEqual(new Set(ids).size, ids.length)
        assert.strictEqual(ids.length, 3 + 3 + 2 + 2)
      })
    )
  )

  it.effect("12. a dropped request's sender hears of it", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.submit("a")
        yield* bench.submit("b")
        assert.strictEqual(yield* hears(bench.execute("c")), "QueueFull")
      })
    )
  )

  it.effect("13. retries back off, and what can never succeed is not retried", () =>
    withPool({
      minWorkers: 2,
      retry: RetryPolicy.make({ times: 2, base: 100, jitter: "none", failures: (error) => error !== "never" })
    })((bench) =>
      Effect.gen(function* () {
        bench.on("later", Effect.fail("later"))
        bench.on("never", Effect.fail("never"))
        yield* bench.submit("later")
        yield* bench.submit("never")
        yield* TestClock.adjust("1 second")
        const starts = bench.log.filter((line) => line.endsWith("start")).sort()
        assert.deepStrictEqual(starts, ["0 later1 start", "0 never1 start", "100 later2 start", "300 later3 start"])
      })
    )
  )

  it.effect("14. a handler that dies ends neither its worker nor the program", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", () => {
          throw new Error("panic")
        })
        assert.strictEqual(yield* hears(bench.execute("a")), "defect")
        assert.strictEqual(yield* bench.execute("b"), "b")
        assert.strictEqual(yield* workers(bench), 1)
      })
    )
  )

  it.effect("15. a handler is interrupted at its timeout", () =>
    withPool({ timeout: 10 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.submit("a")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(bench.log, ["0 a1 start", "10 a1 interrupted"])
      })
    )
  )

  it.effect("16. what fails for good is told to its caller and kept", () =>
    withPool({ retry: RetryPolicy.make({ times: 1, base: 0 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("mine"))
        assert.strictEqual(yield* hears(bench.execute("a")), "failure")
        const [letter] = yield* bench.pool.deadLetters.list
        assert.deepInclude(letter!.outcome, { end: "failed", attempts: 2 })
      })
    )
  )

  it.effect("17. requests and failed attempts print nothing and cost no time", () =>
    withPool({ maxWorkers: 1, retry: RetryPolicy.make({ times: 1, base: 0 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("f"))
        yield* hears(bench.execute("fails"))
        yield* bench.execute("fine")
        assert.deepStrictEqual([...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)], [])
        assert.deepInclude(yield* bench.pool.snapshot, { atMillis: 0, attempts: 3 })
      })
    )
  )

  it.effect("18. a request of unknown type fails by its name", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.pool.submitUnknown("Unknown", {}))
        assert.deepInclude(error, { _tag: "HandlerNotFound", tag: "Unknown" })
      })
    )
  )

  it.effect("19. of a handler's end and its timeout one wins, in the same way every time", () =>
    withPool({ minWorkers: 3, timeout: 10, interruptGrace: 100 })((bench) =>
      Effect.gen(function* () {
        bench.on("same millisecond", Effect.as(Effect.sleep(10), ""))
        bench.on("too late", ignoring(11))
        for (let n = 0; n < 20; n++) {
          const calls = [yield* bench.call("same millisecond"), yield* bench.call("too late")]
          yield* TestClock.adjust(20)
          assert.deepStrictEqual(calls.map(state), ["success", "RequestTimeout"])
        }
        assert.deepInclude(yield* bench.pool.snapshot, { succeeded: 20, timedOut: 20 })
      })
    )
  )

  it.effect("20. each pool has its own handlers for the same tag", () => {
    const poolOf = (name: string) =>
      ElasticPool.make({ name }).pipe(
        Effect.provide(Handlers.layer(Works).pipe(Layer.provide(Works.toLayer({ Work: () => Effect.succeed(name) }))))
      )
    return Effect.gen(function* () {
      const one = yield* poolOf("one")
      const two = yield* poolOf("two")
      assert.strictEqual(yield* one.pool.execute(Work, { id: "" }), "one")
      assert.strictEqual(yield* two.pool.execute(Work, { id: "" }), "two")
    })
  })

  it.effect('21. "no timeout" can be said, for one call and for a pool', () =>
    withPool({ timeout: 10, minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep("1 hour"), "a"))
        const a = yield* bench.call("a", { timeout: "none" })
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(state(a), "success")
      })
    )
  )
})
