/** The number of workers: who changes it, at which tick, and what a worker does that is one too many. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, References, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import { type Bench, hears, withPool } from "./support/bench.ts"

const workers = (bench: Bench) => Effect.map(bench.pool.snapshot, (snapshot) => snapshot.workers)

/** A policy that wants these numbers, one a tick, and then keeps to the last. */
const wishes = (...numbers: ReadonlyArray<number>): ScalingPolicy.ScalingPolicy<number> => ({
  name: "wishes",
  initial: 0,
  decide: (_, tick) => ({
    workers: numbers[Math.min(tick, numbers.length - 1)]!,
    reason: `tick ${tick}`,
    state: tick + 1
  })
})

describe("ticks", () => {
  it.effect("the first comes one interval after the start, and then one every interval", () =>
    withPool({ scaling: wishes(2, 3, 4), scalingInterval: 250 })((bench) =>
      Effect.gen(function* () {
        const seen = [yield* workers(bench)]
        for (const step of [249, 1, 249, 1, 249, 1]) {
          yield* TestClock.adjust(step)
          seen.push(yield* workers(bench))
        }
        assert.deepStrictEqual(seen, [1, 1, 2, 2, 3, 3, 4])
        const at = (yield* bench.scaler.recent).map(({ signals }) => signals.atMillis)
        assert.deepStrictEqual(at, [250, 500, 750])
      })
    )
  )

  it.effect("what a policy wants is clamped to the bounds, and the decision says so", () =>
    withPool({ minWorkers: 2, maxWorkers: 4, scaling: wishes(9, 0, 3) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("3 seconds")
        const said = (yield* bench.scaler.recent).map(({ after, before, heldBack, proposed, reason }) => [
          before,
          proposed,
          after,
          heldBack,
          reason
        ])
        assert.deepStrictEqual(said, [
          [2, 9, 4, "maxWorkers", "tick 0"],
          [4, 0, 2, "minWorkers", "tick 1"],
          [2, 3, 3, undefined, "tick 2"]
        ])
      })
    )
  )

  it.effect("another policy is in force from the next tick on, and its name and a hold can be read", () =>
    withPool({ maxWorkers: 8, scaling: wishes(2, 3) })((bench) =>
      Effect.gen(function* () {
        const { scaler } = bench
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* scaler.policy, "wishes")
        yield* scaler.setPolicy(ScalingPolicy.make("seven", () => 7))
        assert.strictEqual(yield* workers(bench), 2)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([yield* workers(bench), yield* scaler.policy], [7, "seven"])
        // As a pool that starts with it: `fixed` does not wait for a tick.
        yield* scaler.setPolicy(ScalingPolicy.fixed(5))
        assert.strictEqual(yield* workers(bench), 5)
        yield* scaler.hold(4)
        assert.strictEqual(yield* scaler.held, 4)
        yield* bench.pool.setBounds({ maxWorkers: 3 })
        assert.strictEqual(yield* scaler.held, 3)
        yield* bench.pool.setBounds({ maxWorkers: 8 })
        yield* scaler.release
        assert.strictEqual(yield* scaler.held, undefined)
        const invalid = yield* Effect.flip(scaler.setPolicy(ScalingPolicy.queueLength({ threshold: -1 })))
        assert.deepStrictEqual([invalid.field, yield* scaler.policy], ["threshold", "fixed"])
      })
    )
  )

  it.effect("held, ticks go on deciding but change nothing; released, the next tick does", () =>
    withPool({ maxWorkers: 8, scaling: wishes(2, 3) })((bench) =>
      Effect.gen(function* () {
        yield* bench.scaler.hold(5)
        assert.strictEqual(yield* workers(bench), 5)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* workers(bench), 5)
        assert.deepStrictEqual(
          (yield* bench.scaler.recent).map(({ after, heldBack, proposed }) => [proposed, after, heldBack]),
          [
            [2, 5, "manual"],
            [3, 5, "manual"]
          ]
        )
        yield* bench.scaler.release
        assert.strictEqual(yield* workers(bench), 5)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 3)
      })
    )
  )

  it.effect("holding outside the bounds fails, and holds nothing", () =>
    withPool({ maxWorkers: 8, scaling: wishes(2) })((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* hears(bench.scaler.hold(9)), "OutOfBounds")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 2)
      })
    )
  )

  it.effect("`recent` keeps as many decisions as the option says, the newest", () =>
    withPool({ decisions: 3, scaling: wishes(1, 2, 3, 4, 5) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(
          (yield* bench.scaler.recent).map(({ after }) => after),
          [3, 4, 5]
        )
      })
    )
  )

  it.effect("each decision is on the stream, from the subscription on", () =>
    withPool({ scaling: wishes(1, 2, 3) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        const two = yield* Effect.forkChild(Stream.runCollect(Stream.take(bench.scaler.decisions, 2)))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(
          (yield* Fiber.join(two)).map(({ after }) => after),
          [2, 3]
        )
      })
    )
  )

  it.effect("a policy that throws loses its tick, not the scaler", () =>
    withPool({
      scaling: {
        name: "breaks",
        initial: 0,
        decide: ({ atMillis }) => {
          if (atMillis === 1000) throw new Error("broken")
          return { workers: 3, reason: "well", state: 0 }
        }
      }
    })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* workers(bench), 3)
      })
    )
  )

  it.effect("the scaler ends with the drain", () =>
    withPool({ scaling: wishes(1, 2, 3) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        yield* bench.pool.drain()
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* bench.scaler.recent).length, 1)
      })
    )
  )

  it.effect("from idle to 1,000 waiting requests and back: the exact ticks at which workers come and go", () =>
    withPool({ maxWorkers: 6, scalingInterval: 1030, scaling: ScalingPolicy.queueLength({ threshold: 10, step: 2 }) })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("work", Effect.as(Effect.sleep(100), "work"))
          const timeline: Array<readonly [number, number]> = []
          const watch = (tick: number) =>
            Effect.map(workers(bench), (workers) => {
              if (timeline.at(-1)?.[1] !== workers) timeline.push([tick, workers])
            })
          yield* watch(0)
          for (let n = 0; n < 1001; n++) yield* bench.submit("work")
          for (let tick = 1; tick <= 30; tick++) {
            yield* TestClock.adjust(1030)
            yield* watch(tick)
          }
          // A worker ends about 10.3 a tick: 92 by tick 3, then six end 62 a tick, so that 38 wait at tick 17 and none at 18.
          assert.deepStrictEqual(timeline, [
            [0, 1],
            [1, 3],
            [2, 5],
            [3, 6],
            [18, 4],
            [19, 2],
            [20, 1]
          ])
          assert.deepInclude(yield* bench.pool.snapshot, { succeeded: 1001, waiting: 0 })
        })
    )
  )
})

describe("what a decision says", () => {
  it.effect("a fixed number is there from the start, within the bounds", () =>
    withPool({ maxWorkers: 4, scaling: ScalingPolicy.fixed(9) })((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* workers(bench), 4)
        yield* TestClock.adjust("1 second")
        assert.deepInclude((yield* bench.scaler.recent)[0], { before: 4, after: 4, wanted: 9, heldBack: "maxWorkers" })
      })
    )
  )

  it.effect("the last one can be asked for as a sentence", () =>
    withPool({ name: "mail", maxWorkers: 20, scaling: ScalingPolicy.adaptive() })((bench) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* bench.scaler.explain, 'Pool "mail" has not had a tick yet.')
        bench.on("a", Effect.as(Effect.sleep(100), "a"))
        for (let n = 0; n < 500; n++) yield* bench.submit("a")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(
          yield* bench.scaler.explain,
          'At 00:00:01 UTC pool "mail" kept 20 workers: adaptive wants 66 because 500/s of 100 ms each keep ' +
            "50 workers busy, and 316 wait. Not 66, because 20 is the most that the bounds allow."
        )
        yield* bench.pool.pause
        yield* TestClock.adjust("1 second")
        assert.match(yield* bench.scaler.explain, /kept 20 workers: .* Not \d+, because the pool is paused/)
        yield* bench.pool.resume
        yield* TestClock.adjust("40 seconds")
        yield* bench.scaler.hold(7)
        yield* TestClock.adjust("1 second")
        assert.match(yield* bench.scaler.explain, /kept 7 workers: .* somebody holds the number of workers by hand/)
      })
    )
  )

  it.effect("a change is logged as that sentence, at Debug, and a tick without one is not", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return withPool({ scaling: wishes(2, 2, 1) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(lines, [
          'At 00:00:01 UTC pool "default" went up from 1 to 2 workers: wishes wants 2 because tick 0.',
          'At 00:00:03 UTC pool "default" came down from 2 to 1 worker: wishes wants 1 because tick 2.'
        ])
        assert.strictEqual((yield* bench.scaler.recent).length, 3)
      })
    ).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Debug"))
  })

  it.effect("a change is an event of a span, with what was decided and from which counts", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return withPool({ scaling: wishes(2, 2) })(() =>
      Effect.gen(function* () {
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(
          spans.map(({ name }) => name),
          ["WorkerPool.scale"]
        )
        const [[name, , attributes]] = spans[0]!.events as [(typeof spans)[0]["events"][0]]
        assert.strictEqual(name, "ScalingDecision")
        assert.deepInclude(attributes, {
          policy: "wishes",
          before: 1,
          after: 2,
          wanted: 2,
          waiting: 0,
          heldBack: "nothing"
        })
      })
    ).pipe(Effect.withTracer(tracer))
  })

  it.effect("a fraction of a worker is rounded up, and what is no number changes nothing", () =>
    withPool({ maxWorkers: 8, scaling: wishes(2.1, Number.NaN, Infinity) })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(
          (yield* bench.scaler.recent).map(({ after }) => after),
          [3, 3, 8]
        )
      })
    )
  )

  it.effect("what somebody has changed since then follows, and the next tick has taken it in", () =>
    withPool({ name: "mail", maxWorkers: 20, scaling: wishes(2, 2, 2, 6) })((bench) =>
      Effect.gen(function* () {
        const { pool, scaler } = bench
        const since = Effect.map(scaler.explain, (text) => text.replace(/^.*?(has not had a tick yet|tick \d)\. ?/, ""))
        const next = Effect.andThen(TestClock.adjust("1 second"), since)
        yield* scaler.hold(7)
        assert.strictEqual(yield* since, "Now somebody holds 7 workers by hand.")
        assert.strictEqual(
          yield* next,
          "Not 2, because somebody holds the number of workers by hand (Scaler.release lets go)."
        )
        yield* scaler.hold(5)
        assert.match(yield* since, /Now somebody holds 5 workers by hand\.$/)
        yield* scaler.release
        assert.match(
          yield* since,
          /Nobody holds the number of workers by hand any more: the next tick decides\. Since then it was set to 5 workers\.$/
        )
        assert.strictEqual(yield* next, "")
        yield* pool.resize(9)
        assert.strictEqual(yield* since, "Since then it was set to 9 workers.")
        yield* pool.setBounds({ minWorkers: 3, maxWorkers: 4 })
        assert.strictEqual(yield* since, "The bounds are now 3 to 4 workers. Since then it was set to 4 workers.")
        assert.strictEqual(yield* next, "Not 2, because 3 is the least that the bounds allow.")
        yield* scaler.setPolicy(ScalingPolicy.fixed(4))
        yield* pool.pause
        assert.match(
          yield* since,
          /The policy is now "fixed", from the next tick on\. Since then it was set to 4 workers\. It is paused now\.$/
        )
        yield* TestClock.adjust("1 second")
        assert.match(yield* since, /fixed wants 4 because it is fixed at 4\.$/)
        yield* pool.resume
        assert.match(yield* since, /4\. It is no longer paused\.$/)
        yield* pool.drain()
        assert.match(yield* since, /4\. The pool is closed, and its number of workers stays\.$/)
      })
    )
  )

  it.effect("without scaling it says so", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        assert.match(yield* bench.scaler.explain, /^There is no scaling/)
      })
    )
  )

  it.effect("from no worker at all up on the first offer, without a tick", () =>
    withPool({ minWorkers: 0, scaling: ScalingPolicy.adaptive() })((bench) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* workers(bench), 0)
        bench.on("a", Effect.as(Effect.sleep(10), "a"))
        const ticket = yield* bench.submit("a")
        assert.strictEqual(yield* workers(bench), 1)
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* Fiber.join(yield* Effect.forkChild(ticket.await)), "a")
      })
    )
  )
})
