/** Calls of one identity that come while another one of it comes, starts, ends or gives way: nobody is lost in between. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import type * as Call from "../src/Call.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { hears, state, withPool } from "./support/bench.ts"

const join: Call.Options = { primaryKey: "k", duplicate: "join" }
const replace: Call.Options = { primaryKey: "k", duplicate: "replace" }

/** The first attempt fails after 10 ms, the next one succeeds after as many. */
const failsOnce = (value: string) => (attempt: number) =>
  Effect.andThen(Effect.sleep(10), attempt === 1 ? Effect.fail("no") : Effect.succeed(value))

describe("join", () => {
  it.effect("of one that ends between the look and the call: it runs itself", () =>
    Effect.gen(function* () {
      let joined = 0
      for (let budget = 3; budget < 30; budget++) {
        yield* withPool()((bench) =>
          Effect.gen(function* () {
            const gate = yield* Deferred.make<string>()
            bench.on("a", (attempt) =>
              attempt === 1 ? Effect.fail("no") : attempt === 2 ? Deferred.await(gate) : Effect.succeed("again")
            )
            const failed = yield* bench.submit("a", join)
            const runs = yield* bench.call("a", join)
            const again = yield* Effect.forkChild(
              Effect.flatMap(bench.pool.deadLetters.resubmit(failed.id), (ticket) => ticket.await).pipe(
                Effect.provideService(Scheduler.MaxOpsBeforeYield, budget)
              ),
              { startImmediately: true }
            )
            yield* Deferred.succeed(gate, "first")
            for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
            joined += (yield* bench.pool.snapshot).joined
            assert.deepStrictEqual([state(runs), state(again)], ["success", "success"])
          })
        )
      }
      assert.isAbove(joined, 0)
    })
  )

  it.effect("of one in whose place another has come between the look and the call: it joins that", () =>
    Effect.gen(function* () {
      let joined = 0
      for (let budget = 3; budget < 30; budget++) {
        yield* withPool()((bench) =>
          Effect.gen(function* () {
            const gate = yield* Deferred.make<string>()
            bench.on("a", (attempt) =>
              attempt === 1
                ? Effect.fail("no")
                : attempt === 2
                  ? Deferred.await(gate)
                  : Effect.as(Effect.sleep(10), "another")
            )
            const failed = yield* bench.submit("a", join)
            const runs = yield* bench.submit("a", join)
            runs.onEnd(() => Effect.runSync(bench.submit("a", join)))
            const again = yield* Effect.forkChild(
              Effect.flatMap(bench.pool.deadLetters.resubmit(failed.id), (ticket) => ticket.await).pipe(
                Effect.provideService(Scheduler.MaxOpsBeforeYield, budget)
              ),
              { startImmediately: true }
            )
            yield* Deferred.succeed(gate, "first")
            for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
            yield* TestClock.adjust(10)
            assert.strictEqual(state(again), "success")
            joined += (yield* bench.pool.snapshot).joined
          })
        )
      }
      assert.isAbove(joined, 0)
    })
  )
})

describe("replace", () => {
  it.effect("of a blocked call that is not due yet gives back its place among those", () =>
    withPool({ minWorkers: 1, maxWorkers: 1, capacity: 1, maxScheduled: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("runs", Effect.as(Effect.sleep(10), "runs"))
        yield* bench.call("runs")
        yield* bench.call("waits")
        const early = yield* bench.call("early", { ...join, delay: 1000 })
        const late = yield* bench.call("late", replace)
        assert.deepStrictEqual([state(early), state(late)], ["RequestReplaced", "waits"])
        yield* TestClock.adjust(10)
        assert.strictEqual(state(late), "success")
        const next = yield* bench.call("next", { delay: 5 })
        yield* TestClock.adjust(5)
        assert.strictEqual(state(next), "success")
      })
    )
  )

  it.effect("never touches one that begins while another one gives way", () =>
    withPool({ minWorkers: 1, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", failsOnce("a"))
        bench.on("b", Effect.as(Effect.sleep(10), "b"))
        const a = yield* bench.submit("a", { ...replace, retry: RetryPolicy.make({ times: 1, base: 0 }) })
        yield* bench.pool.pause
        const b = yield* bench.call("b", replace)
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 2, running: 0 })
        // Whoever hears that the first one is replaced lets the other one begin.
        a.onEnd(() => Effect.runSync(bench.pool.resume))
        const c = yield* bench.call("c", replace)
        assert.strictEqual(yield* hears(a.await), "RequestReplaced")
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([state(b), state(c)], ["success", "success"])
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 1, succeeded: 2 })
      })
    )
  )

  it.effect("lets none of several begin that give way one after the other", () =>
    withPool({ minWorkers: 2, maxWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) bench.on(id, failsOnce("again"))
        const again: Call.Options = { ...replace, retry: RetryPolicy.make({ times: 1, base: 0 }) }
        yield* bench.submit("a", again)
        const b = yield* bench.submit("b", again)
        yield* bench.pool.pause
        const c = yield* bench.submit("c", replace)
        yield* TestClock.adjust(10)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 3, running: 0 })
        // Whoever hears that the second one is replaced lets others begin.
        b.onEnd(() => Effect.runSync(bench.pool.resume))
        const d = yield* bench.call("d", replace)
        assert.strictEqual(yield* hears(c.await), "RequestReplaced")
        assert.strictEqual(state(d), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { cancelled: 3, succeeded: 1 })
      })
    )
  )
})

describe("debounce", () => {
  it.effect("is as long as it says, whatever fraction of a millisecond it begins with", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        let at = 0
        for (let thousandth = 1; thousandth < 200; thousandth++) {
          yield* TestClock.adjust(Duration.micros(BigInt(1)))
          const call = yield* bench.call("a", { ...replace, debounce: 10 })
          yield* TestClock.adjust(9)
          assert.strictEqual(state(call), "waits")
          yield* TestClock.adjust(Duration.micros(BigInt(1001)))
          if (state(call) !== "success") at = thousandth
          yield* TestClock.adjust(1)
        }
        assert.strictEqual(at, 0, "one was late")
      })
    )
  )
})
