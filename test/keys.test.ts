/** Pools whose requests have keys: who gets how much of the workers, and of the places in the queue. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as Limit from "../src/Limit.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, state, withPool } from "./support/bench.ts"

/** What is before the slash in the id of a request is its key, and what is after it how long it takes, or its number. */
const key = (_: string, { id }: { readonly id: string }) => id.split("/")[0]

/** Each body takes the milliseconds after its slash. */
const timed = (bench: Bench): Map<string, number> => {
  const had = new Map<string, number>()
  bench.body = (id: string) => {
    const [of, millis] = id.split("/") as [string, string]
    return Effect.as(Effect.sleep(Number(millis)), id).pipe(
      Effect.ensuring(Effect.sync(() => had.set(of, (had.get(of) ?? 0) + Number(millis))))
    )
  }
  return had
}

describe("workers", () => {
  it.effect("are shared by weight, to within 2 %, by the time that attempts take", () =>
    withPool({ minWorkers: 8, capacity: "unbounded", key, weight: (key) => Number(key.slice(1)) })((bench) =>
      Effect.gen(function* () {
        const had = timed(bench)
        // Attempts of the one with least are short, of the one with most long: it is not their number that counts.
        for (const [id, count] of [
          ["w1/5", 20_000],
          ["w2/10", 20_000],
          ["w4/40", 10_000]
        ] as const) {
          for (let nth = 0; nth < count; nth++) yield* bench.submit(id)
        }
        yield* TestClock.adjust("20 seconds")
        const share = had.get("w1")!
        assert.closeTo(share, (20_000 * 8) / 7, (20_000 * 8 * 0.02) / 7)
        assert.closeTo(had.get("w2")! / share, 2, 0.04)
        assert.closeTo(had.get("w4")! / share, 4, 0.08)
      })
    )
  )

  it.effect("are shared by time and not by starts behind a limit too, to within a quarter", () =>
    withPool({
      minWorkers: 8,
      capacity: "unbounded",
      key,
      limits: [Limit.make({ name: "four", per: "tag", concurrency: 4 })]
    })((bench) =>
      Effect.gen(function* () {
        const had = timed(bench)
        for (const id of ["a/10", "b/30", "c/100"]) for (let nth = 0; nth < 8000; nth++) yield* bench.submit(id)
        yield* TestClock.adjust("30 seconds")
        for (const of of ["a", "b", "c"]) assert.closeTo(had.get(of)!, 40_000, 10_000)
      })
    )
  )

  it.effect("come to a key that has waited for its first turn before a hog that has had many", () =>
    withPool({ minWorkers: 2, maxWorkers: 2, key })((bench) =>
      Effect.gen(function* () {
        timed(bench)
        for (let nth = 0; nth < 200; nth++) yield* bench.submit("hog/10")
        yield* TestClock.adjust(500)
        const light = yield* bench.call("light/1")
        yield* TestClock.adjust(11)
        assert.strictEqual(state(light), "success")
      })
    )
  )

  it.effect("come to a key that comes back neither for its time away nor later for what it once had", () =>
    withPool({ minWorkers: 4, maxWorkers: 4, key, capacity: "unbounded" })((bench) =>
      Effect.gen(function* () {
        const had = timed(bench)
        const ask = (of: string, count: number) =>
          Effect.forEach(Array.from({ length: count }), () => bench.submit(`${of}/10`), { discard: true })
        yield* ask("back", 400)
        yield* TestClock.adjust("1 second")
        yield* ask("stays", 4000)
        yield* TestClock.adjust("4 seconds")
        const before = had.get("stays")!
        yield* ask("back", 400)
        yield* TestClock.adjust("1 second")
        // From its return on both have half.
        assert.closeTo(had.get("back")! - 4000, 2000, 80)
        assert.closeTo(had.get("stays")! - before, 2000, 80)
      })
    )
  )

  it.effect("come to a key in debt under endless new keys", () =>
    withPool({ minWorkers: 1, maxWorkers: 1, key })((bench) =>
      Effect.gen(function* () {
        timed(bench)
        yield* bench.submit("old/500")
        yield* TestClock.adjust(500)
        const old = yield* bench.call("old/1")
        let others = 0
        while (state(old) === "waits") {
          yield* bench.submit(`new ${others++}/10`)
          yield* bench.submit(`new ${others++}/10`)
          yield* TestClock.adjust(10)
          assert.isBelow(others, 1000, "it starves")
        }
      })
    )
  )

  it.effect("go by the key of the first call through retry and resubmission", () =>
    withPool({ maxWorkers: 1, deadLetters: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("no"))
        const retry = RetryPolicy.make({ times: 1, base: 10, jitter: "none" })
        const ticket = yield* bench.submit("fails", { key: "k", priority: 3, retry })
        yield* TestClock.adjust(5)
        const seen = () =>
          Effect.map(bench.pool.list(), (list) => list.map(({ key, phase, priority }) => `${key} ${priority} ${phase}`))
        assert.deepStrictEqual(yield* seen(), ["k 3 delayed"])
        yield* bench.pool.pause
        yield* TestClock.adjust(5)
        assert.deepStrictEqual(yield* seen(), ["k 3 waiting"])
        yield* bench.pool.resume
        yield* ticket.outcome
        yield* bench.pool.pause
        const [letter] = yield* bench.pool.deadLetters.list
        yield* bench.pool.deadLetters.resubmit(letter!.outcome.id)
        assert.deepStrictEqual(yield* seen(), ["k 3 waiting"])
        yield* bench.pool.resume
      })
    )
  )
})

describe("places", () => {
  const busy = (options: ElasticPool.Options) => withPool({ maxWorkers: 1, key, timeout: "none", ...options })
  /** One that runs for 100 ms, and then as many of each of these as there are letters. */
  const fill = (bench: Bench, letters: string) =>
    Effect.gen(function* () {
      bench.on("z/0", Effect.as(Effect.sleep(100), "z"))
      yield* bench.submit("z/0")
      return yield* Effect.forEach([...letters], (of, nth) => bench.call(`${of}/${nth + 1}`))
    })
  const counts = (bench: Bench) =>
    Effect.map(bench.pool.waitingBy("key"), (keys) =>
      Object.fromEntries(keys.map(({ blocked, name, waiting }) => [name, `${waiting}+${blocked}`]))
    )

  it.effect("one key alone has half of them, and the others come in beside it", () =>
    busy({ capacity: 10 })((bench) =>
      Effect.gen(function* () {
        yield* fill(bench, "aaaaaaaaab")
        assert.deepInclude(yield* counts(bench), { a: "5+4", b: "1+0" })
      })
    )
  )

  it.effect.each([
    [3, 10, "aaaaabb", { a: "3+2", b: "2+0" }],
    ["none", 4, "aaaaab", { a: "4+1", b: "0+1" }]
  ] as const)("a key has as many as it may: %s", ([keyCapacity, capacity, letters, expected]) =>
    busy({ capacity, keyCapacity })((bench) =>
      Effect.gen(function* () {
        yield* fill(bench, letters)
        assert.deepInclude(yield* counts(bench), expected)
      })
    )
  )

  it.effect("blocked callers of a key come in in their order, the keys with the fewest places first", () =>
    busy({ capacity: 4, keyCapacity: 2 })((bench) =>
      Effect.gen(function* () {
        const calls = yield* fill(bench, "aaaabbbc")
        assert.deepInclude(yield* counts(bench), { a: "2+2", b: "2+1", c: "0+1" })
        yield* TestClock.adjust(100)
        assert.isTrue(calls.every((call) => state(call) === "success"))
        const order = bench.log.filter((line) => line.endsWith("start")).map((line) => line.split(" ")[1]!)
        for (const of of "abc") {
          const own = order.filter((id) => id.startsWith(of))
          assert.deepStrictEqual(own, own.toSorted())
        }
      })
    )
  )

  it.effect("dropping: a key that has its share is refused by its name, a full queue without one", () =>
    busy({ capacity: 4, keyCapacity: 2, strategy: "dropping" })((bench) =>
      Effect.gen(function* () {
        const calls = yield* fill(bench, "aaabbc")
        const refusals = yield* Effect.forEach(calls, (call) => Effect.sync(() => call.pollUnsafe()))
        const errors = refusals.map((exit) =>
          exit !== undefined && Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
        )
        assert.deepInclude((errors[2] as any).error, { _tag: "QueueFull", capacity: 4, key: "a" })
        assert.deepInclude((errors[5] as any).error, { _tag: "QueueFull", capacity: 4 })
        assert.isUndefined((errors[5] as any).error.key)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 4, refused: 2, evicted: 0 })
      })
    )
  )

  it.effect(
    "sliding: the oldest of the key with most waiting gives way, or of its own key where that has its share",
    () =>
      busy({ capacity: 6, keyCapacity: 4, strategy: "sliding" })((bench) =>
        Effect.gen(function* () {
          const calls = yield* fill(bench, "abbbca")
          const ends = () => calls.map(state).join(" ")
          assert.strictEqual(ends(), "waits waits waits waits waits waits")
          const newest = yield* bench.call("c/7")
          assert.strictEqual(ends(), "waits RequestEvicted waits waits waits waits")
          yield* bench.pool.pauseOnly({ key: "c" })
          assert.strictEqual(state(newest), "waits")
        })
      )
  )

  it.effect("sliding: a key with its share makes room for itself", () =>
    busy({ capacity: 10, keyCapacity: 2, strategy: "sliding" })((bench) =>
      Effect.gen(function* () {
        const calls = yield* fill(bench, "bbbaaa")
        assert.strictEqual(calls.map(state).join(" "), "RequestEvicted waits waits RequestEvicted waits waits")
      })
    )
  )

  it.effect("a caller that gives up at the door makes way for the next one of its key", () =>
    busy({ capacity: 4, keyCapacity: 1 })((bench) =>
      Effect.gen(function* () {
        const [, second, third] = yield* fill(bench, "aaa")
        yield* Fiber.interrupt(second!)
        assert.deepInclude(yield* counts(bench), { a: "1+1" })
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* hears(Fiber.join(third!)), "success")
      })
    )
  )
})

describe("what is remembered", () => {
  it.effect("of 5,000 keys with a rate each, one after another, nothing is left and never much was there", () =>
    withPool({
      key,
      limits: [
        Limit.make({ name: "each", per: "key", rate: { limit: 10, period: "1 second" } }),
        Limit.make({ name: "value", per: key, rate: { limit: 10, period: "1 second" } })
      ]
    })((bench) =>
      Effect.gen(function* () {
        bench.body = (id: string) => Effect.succeed(id)
        let most = 0
        for (let nth = 0; nth < 5000; nth++) {
          yield* bench.execute(`key ${nth}`)
          if (nth % 10 === 9) yield* TestClock.adjust(1)
          if (nth % 100 === 99) {
            const { keys, limits } = yield* bench.pool.snapshot
            most = Math.max(most, keys, limits["each"]!.gates, limits["value"]!.gates)
          }
        }
        // A key is in debt to its rate for 100 ms, in which 1,000 come; two are looked at for each that goes.
        assert.isAtMost(most, 1500)
        yield* TestClock.adjust("1 minute")
        for (let nth = 0; nth < 800; nth++) {
          yield* bench.execute("last")
          yield* TestClock.adjust(100)
        }
        const { keys, limits } = yield* bench.pool.snapshot
        assert.deepStrictEqual([keys, limits["each"]!.gates, limits["value"]!.gates], [1, 1, 1])
      })
    )
  )
})
