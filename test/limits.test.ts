/** Limits of a pool: how many at once, how often, in which order; and that nobody is forgotten before a gate. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Limit from "../src/Limit.ts"
import * as NotBefore from "../src/NotBefore.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, ignoring, state, withPool } from "./support/bench.ts"

/** What is before the slash in the id of a request. */
const entityOf = (_: string, { id }: { readonly id: string }) => id.split("/")[0]

/** When bodies began, by the start of their ids. */
const starts = (bench: Bench, of = "") =>
  bench.log.flatMap((line) => {
    const [at, id, what] = line.split(" ")
    return what === "start" && id!.startsWith(of) ? [Number(at)] : []
  })

const submitAll = (bench: Bench, ids: ReadonlyArray<string>) => Effect.forEach(ids, (id) => bench.submit(id))
const numbered = (count: number, of = "n") => Array.from({ length: count }, (_, at) => `${of}${at}`)
const retry = RetryPolicy.make({ times: 3, base: 0 })

describe("a rate", () => {
  it.effect("of 10 per second, 5 at once, lets exactly so many start in a minute, whatever the workers", () =>
    withPool({
      minWorkers: 64,
      limits: [Limit.make({ name: "rate", rate: { limit: 10, period: "1 second", burst: 5 } })]
    })((bench) =>
      Effect.gen(function* () {
        const ids = numbered(1000)
        for (const id of ids) bench.on(id, Effect.as(Effect.sleep(250), id))
        yield* submitAll(bench, ids)
        yield* TestClock.adjust("1 minute")
        const at = starts(bench)
        // The burst at once, and from then on one each 100 ms.
        assert.deepStrictEqual(
          at,
          Array.from({ length: 5 + 600 }, (_, nth) => Math.max(0, nth - 4) * 100)
        )
        // After a rest the burst again: no window holds more.
        yield* bench.pool.pauseOnly({ tag: "Work" })
        yield* TestClock.adjust("10 seconds")
        yield* bench.pool.resumeOnly({ tag: "Work" })
        yield* TestClock.adjust("1 second")
        const later = starts(bench).slice(at.length)
        assert.deepStrictEqual(
          later,
          Array.from({ length: 15 }, (_, nth) => 70_000 + Math.max(0, nth - 4) * 100)
        )
      })
    )
  )

  it.effect("is not paid by one whose time is over when its turn comes", () =>
    withPool({ limits: [Limit.make({ name: "rate", rate: { limit: 1, period: 100 } })] })((bench) =>
      Effect.gen(function* () {
        yield* bench.submit("a")
        yield* TestClock.adjust(0)
        // In a turn that comes late both its expiry and the opening of the gate are due: either may be seen first.
        for (const expiresIn of [99, 100, 101]) yield* bench.submit(`b${expiresIn}`, { expiresIn, priority: 1 })
        yield* bench.submit("c")
        yield* TestClock.adjust(99)
        yield* TestClock.adjust(500)
        const { expired, limits, succeeded } = yield* bench.pool.snapshot
        assert.strictEqual(limits["rate"]!.started, succeeded)
        assert.strictEqual(expired + succeeded, 5)
      })
    )
  )

  it.effect("counts each attempt, and a retry waits for its turn", () =>
    withPool({ limits: [Limit.make({ name: "rate", rate: { limit: 1, period: 100 } })], retry })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("no"))
        yield* bench.submit("fails")
        yield* TestClock.adjust(250)
        assert.deepStrictEqual(starts(bench), [0, 100, 200])
      })
    )
  )
})

describe("one at a time", () => {
  it.effect(
    "of each of 10,000 entities, in order, through retries and workers that die",
    () =>
      withPool({
        minWorkers: 64,
        capacity: "unbounded",
        limits: [Limit.serial(entityOf)],
        retry: RetryPolicy.make({ times: 2, base: 20 })
      })((bench) =>
        Effect.gen(function* () {
          const running = new Set<string>()
          const broken: Array<string> = []
          const next = new Map<string, number>()
          let deaths = 0
          let failures = 0
          const body = (id: string, attempt: number) =>
            Effect.suspend(() => {
              const [entity, nth] = id.split("/") as [string, string]
              if (running.has(entity)) broken.push(`two of ${entity} run at once`)
              if (Number(nth) !== (next.get(entity) ?? 0)) broken.push(`${id} begins before its turn`)
              running.add(entity)
              const over = Effect.sync(() => {
                running.delete(entity)
                next.set(entity, Number(nth) + 1)
              })
              const chance = Number(entity.slice(1)) + 7 * Number(nth)
              if (chance % 5 === 0 && attempt === 1) {
                failures++
                running.delete(entity)
                return Effect.fail("once more")
              }
              if (chance % 101 === 0) {
                deaths++
                return Effect.andThen(
                  over,
                  Effect.withFiber<string>((fiber) => {
                    fiber.interruptUnsafe()
                    return Effect.never
                  })
                )
              }
              return Effect.as(Effect.andThen(chance % 3 === 0 ? Effect.sleep(chance % 7) : Effect.void, over), id)
            })
          bench.body = (id: string) => {
            const attempt = (attempts.get(id) ?? 0) + 1
            attempts.set(id, attempt)
            return body(id, attempt)
          }
          const attempts = new Map<string, number>()
          for (const nth of [0, 1, 2]) {
            for (let entity = 0; entity < 10_000; entity++) yield* bench.submit(`e${entity}/${nth}`)
          }
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(broken, [])
          assert.isAbove(failures, 5000)
          assert.isAbove(deaths, 200)
          assert.deepInclude(yield* bench.pool.snapshot, { waiting: 0, delayed: 0, running: 0, heldBack: 0 })
        })
      ),
    120_000
  )

  it.effect("a request that is between two attempts keeps its turn", () =>
    withPool({ limits: [Limit.serial("key")], retry: RetryPolicy.make({ times: 1, base: 100, jitter: "none" }) })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("first", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
          yield* submitAll(bench, ["first", "second"])
          yield* TestClock.adjust(99)
          assert.deepStrictEqual(starts(bench, "second"), [])
          yield* TestClock.adjust(1)
          assert.deepStrictEqual([starts(bench, "first"), starts(bench, "second")], [[0, 100], [100]])
        })
    )
  )

  it.effect("a retry that must wait for the rate of its own limit is not forgotten there", () =>
    withPool({
      limits: [
        Limit.make({ name: "one", per: "key", concurrency: 1, until: "request", rate: { limit: 1, period: 100 } })
      ],
      retry
    })((bench) =>
      Effect.gen(function* () {
        bench.on("first", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
        yield* submitAll(bench, ["first", "second"])
        yield* TestClock.adjust(200)
        assert.deepStrictEqual([starts(bench, "first"), starts(bench, "second")], [[0, 100], [200]])
      })
    )
  )

  it.effect("one that says NotBefore of its own limit goes on when the time has come", () =>
    withPool({ limits: [Limit.serial("key")] })((bench) =>
      Effect.gen(function* () {
        bench.on("first", (attempt) =>
          attempt === 1 ? Effect.fail(NotBefore.of(50, { at: "serial" }) as never) : Effect.succeed("yes")
        )
        yield* submitAll(bench, ["first", "second"])
        yield* TestClock.adjust(49)
        assert.deepStrictEqual([starts(bench, "first"), starts(bench, "second")], [[0], []])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([starts(bench, "first"), starts(bench, "second")], [[0, 50], [50]])
      })
    )
  )

  it.effect("the newest first does not stand before a retry for which it waits", () =>
    withPool({ maxWorkers: 1, limits: [Limit.serial(entityOf)], order: "lifo", retry })((bench) =>
      Effect.gen(function* () {
        // The worker is busy with another entity when the retry comes back, and when the newest comes.
        bench.on("a/1", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
        bench.on("b/1", Effect.as(Effect.sleep(10), "b"))
        yield* bench.pool.pause
        const first = yield* bench.call("a/1", { retry: RetryPolicy.make({ times: 1, base: 5, jitter: "none" }) })
        yield* bench.pool.resume
        yield* TestClock.adjust(1)
        yield* bench.call("b/1")
        yield* TestClock.adjust(5)
        const newest = yield* bench.call("a/2")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([state(first), state(newest)], ["success", "success"])
      })
    )
  )

  it.effect("another priority does not put a retry behind those that wait for it", () =>
    withPool({ maxWorkers: 1, limits: [Limit.serial("key")] })((bench) =>
      Effect.gen(function* () {
        bench.on("first", (attempt) => (attempt === 1 ? Effect.fail("no") : Effect.succeed("yes")))
        const first = yield* bench.submit("first", { retry: RetryPolicy.make({ times: 1, base: 10, jitter: "none" }) })
        const second = yield* bench.submit("second", { priority: 2 })
        yield* TestClock.adjust(5)
        yield* bench.pool.pause
        yield* TestClock.adjust(5)
        assert.strictEqual(yield* first.status, "waiting")
        assert.isTrue(yield* first.setPriority(2))
        yield* bench.pool.resume
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([(yield* first.outcome).end, (yield* second.outcome).end], ["succeeded", "succeeded"])
      })
    )
  )
})

describe("a limit of a value", () => {
  it.effect("has no gate left of requests that went before they had started", () =>
    withPool({ limits: [Limit.make({ name: "each", per: entityOf, concurrency: 1 })] })((bench) =>
      Effect.gen(function* () {
        yield* bench.pool.pause
        for (const ticket of yield* submitAll(bench, numbered(100))) yield* ticket.cancel
        assert.isBelow((yield* bench.pool.snapshot).limits["each"]!.gates, 3)
      })
    )
  )
})

describe("a limit of so many at once", () => {
  it.effect("is held by an attempt that has ended for its caller, until it has really ended", () =>
    withPool({ minWorkers: 4, timeout: 10, interruptGrace: 20, limits: [Limit.make({ name: "one", concurrency: 1 })] })(
      (bench) =>
        Effect.gen(function* () {
          bench.on("slow", ignoring(100))
          const slow = yield* bench.call("slow")
          yield* bench.submit("next")
          yield* TestClock.adjust(99)
          assert.strictEqual(state(slow), "RequestTimeout")
          assert.deepInclude(yield* bench.pool.snapshot, { stuck: 1, heldBack: 1 })
          assert.deepStrictEqual(starts(bench, "next"), [])
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(starts(bench, "next"), [100])
        })
    )
  )

  it.effect("with another one is passed in one step: whoever waits at one of them keeps no place at the other", () =>
    withPool({
      minWorkers: 8,
      limits: [Limit.make({ name: "all", concurrency: 2 }), Limit.make({ name: "each", per: entityOf, concurrency: 1 })]
    })((bench) =>
      Effect.gen(function* () {
        for (const id of ["a/1", "a/2", "b/1", "c/1"]) bench.on(id, Effect.as(Effect.sleep(10), id))
        yield* submitAll(bench, ["a/1", "a/2", "b/1", "c/1"])
        yield* TestClock.adjust(30)
        assert.strictEqual(bench.peak, 2)
        assert.deepStrictEqual(
          ["a/1", "b/1", "a/2", "c/1"].map((id) => starts(bench, id)[0]),
          [0, 0, 10, 10]
        )
      })
    )
  )

  it.effect("may be raised and lowered while it is full", () =>
    withPool({ minWorkers: 16, limits: [Limit.make({ name: "some", concurrency: 2 })] })((bench) =>
      Effect.gen(function* () {
        const ids = numbered(40)
        for (const id of ids) bench.on(id, Effect.as(Effect.sleep(10), id))
        yield* submitAll(bench, ids)
        yield* TestClock.adjust(5)
        assert.strictEqual(bench.running, 2)
        yield* bench.pool.setLimit("some", { concurrency: 7 })
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 7)
        yield* bench.pool.setLimit("some", { concurrency: 1 })
        yield* TestClock.adjust(4)
        assert.strictEqual(bench.running, 7, "nothing is interrupted for it")
        yield* TestClock.adjust(1)
        assert.strictEqual(bench.running, 5)
        yield* TestClock.adjust(5)
        assert.strictEqual(bench.running, 1)
        yield* bench.pool.setLimit("some", { concurrency: "none", rate: { limit: 1000, period: 1000, burst: 3 } })
        yield* TestClock.adjust(0)
        assert.strictEqual(bench.running, 4)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* bench.pool.snapshot).succeeded, 40)
      })
    )
  )
})

/** Asks for a part that succeeds when it is tried for the third time. */
const asks = (bench: Bench) => {
  bench.on(
    "asker",
    Effect.suspend(() => bench.execute("part", { retry }) as Effect.Effect<string, string>)
  )
  bench.on("part", (attempt) => (attempt < 3 ? Effect.fail("no") : Effect.succeed("yes")))
  return bench.call("asker")
}

describe("what an attempt asks of its own pool", () => {
  it.effect("passes the limit at which its asker counts, also when it is tried again", () =>
    withPool({ maxWorkers: 1, limits: [Limit.serial("key")] })((bench) =>
      Effect.gen(function* () {
        const asker = yield* asks(bench)
        const next = yield* bench.call("next")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(asker), state(next)], ["success", "success"])
        assert.strictEqual(starts(bench, "part").length, 3)
      })
    )
  )

  it.effect("passes, when it is tried again, the limit at which it counts itself", () =>
    withPool({ maxWorkers: 1, limits: [Limit.serial((_, { id }) => (id === "part" ? id : undefined))] })((bench) =>
      Effect.gen(function* () {
        const asker = yield* asks(bench)
        yield* TestClock.adjust(1)
        assert.strictEqual(state(asker), "success")
      })
    )
  )

  it.effect("waits for a rate, though its key's turn is its asker's, and is not forgotten", () =>
    withPool({
      minWorkers: 4,
      limits: [Limit.serial("key"), Limit.make({ name: "rate", rate: { limit: 1, period: 100 } })]
    })((bench) =>
      Effect.gen(function* () {
        bench.on(
          "asker",
          Effect.suspend(() => bench.execute("part") as Effect.Effect<string, string>)
        )
        const asker = yield* bench.call("asker")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(asker), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(asker), "success")
      })
    )
  )

  it.effect("takes the place that comes free at a limit before which nobody else waits", () =>
    withPool({
      minWorkers: 4,
      limits: [Limit.serial("key"), Limit.make({ name: "few", per: entityOf, concurrency: 1 })]
    })((bench) =>
      Effect.gen(function* () {
        bench.on("x/other", Effect.as(Effect.sleep(50), "other"))
        bench.on(
          "asker",
          Effect.suspend(() => bench.execute("x/part") as Effect.Effect<string, string>)
        )
        yield* bench.call("x/other", { key: "other" })
        const asker = yield* bench.call("asker")
        yield* TestClock.adjust(49)
        assert.strictEqual(state(asker), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(asker), "success")
      })
    )
  )
})

describe("a drain", () => {
  const closed: Record<string, (bench: Bench) => Effect.Effect<unknown, unknown>> = {
    "a rate of one a day": (bench) => bench.submit("once"),
    "a pause of the tag": (bench) => bench.pool.pauseOnly({ tag: "Work" }),
    "a pause of the key": (bench) => bench.pool.pauseOnly({ key: "" }),
    "pauses of three limits": (bench) =>
      Effect.forEach(["each", "daily", "too"], (limit) => bench.pool.pauseOnly({ limit })),
    "a time that has not come": (bench) => bench.submit("not yet"),
    "a limit held by what never ends": (bench) => bench.submit("x/hangs")
  }
  for (const [name, close] of Object.entries(closed)) {
    const endsInTime = name.startsWith("a pause") || name.startsWith("pauses")
    it.effect(
      `with ${name} in the way ${endsInTime ? "lifts that and finishes" : "ends at its deadline, or a grace later"}`,
      () => {
        const limits = [
          Limit.make({ name: "daily", per: entityOf, rate: { limit: 1, period: "1 day" } }),
          Limit.make({ name: "each", per: "key", concurrency: 64 }),
          Limit.make({ name: "too", per: "key", concurrency: 64 })
        ]
        return withPool({ minWorkers: 4, limits, timeout: "none", drainGrace: 50 })((bench) =>
          Effect.gen(function* () {
            const never = yield* Deferred.make<string>()
            bench.on("x/hangs", Effect.uninterruptible(Deferred.await(never)))
            bench.on("not yet", Effect.fail(NotBefore.of("1 day", { at: "pool" }) as never))
            yield* close(bench)
            yield* TestClock.adjust(1)
            const ids = name.includes("rate") ? ["once", "once"] : ["x/1", "x/2", "y/1"]
            const tickets = yield* submitAll(
              bench,
              name.startsWith("pause") || name.startsWith("a pause") ? ["p/1", "q/1"] : ids
            )
            const draining = yield* Effect.forkChild(bench.pool.drain({ deadline: 100 }), { startImmediately: true })
            yield* TestClock.adjust(endsInTime ? 1 : 100)
            if (!endsInTime) yield* TestClock.adjust(50)
            const report = yield* Fiber.join(draining)
            assert.isAtMost(report.tookMillis, 150)
            const ends = yield* Effect.forEach(tickets, ({ outcome }) => Effect.map(outcome, ({ end }) => end))
            if (endsInTime) assert.deepStrictEqual(ends, ["succeeded", "succeeded"])
            else assert.include(ends, "interrupted")
            yield* Deferred.succeed(never, "now")
          })
        )
      }
    )
  }
})
