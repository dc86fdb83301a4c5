/** Groups of requests: what they have in the pool, how all of them ended, and giving them up together. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Groups } from "../src/internal/groups/groups.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, hears, state, withPool } from "./support/bench.ts"

const none = {
  blocked: 0,
  waiting: 0,
  delayed: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  timedOut: 0,
  expired: 0,
  evicted: 0,
  cancelled: 0,
  interrupted: 0
}
const after = (millis: number, value: string) => Effect.as(Effect.sleep(millis), value)
const awaitAll = (bench: Bench, id = "g") => Effect.forkChild(bench.pool.group(id).awaitAll, { startImmediately: true })

describe("groups", () => {
  it.effect("count what they have in each phase, and each end", () =>
    withPool({ maxWorkers: 1, capacity: 3 })((bench) =>
      Effect.gen(function* () {
        const group = bench.pool.group("g")
        assert.deepStrictEqual(yield* group.counts, none)
        bench.on("fails", Effect.fail("no"))
        const retry = RetryPolicy.make({ times: 1, base: 100, jitter: "none" })
        yield* bench.call("fails", { group: "g", retry })
        bench.on("runs", after(10, "runs"))
        yield* bench.call("runs", { group: "g" })
        for (const id of ["a", "b", "c"]) yield* bench.call(id, { group: "g", ...(id === "a" && { expiresIn: 5 }) })
        yield* bench.call("other", { group: "h" })
        yield* bench.call("nobody's")
        assert.deepStrictEqual(yield* group.counts, { ...none, blocked: 1, waiting: 2, delayed: 1, running: 1 })
        assert.deepStrictEqual(yield* bench.pool.group("h").counts, { ...none, blocked: 1 })
        const all = yield* awaitAll(bench)
        yield* TestClock.adjust(5)
        assert.deepInclude(yield* group.counts, { expired: 1 })
        yield* TestClock.adjust(94)
        assert.strictEqual(state(all), "waits")
        yield* TestClock.adjust(1)
        const { blocked: _, delayed: _d, running: _r, waiting: _w, ...ends } = none
        assert.deepStrictEqual(yield* Fiber.join(all), { ...ends, group: "g", succeeded: 3, failed: 1, expired: 1 })
      })
    )
  )

  it.effect("awaitAll is there at once without any, waits for those that come meanwhile, and cancels nothing", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        assert.deepInclude(yield* bench.pool.group("g").awaitAll, { group: "g", succeeded: 0 })
        bench.on("a", after(10, "a"))
        bench.on("b", after(10, "b"))
        yield* bench.call("a", { group: "g" })
        const [all, gone] = [yield* awaitAll(bench), yield* awaitAll(bench)]
        yield* Fiber.interrupt(gone)
        yield* TestClock.adjust(5)
        yield* bench.call("b", { group: "g" })
        yield* TestClock.adjust(9)
        assert.strictEqual(state(all), "waits")
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* Fiber.join(all), { succeeded: 2 })
      })
    )
  )

  it.effect("are given up together, in every phase, and the others go on", () =>
    withPool({ maxWorkers: 1, capacity: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const calls = yield* Effect.forEach(["a", "b", "c", "d"], (id) =>
          bench.call(id, { group: id === "c" ? "h" : "g" })
        )
        const all = yield* awaitAll(bench)
        assert.strictEqual(yield* bench.pool.group("g").cancel, 3)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(calls.map(state), [
          "RequestCancelled",
          "RequestCancelled",
          "success",
          "RequestCancelled"
        ])
        // A blocked one was never accepted.
        assert.deepInclude(yield* Fiber.join(all), { cancelled: 2 })
        assert.strictEqual(yield* bench.pool.group("g").cancel, 0)
      })
    )
  )

  it.effect("are told in lists, and in filters", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        for (const id of ["a", "b", "c"]) yield* bench.call(id, { id, ...(id !== "a" && { group: id }) })
        assert.deepStrictEqual(
          (yield* bench.pool.list({ group: "b" })).map(({ group, id }) => [id, group]),
          [["b", "b"]]
        )
        assert.notProperty((yield* bench.pool.list())[0], "group")
        assert.strictEqual(yield* bench.pool.cancelAll({ group: "b" }), 1)
      })
    )
  )

  it.effect("an attempt of a group cannot wait for all of it; one of another group lends its slot", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.map(hears(bench.pool.group("g").awaitAll), String))
        assert.strictEqual(yield* bench.execute("a", { group: "g" }), "NestedWaitRefused")
        const submits = Effect.andThen(bench.submit("c", { group: "g" }), bench.submit("d", { group: "g" }))
        bench.on("b", Effect.orDie(Effect.as(Effect.andThen(submits, bench.pool.group("g").awaitAll), "b")))
        assert.strictEqual(yield* bench.execute("b"), "b")
        assert.deepInclude(yield* bench.pool.group("g").counts, { succeeded: 3 })
      })
    )
  )

  it.effect("nested calls are in none, and what is sent again is in its own", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) =>
          Effect.andThen(Effect.orDie(bench.execute("b")), attempt === 1 ? Effect.fail("no") : Effect.succeed("yes"))
        )
        yield* Effect.exit(bench.execute("a", { id: "a", group: "g" }))
        yield* (yield* bench.pool.deadLetters.resubmit("a")).await
        assert.deepInclude(yield* bench.pool.group("g").counts, { failed: 1, succeeded: 1 })
      })
    )
  )

  it.effect("of a pool that drains end with it", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        yield* bench.call("a", { group: "g" })
        const all = yield* awaitAll(bench)
        yield* Effect.forkChild(bench.pool.drain({ deadline: 5 }), { startImmediately: true })
        yield* TestClock.adjust(5)
        assert.deepInclude(yield* Fiber.join(all), { interrupted: 1 })
      })
    )
  )

  it.effect("the last 1,000 are known, and those that somebody holds or that go on", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        const held = bench.pool.group("held")
        bench.on("runs", after(10, "runs"))
        yield* bench.call("runs", { group: "goes on" })
        yield* bench.execute("a", { group: "held" })
        for (let at = 0; at < 1200; at++) yield* bench.execute("a", { group: `g${at}` })
        assert.deepInclude(yield* held.counts, { succeeded: 1 })
        assert.deepInclude(yield* bench.pool.group("held").counts, { succeeded: 1 })
        assert.deepInclude(yield* bench.pool.group("goes on").counts, { running: 1 })
        assert.deepInclude(yield* bench.pool.group("g1199").counts, { succeeded: 1 })
        assert.deepInclude(yield* bench.pool.group("g200").counts, { succeeded: 1 })
        yield* bench.execute("a", { group: "held" })
        assert.deepInclude(yield* held.counts, { succeeded: 2 })
      })
    )
  )

  it("keep no more than that", () => {
    const { ended, groups } = remember(3000)
    assert.strictEqual(ended, 1000)
    assert.strictEqual(groups.of("g2999").counts.succeeded, 1)
  })
})

/** So many groups of one request that has ended. */
const remember = (count: number) => {
  const groups = new Groups()
  for (let at = 0; at < count; at++) {
    const observers: Array<(exit: never, request: never) => void> = []
    const request = { phase: "ended", end: "succeeded", observe: (observer: never) => observers.push(observer) }
    groups.of(`g${at}`).add(request as never)
    for (const observer of observers) observer(undefined as never, request as never)
  }
  const { ended } = groups as unknown as { readonly ended: ReadonlySet<unknown> }
  return { groups, ended: ended.size }
}
