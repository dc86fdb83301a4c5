/** Retries: which failures, after how long, and what a request that waits for its next attempt may expect. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { state, withPool } from "./support/bench.ts"

const exact = (options?: Partial<RetryPolicy.Options>) =>
  RetryPolicy.make({ times: 3, base: 100, jitter: "none", ...options })

const starts = (log: ReadonlyArray<string>) => log.filter((line) => line.endsWith("start"))

describe("retry", () => {
  it.effect("backs off exactly, and the caller hears the last failure", () =>
    withPool({ retry: exact({ times: 4, cap: 300 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => Effect.fail(`failure ${attempt}`))
        const a = yield* Effect.forkChild(Effect.flip(bench.execute("a")))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(starts(bench.log), [
          "0 a1 start",
          "100 a2 start",
          "300 a3 start",
          "600 a4 start",
          "900 a5 start"
        ])
        assert.deepInclude(a.pollUnsafe(), { _tag: "Success", value: "failure 5" })
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 1, attempts: 5, retries: 4 })
      })
    )
  )

  it.effect("starts the next attempt at its instant, not before", () =>
    withPool({ retry: exact() })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("a")))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(99)
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 1, running: 0, idle: 1 })
        yield* TestClock.adjust(1)
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect("full jitter draws each delay from zero to its length, with the program's Random", () => {
    const instants = (seed: string) =>
      withPool({ retry: RetryPolicy.make({ times: 3, base: 1000 }) })((bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.fail("always"))
          yield* bench.call("a")
          yield* TestClock.adjust("10 seconds")
          return starts(bench.log).map((line) => Number(line.split(" ")[0]))
        })
      ).pipe(Effect.provide(TestClock.layer()), Random.withSeed(seed))
    return Effect.gen(function* () {
      const first = yield* instants("one")
      assert.deepStrictEqual(yield* instants("one"), first)
      assert.notDeepEqual(yield* instants("two"), first)
      const bounds = [1000, 2000, 4000]
      bounds.forEach((bound, at) => assert.isAtMost(first[at + 1]! - first[at]!, bound))
      assert.isAbove(first[3]!, 0)
    })
  })

  it.effect("the delay is what the error asks for, at most the cap, without jitter, and else the policy's own", () => {
    const asked: Array<string> = []
    const delay: RetryPolicy.Delay = (error, attempt) => {
      asked.push(`${typeof error === "object" ? (error as { readonly _tag: string })._tag : error} ${attempt}`)
      return ([300, "2 seconds", undefined, 0] as const)[attempt - 1]
    }
    return withPool({ timeout: 10, retry: RetryPolicy.make({ times: 4, base: 50, factor: 1, cap: 1000, delay }) })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("a", (attempt) => (attempt === 1 ? Effect.never : Effect.fail(`failure ${attempt}`)))
          yield* bench.call("a")
          yield* TestClock.adjust("1 minute")
          const at = starts(bench.log).map((line) => Number(line.split(" ")[0]))
          assert.deepStrictEqual(at.slice(0, 3), [0, 310, 1310])
          assert.isAtMost(at[3]! - at[2]!, 50)
          assert.strictEqual(at[4], at[3])
          assert.deepStrictEqual(asked, ["RequestTimeout 1", "failure 2 2", "failure 3 3", "failure 4 4"])
        })
    )
  })

  it.effect("a delay from the error says nothing of whether there is another attempt", () => {
    let asked = 0
    const delay = () => ++asked
    return withPool({ retry: exact({ times: 1, failures: (error) => error !== "never", delay }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("never"))
        bench.on("b", Effect.fail("always"))
        bench.on("c", Effect.die("bug"))
        for (const id of ["a", "b", "c"]) yield* bench.call(id)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(starts(bench.log), ["0 a1 start", "0 b1 start", "0 c1 start", "1 b2 start"])
        assert.strictEqual(asked, 1)
      })
    )
  })

  it.effect("a Schedule says the delays and the end", () =>
    withPool({ retry: Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 3 })) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("always"))
        const a = yield* bench.call("a")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(starts(bench.log), ["0 a1 start", "100 a2 start", "300 a3 start", "700 a4 start"])
        assert.strictEqual(state(a), "failure")
      })
    )
  )

  it.effect("each request steps a Schedule of its own", () =>
    withPool({ retry: Schedule.recurs(1) })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) {
          bench.on(id, Effect.fail("always"))
          yield* bench.call(id)
        }
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(starts(bench.log).sort(), ["0 a1 start", "0 a2 start", "0 b1 start", "0 b2 start"])
      })
    )
  )

  it.effect.each<[string, Partial<RetryPolicy.Options>, Effect.Effect<never, string>, number]>([
    ["a typed failure is retried", {}, Effect.fail("f"), 4],
    ["a defect is not", {}, Effect.die("bug"), 1],
    ["a defect is, when asked for", { defects: true }, Effect.die("bug"), 4],
    ["a timeout is", {}, Effect.never, 4],
    ["a timeout is not, when asked for", { timeouts: false }, Effect.never, 1],
    ["a failure is not, when asked for", { failures: false }, Effect.fail("f"), 1],
    ["a failure of which the predicate says no is not", { failures: (e) => e !== "f" }, Effect.fail("f"), 1],
    ["a failure of which the predicate says yes is", { failures: (e) => e === "f" }, Effect.fail("f"), 4],
    [
      "a predicate that throws says no",
      {
        failures: () => {
          throw new Error("x")
        }
      },
      Effect.fail("f"),
      1
    ],
    ["a handler that interrupts itself is not", {}, Effect.interrupt, 1],
    ["times 0 is one attempt", { times: 0 }, Effect.fail("f"), 1]
  ])("%s", ([, options, behaviour, attempts]) =>
    withPool({ timeout: 10, retry: exact(options) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", behaviour)
        const a = yield* bench.call("a")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(starts(bench.log).length, attempts)
        assert.notStrictEqual(state(a), "waits")
        assert.deepInclude(yield* bench.pool.snapshot, { attempts })
      })
    )
  )

  it.effect("ends at once with its last failure when the next attempt could not start before its expiry", () =>
    withPool({ retry: exact() })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("last"))
        bench.on("b", Effect.fail("last"))
        yield* bench.callAndNote("a", { expiresIn: 300 })
        yield* bench.callAndNote("b", { expiresIn: 301 })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(
          bench.log.filter((line) => line.includes("hears")),
          ["100 a hears failure", "300 b hears failure"]
        )
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 2, expired: 0, attempts: 5 })
      })
    )
  )

  it.effect("a delayed request keeps its place, and returns behind those that wait", () =>
    withPool({ maxWorkers: 1, capacity: 2, strategy: "dropping", retry: exact() })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt === 1 ? Effect.fail("once") : Effect.succeed("a")))
        bench.on("b", Effect.as(Effect.sleep(150), "b"))
        yield* bench.call("a")
        yield* bench.call("b")
        yield* bench.call("c")
        const d = yield* bench.call("d")
        assert.strictEqual(state(d), "QueueFull")
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 1, waiting: 1, running: 1 })
        yield* TestClock.adjust(100)
        assert.deepInclude(yield* bench.pool.snapshot, { delayed: 0, waiting: 2, running: 1 })
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(starts(bench.log), ["0 a1 start", "0 b1 start", "150 c1 start", "150 a2 start"])
      })
    )
  )

  it.effect("a delayed request occupies no worker", () =>
    withPool({ maxWorkers: 1, retry: exact() })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.fail("always"))
        yield* bench.call("a")
        assert.strictEqual(state(yield* bench.call("b")), "success")
      })
    )
  )

  it.effect("no delay at all still goes behind those that wait", () =>
    withPool({ maxWorkers: 1, retry: exact({ base: 0, times: 1 }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.andThen(Effect.sleep(10), Effect.fail("always")))
        yield* bench.call("a")
        yield* bench.call("b")
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(starts(bench.log), ["0 a1 start", "10 b1 start", "10 a2 start"])
      })
    )
  )
})
