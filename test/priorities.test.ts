/** Priorities, aging and order: who comes first of those that wait; and that a pool without any of it is what it was. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, state, withPool } from "./support/bench.ts"
import { randomOf } from "./support/random.ts"

const order = (bench: Bench) =>
  bench.log.flatMap((line) => (line.endsWith("start") ? [line.split(" ")[1]!.slice(0, -1)] : []))

/** Each takes 10 ms. */
const slow = (bench: Bench, ...ids: ReadonlyArray<string>) => {
  for (const id of ids) bench.on(id, Effect.as(Effect.sleep(10), id))
}

const one = (options: ElasticPool.Options = {}) => withPool({ maxWorkers: 1, ...options })

describe("a priority", () => {
  it.effect("is a head start: who comes so much later stands behind", () =>
    one({ aging: 100 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        yield* bench.submit("old")
        yield* TestClock.adjust(199)
        yield* bench.submit("2 just in time", { priority: 2 })
        yield* TestClock.adjust(2)
        yield* bench.submit("2 too late", { priority: 2 })
        yield* bench.submit("3", { priority: 3 })
        yield* bench.submit("-1", { priority: -1 })
        yield* bench.pool.resume
        yield* TestClock.adjust(1)
        const ids = bench.log
          .filter((line) => line.endsWith("start"))
          .map((line) => line.slice(line.indexOf(" ") + 1, -7))
        assert.deepStrictEqual(ids, ["3", "2 just in time", "old", "2 too late", "-1"])
      })
    )
  )

  it.effect("does not let an old one of the lowest wait for ever under endless newcomers of the highest", () =>
    one({ aging: 100 })((bench) =>
      Effect.gen(function* () {
        slow(bench, "new")
        yield* bench.submit("new", { priority: 10 })
        const old = yield* bench.call("old", { priority: -10 })
        let others = 0
        while (state(old) === "waits") {
          yield* bench.submit("new", { priority: 10 })
          yield* TestClock.adjust(10)
          assert.isBelow(++others, 220, "it starves")
        }
        // 20 steps of 100 ms, at one attempt every 10 ms.
        assert.isAtLeast(others, 199)
      })
    )
  )

  it.effect("that is strict does: the lower never comes while a higher one waits", () =>
    one({ aging: "none" })((bench) =>
      Effect.gen(function* () {
        slow(bench, "new")
        yield* bench.submit("new")
        const old = yield* bench.call("old", { priority: -1 })
        for (let others = 0; others < 2000; others++) {
          yield* bench.submit("new")
          yield* TestClock.adjust(10)
        }
        assert.strictEqual(state(old), "waits")
        yield* TestClock.adjust(10)
        assert.strictEqual(state(old), "success")
      })
    )
  )

  it.effect("buys no share: a key that calls everything urgent gets no more than its half", () =>
    one({ aging: 100, capacity: "unbounded" })((bench) =>
      Effect.gen(function* () {
        slow(bench, "urgent", "plain")
        for (let nth = 0; nth < 2000; nth++) {
          yield* bench.submit("urgent", { key: "a", priority: 10 })
          yield* bench.submit("plain", { key: "b" })
        }
        yield* TestClock.adjust("22 seconds")
        const urgent = order(bench).filter((id) => id.startsWith("urgent")).length
        // Its head start comes once: it is 1 s of 22.
        assert.isAtLeast(urgent, 1100)
        assert.isAtMost(urgent, 1152)
      })
    )
  )

  it.effect("is kept through retries", () =>
    one({ aging: "none", retry: RetryPolicy.make({ times: 1, base: 0 }) })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        bench.on("high", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
        yield* bench.submit("high", { priority: 1 })
        yield* bench.submit("low")
        yield* bench.pool.resume
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(order(bench), ["high", "high", "low"])
      })
    )
  )
})

describe("the newest first", () => {
  it.effect("comes before those of its priority that have waited", () =>
    one({ order: "lifo" })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        for (const id of ["a", "b"]) yield* bench.submit(id)
        yield* bench.submit("high", { priority: 1 })
        yield* TestClock.adjust(5)
        yield* bench.submit("c")
        yield* bench.pool.resume
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(
          order(bench).filter((id) => id !== "high"),
          ["c", "b", "a"]
        )
      })
    )
  )
})

describe("a pool that is asked for none of it", () => {
  it.effect("keeps what waits in its order when the first call with a key comes", () =>
    one()((bench) =>
      Effect.gen(function* () {
        slow(bench, "first")
        bench.on("again", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
        const retry = RetryPolicy.make({ times: 1, base: 5, jitter: "none" })
        yield* bench.submit("again", { retry })
        yield* bench.submit("first")
        for (const id of ["a", "b", "c"]) yield* bench.submit(id)
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* bench.pool.snapshot, { keys: 0, running: 1, waiting: 3, delayed: 1 })
        yield* bench.submit("of a key", { key: "k" })
        yield* bench.submit("d")
        assert.deepInclude(yield* bench.pool.snapshot, { keys: 2, running: 1, waiting: 5, delayed: 1 })
        yield* TestClock.adjust(10)
        const own = bench.log.filter((line) => line.endsWith("start") && !line.includes("of a key"))
        assert.deepStrictEqual(
          own.map((line) => line.split(" ")[1]),
          ["again1", "first1", "a1", "b1", "c1", "d1", "again2"]
        )
      })
    )
  )

  it.effect("with callers blocked at its door lets them in, in their order, when it has keys", () =>
    one({ capacity: 2 })((bench) =>
      Effect.gen(function* () {
        slow(bench, "first")
        const calls = yield* Effect.forEach(["first", "a", "b", "c", "d"], (id) => bench.call(id))
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 2, blocked: 2 })
        const keyed = yield* bench.call("k", { key: "k" })
        yield* TestClock.adjust(10)
        assert.isTrue([...calls, keyed].every((call) => state(call) === "success"))
        assert.deepStrictEqual(
          order(bench).filter((id) => id !== "k"),
          ["first", "a", "b", "c", "d"]
        )
      })
    )
  )

  /** One random sequence of calls, cancels, retries and steps of time, and all that its bodies and callers saw. */
  const run = (seed: number, options: ElasticPool.Options) =>
    withPool({ maxWorkers: 2, minWorkers: 2, timeout: 50, ...options })((bench) =>
      Effect.gen(function* () {
        const random = randomOf(seed)
        const tickets: Array<Effect.Success<ReturnType<Bench["submit"]>>> = []
        for (let step = 0; step < 60; step++) {
          const roll = random.below(10)
          const id = `r${step}`
          if (roll < 6) {
            const millis = random.of([0, 0, 1, 10, 60])
            const fails = random.below(4) === 0
            bench.on(id, (attempt) =>
              Effect.andThen(Effect.sleep(millis), fails && attempt < 3 ? Effect.fail("no") : Effect.succeed(id))
            )
            const retry = RetryPolicy.make({ times: 2, base: random.of([0, 5, 20]) })
            const options = { retry, expiresIn: random.of([15, "none"] as const) }
            if (random.below(2) === 0) yield* bench.callAndNote(id, options)
            else {
              yield* Effect.forkChild(
                Effect.ignore(
                  Effect.tap(bench.submit(id, options), (ticket) => Effect.sync(() => tickets.push(ticket)))
                ),
                { startImmediately: true }
              )
            }
          } else if (roll < 7 && tickets.length > 0) yield* random.of(tickets).cancel
          else if (roll < 8) yield* random.below(2) === 0 ? bench.pool.pause : bench.pool.resume
          else yield* TestClock.adjust(random.of([0, 1, 5, 20]))
        }
        yield* bench.pool.resume
        yield* TestClock.adjust("1 second")
        const { accepted, cancelled, evicted, expired, failed, refused, succeeded, timedOut } =
          yield* bench.pool.snapshot
        return [
          ...bench.log,
          JSON.stringify({ accepted, cancelled, evicted, expired, failed, refused, succeeded, timedOut })
        ]
      })
    ).pipe(Random.withSeed(seed))

  for (const strategy of ["suspend", "dropping", "sliding"] as const) {
    it.effect(`does event for event what one does whose requests are of one key and one priority (${strategy})`, () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 60; seed++) {
          const options = { strategy, capacity: randomOf(seed).of([2, 5, 100]) }
          const plain = yield* run(seed, options).pipe(Effect.provide(TestClock.layer()))
          const ranked = yield* run(seed, { ...options, aging: 1000 }).pipe(Effect.provide(TestClock.layer()))
          assert.deepStrictEqual(ranked, plain, `seed ${seed}`)
        }
      })
    )
  }
})
