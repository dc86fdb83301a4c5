/** `WorkerPool.process`: a stream of calls in, a stream of what became of each out. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scheduler, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Outcome, Rejected } from "../src/Outcome.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { state, withPool, Work } from "./support/bench.ts"

const words = (outcomes: ReadonlyArray<Outcome | Rejected>) =>
  outcomes.map((outcome) => (outcome._tag === "Outcome" ? `${outcome.id} ${outcome.end}` : outcome.error._tag))

const calls = (...ids: ReadonlyArray<string>) =>
  Stream.fromIterable(ids.map((id) => WorkerPool.call(Work, { id }, { id })))

describe("process", () => {
  it.effect("emits outcomes as they come, or in the order of the calls", () =>
    withPool({ minWorkers: 3 })((bench) =>
      Effect.gen(function* () {
        bench.on("slow", Effect.as(Effect.sleep(30), "slow"))
        bench.on("bad", Effect.andThen(Effect.sleep(20), Effect.fail("bad")))
        const both = yield* Effect.forkChild(
          Effect.all([
            Stream.runCollect(bench.pool.process(calls("slow", "bad", "quick"))),
            Stream.runCollect(bench.pool.process(calls("slow", "bad", "quick"), { ordered: true }))
          ])
        )
        yield* TestClock.adjust("1 second")
        const [asTheyCome, inOrder] = yield* Fiber.join(both)
        assert.deepStrictEqual(words(asTheyCome), ["quick succeeded", "bad failed", "slow succeeded"])
        assert.deepStrictEqual(words(inOrder), ["slow succeeded", "bad failed", "quick succeeded"])
      })
    )
  )

  it.effect("what is not accepted is a Rejected, and the others go on", () =>
    withPool({ maxWorkers: 1, capacity: 1, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const all = yield* Effect.forkChild(
          Stream.runCollect(bench.pool.process(calls("a", "b", "c"), { ordered: true, outstanding: 3 }))
        )
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(words(yield* Fiber.join(all)), ["a succeeded", "b succeeded", "QueueFull"])
      })
    )
  )

  it.effect("pulls no more than `outstanding` calls ahead", () =>
    withPool({ minWorkers: 10 })((bench) =>
      Effect.gen(function* () {
        let pulled = 0
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const source = Stream.fromIterable(Array.from({ length: 20 }, () => "a")).pipe(
          Stream.rechunk(1),
          Stream.map((id) => {
            pulled++
            return WorkerPool.call(Work, { id })
          })
        )
        const all = yield* Effect.forkChild(Stream.runCollect(bench.pool.process(source, { outstanding: 4 })))
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 4)
        assert.isAtMost(pulled, 5)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(all)).length, 20)
        assert.strictEqual(bench.peak, 4)
      })
    )
  )

  it.effect("interrupting the stream cancels what it has not emitted", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const emitted = yield* Queue.unbounded<unknown>()
        const all = yield* Effect.forkChild(
          Stream.runForEach(bench.pool.process(calls("a", "b")), (outcome) => Queue.offer(emitted, outcome))
        )
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 1)
        yield* Fiber.interrupt(all)
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 0)
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 2, accepted: 2 })
      })
    )
  )

  it.effect("of many, some of which have ended out of their order, it cancels all others and no more", () =>
    withPool({ minWorkers: 50, maxWorkers: 50 })((bench) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 500 }, (_, at) => String(at))
        const hang = ["3", "40", "41", "490", "499"]
        for (const id of hang) bench.on(id, Effect.never)
        const emitted: Array<string> = []
        const all = yield* Effect.forkChild(
          Stream.runForEach(bench.pool.process(calls(...ids), { outstanding: 20 }), (outcome) =>
            Effect.sync(() => emitted.push(...words([outcome])))
          )
        )
        for (let turn = 0; turn < 200 && emitted.length < 495; turn++) yield* TestClock.adjust(0)
        assert.strictEqual(emitted.length, 495)
        yield* Fiber.interrupt(all)
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 500, succeeded: 495, cancelled: 5, running: 0 })
      })
    )
  )

  it.effect("a stream that fails fails after the outcomes of what is out", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const emitted: Array<Outcome | Rejected> = []
        const all = yield* Stream.concat(calls("a"), Stream.fail("source")).pipe(
          bench.pool.process,
          Stream.runForEach((outcome) => Effect.sync(() => emitted.push(outcome))),
          Effect.forkChild
        )
        yield* TestClock.adjust(9)
        assert.strictEqual(state(all), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(all), "failure")
        assert.deepStrictEqual(words(emitted), ["a succeeded"])
      })
    )
  )

  it.effect("each of many calls has its outcome once, and in order when that is asked for", () =>
    withPool({ minWorkers: 8, maxWorkers: 8 })((bench) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 1000 }, (_, at) => String(at))
        for (const id of ids) if (Number(id) % 3 === 0) bench.on(id, Effect.as(Effect.sleep(Number(id) % 7), id))
        const idsOf = (ordered: boolean) =>
          Stream.runCollect(bench.pool.process(calls(...ids), { ordered, outstanding: 50 })).pipe(
            Effect.map((outcomes) => outcomes.map((outcome) => (outcome._tag === "Outcome" ? outcome.id : "rejected")))
          )
        const both = yield* Effect.forkChild(Effect.all([idsOf(true), idsOf(false)]))
        yield* TestClock.adjust("1 minute")
        const [inOrder, asTheyCome] = yield* Fiber.join(both)
        assert.deepStrictEqual(inOrder, ids)
        assert.notDeepEqual(asTheyCome, ids)
        assert.deepStrictEqual(
          asTheyCome.toSorted((a, b) => Number(a) - Number(b)),
          ids
        )
      })
    )
  )

  it.effect("a consumer that has enough cancels the rest", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const first = yield* Effect.forkChild(
          Stream.runCollect(Stream.take(bench.pool.process(calls("a", "quick", "a", "a")), 1))
        )
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(words(yield* Fiber.join(first)), ["quick succeeded"])
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* bench.pool.snapshot, { accepted: 4, succeeded: 1, cancelled: 3, running: 0 })
      })
    )
  )

  it.effect("a consumer that is slow holds the source back", () =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        const source = Stream.rechunk(calls(...Array.from({ length: 30 }, (_, at) => String(at))), 1)
        const slow = yield* Effect.forkChild(
          Stream.runForEach(bench.pool.process(source, { outstanding: 3 }), () => Effect.sleep("1 second"))
        )
        yield* TestClock.adjust(500)
        // Three whose outcomes are being handed on, and three ahead of them.
        assert.isAtMost((yield* bench.pool.snapshot).accepted, 6)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* bench.pool.snapshot).accepted, 30)
        assert.strictEqual(state(slow), "success")
      })
    )
  )

  it.effect("a call that is still blocked when the pool drains is a Rejected", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const all = yield* Effect.forkChild(
          Stream.runCollect(bench.pool.process(calls("a", "b", "c"), { ordered: true, outstanding: 3 }))
        )
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, waiting: 1, blocked: 1 })
        yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(words(yield* Fiber.join(all)), ["a succeeded", "b succeeded", "PoolDraining"])
      })
    )
  )

  it.effect("its feed is woken whenever there is room again, wherever its fiber pauses", () =>
    withPool({ minWorkers: 2, maxWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 60 }, (_, at) => String(at))
        for (let budget = 3; budget <= 40; budget++) {
          for (const outstanding of [1, 2, 3, 6]) {
            const all = yield* Stream.runCollect(
              bench.pool.process(Stream.rechunk(calls(...ids), 4), { outstanding, ordered: budget % 2 === 0 })
            ).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, budget), Effect.forkChild)
            assert.strictEqual((yield* Fiber.join(all)).length, 60)
          }
        }
      })
    )
  )

  it.effect("a call of which no request can be made is a defect, after the outcomes before it", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        const emitted: Array<Outcome | Rejected> = []
        const broken = Stream.concat(calls("a", "b"), Stream.succeed(null as never))
        const all = yield* Stream.runForEach(bench.pool.process(broken), (outcome) =>
          Effect.sync(() => emitted.push(outcome))
        ).pipe(Effect.exit, Effect.forkChild)
        yield* TestClock.adjust(0)
        assert.isTrue(Exit.hasDies(yield* Fiber.join(all)))
        assert.deepStrictEqual(words(emitted), ["a succeeded", "b succeeded"])
      })
    )
  )

  it.effect("less than one outstanding is one", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        for (const outstanding of [0, -1, Number.NaN]) {
          const all = yield* Effect.forkChild(Stream.runCollect(bench.pool.process(calls("a", "b"), { outstanding })))
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(words(yield* Fiber.join(all)), ["a succeeded", "b succeeded"])
        }
      })
    )
  )
})
