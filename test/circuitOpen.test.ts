/** Breakers whose requests do not wait: who is refused, who ends, and who is let in to probe. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../src/CircuitBreaker.ts"
import type { CircuitOpen } from "../src/PoolError.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, state, withPool } from "./support/bench.ts"

const breaker = (options: CircuitBreaker.Options = {}) =>
  CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(2),
    openDuration: 1000,
    whenOpen: "fail",
    ...options
  })

const trip = (bench: Bench, key?: string) =>
  Effect.gen(function* () {
    bench.on("bad", Effect.fail("bad"))
    yield* Effect.exit(bench.execute("bad", { key }))
    yield* Effect.exit(bench.execute("bad", { key }))
  })

const openOf = (exit: Exit.Exit<unknown, unknown>) => {
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  return reason?._tag === "Fail" ? (reason.error as CircuitOpen) : undefined
}

describe("an open breaker that fails", () => {
  it.effect("refuses calls at the door, and says for how long", () =>
    withPool({ breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        yield* TestClock.adjust(300)
        const error = openOf(yield* Effect.exit(bench.execute("a")))
        assert.deepInclude(error, { _tag: "CircuitOpen", tag: "Work", retryAfterMillis: 700 })
        assert.isFalse("key" in error!)
        assert.strictEqual(yield* hears(bench.submit("b")), "CircuitOpen")
        assert.deepInclude(yield* bench.pool.snapshot, {
          offered: 4,
          refused: 2,
          refusedOpen: 2,
          accepted: 2,
          waiting: 0
        })
        yield* TestClock.adjust(699)
        assert.strictEqual(yield* hears(bench.execute("c")), "CircuitOpen")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* hears(bench.execute("d")), "success")
      })
    )
  )

  it.effect("refuses those of its key alone", () =>
    withPool({ breaker: breaker({ per: "key" }) })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench, "k")
        assert.deepInclude(openOf(yield* Effect.exit(bench.execute("a", { key: "k" }))), { key: "k" })
        assert.strictEqual(yield* hears(bench.execute("b", { key: "other" })), "success")
        assert.strictEqual(yield* hears(bench.execute("c")), "success")
      })
    )
  )

  it.effect("ends what waits when it opens, with the attempts that it has had, and those that are blocked", () =>
    withPool({ minWorkers: 1, maxWorkers: 1, capacity: 2, strategy: "suspend", breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        bench.on("slow", Effect.andThen(Effect.sleep(100), Effect.fail("no")))
        bench.on("slower", Effect.andThen(Effect.sleep(200), Effect.fail("no")))
        const outcomes = [
          yield* bench.submit("slow"),
          yield* bench.submit("slower"),
          yield* bench.submit("a"),
          yield* Effect.forkChild(bench.submit("b"), { startImmediately: true })
        ] as const
        yield* TestClock.adjust(299)
        // "b" has its place by now, and another one is blocked.
        const blocked = yield* bench.call("c")
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 2, blocked: 1, running: 1 })
        yield* TestClock.adjust(1)
        const { attempts, end, exit } = yield* outcomes[2].outcome
        assert.deepStrictEqual([end, attempts, openOf(exit)?._tag], ["failed", 0, "CircuitOpen"])
        assert.strictEqual(yield* hears((yield* Fiber.join(outcomes[3])).await), "CircuitOpen")
        assert.strictEqual(state(blocked), "CircuitOpen")
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 4, refusedOpen: 1, waiting: 0, blocked: 0 })
      })
    )
  )

  it.effect("ends a retry that comes back meanwhile with its last failure, be that a timeout", () =>
    withPool({
      minWorkers: 4,
      breaker: breaker(),
      timeout: 50,
      retry: RetryPolicy.make({ times: 9, base: 100, jitter: "none" })
    })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", (attempt) => Effect.fail(`failure ${attempt}`))
        bench.on("slow", Effect.never)
        const fails = yield* bench.submit("fails")
        const slow = yield* bench.submit("slow")
        yield* TestClock.adjust(99)
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 2 })
        yield* TestClock.adjust(1)
        const failed = yield* fails.outcome
        assert.deepStrictEqual([failed.end, failed.attempts, failed.exit], ["failed", 1, Exit.fail("failure 1")])
        yield* TestClock.adjust(50)
        const timedOut = yield* slow.outcome
        assert.deepStrictEqual([timedOut.end, openOf(timedOut.exit)?._tag], ["timedOut", "RequestTimeout"])
      })
    )
  )

  it.effect("lets in as many calls as there are probes when its time has come, and refuses the others", () =>
    withPool({ minWorkers: 1, maxWorkers: 1, breaker: breaker({ probes: 2 }) })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        bench.on("p", Effect.as(Effect.sleep(100), ""))
        yield* TestClock.adjust(1000)
        const one = yield* bench.call("p")
        const two = yield* bench.call("p")
        const three = yield* bench.call("p")
        // The second one waits for the worker, and counts as a probe.
        assert.deepStrictEqual([state(one), state(two), state(three)], ["waits", "waits", "CircuitOpen"])
        yield* Fiber.interrupt(two)
        const four = yield* bench.call("p")
        assert.strictEqual(state(four), "waits")
        yield* TestClock.adjust(100)
        const five = yield* bench.call("p")
        assert.deepStrictEqual([state(one), state(five)], ["success", "CircuitOpen"])
        yield* TestClock.adjust(100)
        assert.strictEqual(state(four), "success")
        assert.strictEqual(yield* hears(bench.execute("good")), "success")
      })
    )
  )

  it.effect("does not refuse what its probe asks for within itself", () =>
    withPool({ minWorkers: 1, maxWorkers: 1, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        bench.on("probe", bench.execute("part") as Effect.Effect<string>)
        yield* TestClock.adjust(1000)
        const probe = yield* bench.call("probe")
        yield* TestClock.adjust(0)
        assert.strictEqual(state(probe), "success")
      })
    )
  )

  it.effect("ends very many in turns, each once", () =>
    withPool({ minWorkers: 1, maxWorkers: 1, capacity: "unbounded", breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        bench.on("slow", Effect.andThen(Effect.sleep(100), Effect.fail("no")))
        yield* bench.submit("slow")
        yield* bench.submit("slow")
        for (let at = 0; at < 20_000; at++) yield* bench.submit("n")
        yield* TestClock.adjust(200)
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 20_002, waiting: 0, succeeded: 0 })
      })
    )
  )
})
