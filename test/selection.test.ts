/** Some of a pool's requests: listing, counting, cancelling and pausing them, and moving one that waits. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Limit from "../src/Limit.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import type * as Selection from "../src/Selection.ts"
import { type Bench, state, withPool } from "./support/bench.ts"

/** One runs for ever, and these wait: `"a:tenant"` is request a of that key. */
const behindOne = (bench: Bench, requests: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    bench.on("runs", Effect.never)
    yield* bench.call("runs")
    return yield* Effect.forEach(requests, (request) => {
      const [id, key] = request.split(":")
      return bench.call(id!, { id: id!, key: key ?? "" })
    })
  })

const ids = (bench: Bench, ...args: Parameters<Bench["pool"]["list"]>) =>
  Effect.map(bench.pool.list(...args), (views) => views.map(({ id }) => id))

describe("list", () => {
  it.effect("tells of each request where it is, whose it is, and for how long it has been there", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behindOne(bench, ["a:x"])
        yield* TestClock.adjust(30)
        yield* bench.call("b", { id: "b", priority: 3 })
        assert.deepStrictEqual(yield* bench.pool.list(), [
          {
            id: "1",
            tag: "Work",
            key: "",
            priority: 0,
            phase: "running",
            attempts: 1,
            millis: 30,
            heldBackBy: undefined,
            startsInMillis: undefined
          },
          {
            id: "a",
            tag: "Work",
            key: "x",
            priority: 0,
            phase: "waiting",
            attempts: 0,
            millis: 30,
            heldBackBy: undefined,
            startsInMillis: undefined
          },
          {
            id: "b",
            tag: "Work",
            key: "",
            priority: 3,
            phase: "waiting",
            attempts: 0,
            millis: 0,
            heldBackBy: undefined,
            startsInMillis: undefined
          }
        ])
      })
    )
  )

  it.effect("keeps to the filter, and goes on behind the last one of a page", () =>
    withPool({ maxWorkers: 1, capacity: 4, keyCapacity: "none" })((bench) =>
      Effect.gen(function* () {
        yield* behindOne(bench, ["a:x", "b:y", "c:x", "d:x", "e:x"])
        assert.deepStrictEqual(yield* ids(bench, { key: "x" }), ["a", "c", "d", "e"])
        assert.deepStrictEqual(yield* ids(bench, { key: "x", phase: "blocked" }), ["e"])
        assert.deepStrictEqual(yield* ids(bench, { tag: "run" }), [])
        assert.deepStrictEqual(yield* ids(bench, { where: ({ id }) => id > "c" }), ["d", "e"])
        assert.deepStrictEqual(yield* ids(bench, {}, { limit: 2 }), ["1", "a"])
        assert.deepStrictEqual(yield* ids(bench, {}, { limit: 2, after: "a" }), ["b", "c"])
      })
    )
  )

  it.effect("says what a request waits at", () =>
    withPool({ minWorkers: 4, limits: [Limit.make({ name: "mailer", concurrency: 1 })] })((bench) =>
      Effect.gen(function* () {
        yield* behindOne(bench, ["a:x"])
        const [, a] = yield* bench.pool.list()
        assert.strictEqual(a!.heldBackBy, "mailer")
        yield* bench.pool.pauseOnly({ key: "x" })
        yield* bench.pool.setLimit("mailer", { concurrency: 2 })
        const [, paused] = yield* bench.pool.list()
        assert.strictEqual(paused!.heldBackBy, "key")
      })
    )
  )
})

describe("waitingBy", () => {
  it.effect("counts each key, those with most waiting first, and no more than it was asked for", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behindOne(bench, ["a:x", "b:y", "c:y"])
        const counts = { blocked: 0, heldBack: 0, delayed: 0, running: 0 }
        assert.deepStrictEqual(yield* bench.pool.waitingBy("key"), [
          { ...counts, name: "y", waiting: 2 },
          { ...counts, name: "x", waiting: 1 },
          { ...counts, name: "", waiting: 0, running: 1 }
        ])
        assert.deepStrictEqual(
          (yield* bench.pool.waitingBy("key", { top: 1 })).map(({ name }) => name),
          ["y"]
        )
        assert.deepStrictEqual(yield* bench.pool.waitingBy("tag"), [
          { ...counts, name: "Work", waiting: 3, running: 1 }
        ])
      })
    )
  )

  it.effect("tells of none, of all, and of more than there are", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behindOne(bench, ["1:b", "2:a", "3:a"])
        const names = (top: number) =>
          Effect.map(bench.pool.waitingBy("key", { top }), (waiters) => waiters.map(({ name }) => name))
        assert.deepStrictEqual(yield* names(0), [])
        assert.deepStrictEqual(yield* names(Number.NaN), [])
        assert.deepStrictEqual(yield* names(3), ["a", "b", ""])
        assert.deepStrictEqual(yield* names(Infinity), ["a", "b", ""])
        assert.deepStrictEqual(yield* ids(bench, {}, { limit: -1 }), [])
      })
    )
  )

  it.effect("of a pool without keys it counts the tags", () =>
    withPool({ maxWorkers: 1, capacity: 1 })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          bench.on(id, Effect.never)
          yield* bench.call(id)
        }
        assert.deepStrictEqual(yield* bench.pool.waitingBy("tag"), [
          { name: "Work", blocked: 1, waiting: 1, heldBack: 0, delayed: 0, running: 1 }
        ])
      })
    )
  )
})

describe("cancelAll", () => {
  it.effect("cancels what fits in every phase, and answers how many", () =>
    withPool({ maxWorkers: 1, capacity: 3, keyCapacity: "none" })((bench) =>
      Effect.gen(function* () {
        bench.on("d", Effect.fail("no"))
        const retried = yield* bench.call("d", { key: "x", retry: RetryPolicy.make({ times: 1, base: "1 hour" }) })
        const [a, b, c] = yield* behindOne(bench, ["a:x", "b:y", "c:x"])
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, waiting: 2, delayed: 1, blocked: 1 })
        assert.strictEqual(yield* bench.pool.cancelAll({ key: "x" }), 3)
        assert.deepStrictEqual([retried, a!, b!, c!].map(state), [
          "RequestCancelled",
          "RequestCancelled",
          "waits",
          "RequestCancelled"
        ])
        assert.deepInclude(yield* bench.pool.snapshot, {
          waiting: 1,
          delayed: 0,
          blocked: 0,
          abandoned: 1,
          cancelled: 2
        })
        assert.strictEqual(yield* bench.pool.cancelAll({ key: "x" }), 0)
      })
    )
  )

  it.effect("does not take a part that is there and undefined, or unknown, for all of them", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        yield* behindOne(bench, ["a:x"])
        for (const [filter, field] of [
          [{ key: undefined }, "key"],
          [{ tag: "Work", group: undefined }, "group"],
          [{ where: undefined }, "where"],
          [{ keys: "x" }, "keys"],
          [null, "filter"]
        ] as const) {
          const error = yield* Effect.flip(bench.pool.cancelAll(filter as Selection.Filter))
          assert.deepInclude(error, { _tag: "InvalidRequestOption", field })
        }
        const error = yield* Effect.flip(bench.pool.cancelAll({ key: undefined }))
        assert.match(error.message, /`\{\}` cancels all/)
        const where = (async () => false) as never
        for (const asked of [bench.pool.cancelAll({ where }), bench.pool.list({ where })]) {
          const exit = yield* Effect.exit<unknown, unknown, never>(asked)
          const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.deepInclude(defect, { _tag: "InvalidRequestOption", field: "where", actual: '"a promise"' })
        }
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, waiting: 1, cancelled: 0 })
        assert.strictEqual(yield* bench.pool.cancelAll({}), 2)
      })
    )
  )
})

describe("pauseOnly", () => {
  const work = (bench: Bench) =>
    Effect.gen(function* () {
      for (const id of ["a", "b"]) bench.on(id, Effect.never)
      yield* bench.call("a", { key: "x" })
      yield* bench.call("b", { key: "y" })
      return bench.log.map((line) => line.split(" ")[1])
    })

  it.effect("nothing of that key starts until it is taken back, and the others go on", () =>
    withPool({ minWorkers: 4 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pauseOnly({ key: "x" })
        assert.deepStrictEqual(yield* work(bench), ["b1"])
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 1, heldBack: 1, running: 1, idle: 3 })
        yield* bench.pool.resumeOnly({ key: "x" })
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 0, heldBack: 0, running: 2 })
      })
    )
  )

  it.effect("of a tag, and of a limit: all that it applies to", () =>
    withPool({ minWorkers: 4, limits: [Limit.make({ name: "wide", concurrency: 9 })] })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pauseOnly({ tag: "Work" })
        yield* bench.pool.pauseOnly({ limit: "wide" })
        assert.isTrue((yield* bench.pool.snapshot).limits["wide"]!.paused)
        assert.deepStrictEqual(yield* work(bench), [])
        yield* bench.pool.resumeOnly({ tag: "Work" })
        assert.strictEqual(bench.running, 0)
        yield* bench.pool.resumeOnly({ limit: "wide" })
        assert.isFalse((yield* bench.pool.snapshot).limits["wide"]!.paused)
        assert.strictEqual(bench.running, 2)
      })
    )
  )

  it.effect("what waits already is held back as well, and starts in its order", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("runs", Effect.sleep(10).pipe(Effect.as("runs")))
        yield* bench.call("runs")
        for (const id of ["a", "b"]) yield* bench.call(id)
        yield* bench.pool.pauseOnly({ tag: "Work" })
        yield* TestClock.adjust(20)
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 2, heldBack: 2, idle: 1 })
        yield* bench.pool.resumeOnly({ tag: "Work" })
        assert.deepStrictEqual(
          bench.log.map((line) => line.split(" ").slice(0, 2).join(" ")).filter((line) => line.startsWith("20")),
          ["20 a1", "20 a1", "20 b1", "20 b1"]
        )
      })
    )
  )

  it.effect("a drain takes it back", () =>
    withPool({ minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pauseOnly({ key: "x" })
        const a = yield* bench.call("a", { key: "x" })
        const report = yield* bench.pool.drain()
        assert.isFalse(report.forced)
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect.each([
    [{ tag: "Nobody" }, "tag", "Work"],
    [{ limit: "none" }, "limit", "wide"],
    // Else more would be paused than was asked for.
    [{ tag: "Work", key: "a" } as never, "what", "one of tag, key and limit"]
  ] as const)("%o is refused: there is no such one", ([what, field, expected]) =>
    withPool({ limits: [Limit.make({ name: "wide", concurrency: 9 })] })((bench) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bench.pool.pauseOnly(what))
        assert.deepInclude(error, { _tag: "InvalidRequestOption", field, expected })
      })
    )
  )

  it.effect("is not heard while the pool drains: that could not end", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(10), "done"))
        yield* bench.call("a")
        const waiting = yield* bench.call("b")
        const drain = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* bench.pool.pauseOnly({ tag: "Work" })
        yield* TestClock.adjust(10)
        assert.strictEqual(state(waiting), "success")
        assert.deepInclude(yield* Fiber.join(drain), { forced: false })
      })
    )
  )

  it.effect("it is an event", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        const events = yield* Effect.forkChild(Stream.runCollect(Stream.take(bench.pool.events, 2)), {
          startImmediately: true
        })
        yield* bench.pool.pauseOnly({ key: "x" })
        yield* bench.pool.resumeOnly({ key: "x" })
        assert.deepStrictEqual(yield* Fiber.join(events), [
          { _tag: "Paused", only: { key: "x" } },
          { _tag: "Resumed", only: { key: "x" } }
        ])
      })
    )
  )
})

describe("gates", () => {
  it.effect("tell what they have let through, what they hold back, and when they open", () =>
    withPool({
      minWorkers: 4,
      limits: [Limit.make({ name: "api", per: "key", rate: { limit: 1, period: "1 second" } })]
    })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b"]) yield* bench.call(id, { key: "x" })
        yield* TestClock.adjust(250)
        assert.deepStrictEqual(yield* bench.pool.gates(), [
          {
            kind: "limit",
            name: "api",
            of: "x",
            paused: false,
            running: 0,
            heldBack: 1,
            started: 1,
            opensInMillis: 750
          }
        ])
        assert.deepInclude((yield* bench.pool.snapshot).limits["api"], {
          running: 0,
          heldBack: 1,
          started: 1,
          gates: 1
        })
        yield* TestClock.adjust(750)
        assert.deepStrictEqual(yield* bench.pool.gates(), [])
      })
    )
  )
})

describe("setLimit", () => {
  it.effect("lifts a limit, and what waited at it starts", () =>
    withPool({ minWorkers: 4, limits: [Limit.make({ name: "one", concurrency: 1 })] })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) bench.on(id, Effect.never)
        for (const id of ["a", "b", "c"]) yield* bench.call(id)
        assert.strictEqual(bench.running, 1)
        yield* bench.pool.setLimit("one", { concurrency: "none" })
        assert.strictEqual(bench.running, 3)
        yield* bench.pool.setLimit("one", { concurrency: 1 })
        assert.deepInclude((yield* bench.pool.snapshot).limits["one"], { concurrency: 1, running: 3 })
      })
    )
  )

  it.effect("may have any name", () =>
    withPool({ limits: [Limit.make({ name: "__proto__", concurrency: 1 })] })((bench) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(Object.keys((yield* bench.pool.snapshot).limits), ["__proto__"])
        yield* bench.pool.setLimit("__proto__", { concurrency: 2 })
      })
    )
  )

  it.effect("of a tag that nobody handles is refused when the pool is built", () =>
    Effect.gen(function* () {
      const limits = [Limit.make({ name: "one", concurrency: 1, tags: ["Wrok"] })]
      const error = yield* Effect.flip(withPool({ limits })(() => Effect.void))
      assert.deepInclude(error, { _tag: "InvalidPoolConfig", field: "limits.one.tags", actual: '"Wrok"' })
    })
  )
})

describe("setPriority", () => {
  it.effect("one that waits gets the place of its new priority", () =>
    withPool({ maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("runs", Effect.as(Effect.sleep(10), "runs"))
        yield* bench.call("runs")
        yield* bench.submit("a")
        const b = yield* bench.submit("b")
        assert.deepStrictEqual([b.key, yield* b.priority], ["", 0])
        assert.isTrue(yield* b.setPriority(1))
        assert.strictEqual(yield* b.priority, 1)
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(
          bench.log.filter((line) => line.endsWith("start")).map((line) => line.split(" ")[1]),
          ["runs1", "b1", "a1"]
        )
        assert.isFalse(yield* b.setPriority(2))
      })
    )
  )

  it.effect("one that is out of its range is refused", () =>
    withPool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.never)
        const a = yield* bench.submit("a")
        assert.deepInclude(yield* Effect.flip(a.setPriority(11)), { _tag: "InvalidRequestOption", field: "priority" })
      })
    )
  )
})
