/** Several requests in one attempt: who comes along, when it begins, and that each has an end of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Limit from "../src/Limit.ts"
import * as NotBefore from "../src/NotBefore.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type BatchBench, countsOf, heardBy, withBatches } from "./support/batchBench.ts"

const batch = { size: 3, within: 10 }
const retry = RetryPolicy.make({ times: 1, base: 5, jitter: "none", failures: true, timeouts: true, defects: true })
const sleeping = (bench: BatchBench, millis: number) => {
  bench.answer = (ids) =>
    Effect.as(
      Effect.sleep(millis),
      ids.map((id) => Exit.succeed(id))
    )
}
const never = (bench: BatchBench) => {
  bench.answer = () => Effect.never
}

describe("a batch begins", () => {
  it.effect("when there are enough for it", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        yield* bench.calls("a", "b")
        assert.deepStrictEqual(bench.begun, [])
        yield* bench.calls("c", "d")
        yield* Effect.yieldNow
        assert.deepStrictEqual(bench.begun, ["0 a b c"])
        assert.deepStrictEqual(bench.heard, ["a success", "b success", "c success"])
      })
    )
  )

  it.effect("when the first has waited for long enough, and not before", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        yield* bench.calls("a")
        yield* TestClock.adjust(4)
        yield* bench.calls("b")
        yield* TestClock.adjust(5)
        assert.deepStrictEqual(bench.begun, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.begun, ["10 a b"])
      })
    )
  )

  it.effect("without a wait where there is no `within`: with whoever is there when a worker comes", () =>
    withBatches({ annotation: { batch: { size: 3 } } })((bench) =>
      Effect.gen(function* () {
        sleeping(bench, 10)
        yield* bench.calls("a", "b", "c", "d", "e", "f")
        yield* TestClock.adjust(30)
        assert.deepStrictEqual(bench.begun, ["0 a", "10 b c d", "20 e f"])
      })
    )
  )

  it.effect("later where the first has gone, by the time of the next", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        const first = yield* bench.submit("a")
        yield* TestClock.adjust(4)
        yield* bench.calls("b")
        yield* first.cancel
        yield* TestClock.adjust(9)
        assert.deepStrictEqual(bench.begun, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.begun, ["14 b"])
      })
    )
  )

  it.effect("without a worker of its own until then: others run meanwhile, and it counts as held back", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        yield* bench.calls("a", "b")
        assert.strictEqual(yield* bench.pool.run(Effect.succeed("beside")), "beside")
        const { heldBack, idle, waiting } = yield* countsOf(bench)
        assert.deepStrictEqual({ heldBack, idle, waiting }, { heldBack: 2, idle: 1, waiting: 2 })
        const [view] = yield* bench.pool.list()
        assert.strictEqual(view!.heldBackBy, "batch")
        assert.deepStrictEqual(yield* bench.pool.gates(), [])
      })
    )
  )

  it.effect("at once in a pool that drains", () =>
    withBatches({ annotation: { batch: { size: 3, within: "1 hour" } } })((bench) =>
      Effect.gen(function* () {
        yield* bench.calls("a", "b")
        const report = yield* bench.pool.drain()
        assert.deepStrictEqual(bench.begun, ["0 a b"])
        assert.strictEqual(report.ends.succeeded, 2)
        assert.strictEqual(report.tookMillis, 0)
      })
    )
  )
})

describe("a batch is", () => {
  it.effect("of one key, one priority and the same limits", () =>
    withBatches({ annotation: { batch: { size: 10, within: 10 } } })((bench) =>
      Effect.gen(function* () {
        yield* bench.call("a1", { key: "a" })
        yield* bench.call("b1", { key: "b" })
        yield* bench.call("a2", { key: "a" })
        yield* bench.call("a3", { key: "a", priority: 1 })
        yield* bench.call("b2", { key: "b" })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(bench.begun.toSorted(), ["10 a1 a2", "10 a3", "10 b1 b2"])
      })
    )
  )

  it.effect("one attempt at a limit of attempts, and as many starts at a rate as it has requests", () =>
    withBatches({
      annotation: { batch: { size: 10, within: 10 } },
      minWorkers: 4,
      limits: [Limit.make({ name: "few", concurrency: 1, rate: { limit: 3, period: 100, burst: 3 } })]
    })((bench) =>
      Effect.gen(function* () {
        sleeping(bench, 5)
        yield* bench.calls("a", "b", "c", "d", "e")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(bench.begun, ["10 a b c"])
        const { limits } = yield* countsOf(bench)
        assert.deepInclude(limits["few"], { running: 1, started: 3, heldBack: 2 })
        yield* TestClock.adjust(200)
        assert.deepStrictEqual(bench.begun, ["10 a b c", "44 d", "77 e"])
        assert.strictEqual((yield* countsOf(bench)).limits["few"]!.running, 0)
      })
    )
  )

  it.effect("as many starts as it has requests where somebody else allows starts", () => {
    const rate = { limit: 3, periodMillis: 1000, burst: 3 }
    const ask: Limit.Lessor["ask"] = (_, __, answer) => queueMicrotask(() => answer(3, 1000))
    const limit = Limit.leased({ name: "leased" }, { lease: 3, leaseMillis: 1000, rate, ask }, undefined)
    return withBatches({ annotation: { batch: { size: 5 } }, maxWorkers: 1, limits: [limit] })((bench) =>
      Effect.gen(function* () {
        sleeping(bench, 10)
        yield* bench.call("first")
        yield* TestClock.adjust(1)
        yield* bench.calls("a", "b", "c", "d", "e")
        assert.deepStrictEqual(bench.begun, ["0 first"])
        // Two of the three are in hand.
        assert.deepInclude(yield* countsOf(bench), { waiting: 5, heldBack: 3 })
        yield* TestClock.adjust(9)
        assert.deepStrictEqual(bench.begun, ["0 first", "10 a b"])
      })
    )
  })

  it.effect("of as many as may have it until their ends at a limit of requests", () =>
    withBatches({
      annotation: { batch: { size: 10, within: 10 }, retry },
      minWorkers: 4,
      limits: [Limit.make({ name: "two", concurrency: 2, until: "request" })]
    })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) =>
          Effect.as(
            Effect.sleep(5),
            ids.map((id) => (id === "b" && bench.begun.length === 1 ? Exit.fail("no") : Exit.succeed(id)))
          )
        yield* bench.calls("a", "b", "c", "d")
        yield* TestClock.adjust(14)
        assert.deepStrictEqual(bench.begun, ["10 a b"])
        assert.strictEqual((yield* countsOf(bench)).limits["two"]!.running, 2)
        yield* TestClock.adjust(1)
        // The place of the one that has ended is free; the other keeps its own while it waits for its next attempt.
        assert.deepStrictEqual(bench.begun, ["10 a b", "15 c"])
        yield* TestClock.adjust(100)
        const { limits, succeeded } = yield* countsOf(bench)
        assert.strictEqual(succeeded, 4)
        assert.strictEqual(limits["two"]!.running, 0)
      })
    )
  )

  it.effect("one for its worker, and one attempt for each of its requests", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        sleeping(bench, 30)
        yield* bench.calls("a", "b", "c")
        yield* TestClock.adjust(10)
        const { attempts, batched, handlers, idle, running, workers } = yield* countsOf(bench)
        assert.deepStrictEqual(
          { attempts, batched, idle, running, workers },
          { attempts: 3, batched: 2, idle: 0, running: 3, workers: 1 }
        )
        assert.deepInclude(handlers["Index"], { attempts: 3, batches: 1, running: 1, occupiedMillis: 10 })
        assert.deepStrictEqual(
          (yield* bench.pool.running).map(({ id }) => id),
          ["a", "b", "c"]
        )
        assert.deepStrictEqual(
          (yield* bench.pool.list({ phase: "running" })).map(({ id }) => id),
          ["a", "b", "c"]
        )
        yield* TestClock.adjust(20)
        const { handlers: after, ranMillis } = yield* countsOf(bench)
        assert.deepInclude(after["Index"], { occupiedMillis: 30, succeeded: 3, succeededMillis: 30, running: 0 })
        assert.strictEqual(ranMillis, 90)
      })
    )
  )

  it.effect("charged to its key once, by the time that it has kept a worker", () =>
    withBatches({ annotation: { batch: { size: 10 } }, aging: 1 })((bench) =>
      Effect.gen(function* () {
        // Both have the worker for half of the time, though one of them has ten times as many done in it.
        sleeping(bench, 10)
        for (let nth = 0; nth < 100; nth++) yield* bench.call(`many${nth}`, { key: "many" })
        for (let nth = 0; nth < 10; nth++) yield* bench.call(`few${nth}`, { key: "few", priority: nth - 5 })
        yield* TestClock.adjust(200)
        const begun = bench.begun.map((line) => line.split(" ")[1]!.slice(0, 3))
        assert.strictEqual(begun.slice(0, 18).filter((key) => key === "few").length, 9)
      })
    )
  )
})

describe("each request of a batch", () => {
  it.effect("has an end of its own, in the order of the payloads", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        bench.answer = () => Effect.succeed([Exit.succeed("x"), Exit.fail("no"), Exit.die("bug")])
        const callers = yield* bench.calls("a", "b", "c")
        yield* Effect.yieldNow
        assert.deepStrictEqual(heardBy(callers), ["success", "failure", "defect"])
        assert.deepInclude((yield* countsOf(bench)).handlers["Index"], { succeeded: 1, failed: 2, attempts: 3 })
      })
    )
  )

  it.effect("fails with a batch that fails as a whole, and is tried again by itself", () =>
    withBatches({ annotation: { batch, retry } })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) =>
          bench.begun.length === 1 ? Effect.fail("all") : Effect.succeed(ids.map((id) => Exit.succeed(id)))
        const [a] = yield* bench.calls("a", "b")
        const c = yield* bench.call("c", { retry: "none" })
        yield* Effect.yieldNow
        assert.deepStrictEqual(heardBy([a!, c]), ["waits", "failure"])
        yield* TestClock.adjust(5)
        yield* bench.calls("d")
        assert.deepStrictEqual(bench.begun, ["0 a b c", "5 a b d"])
        assert.deepStrictEqual(bench.heard.slice(1), ["a success", "b success", "d success"])
        const { attempts, retries } = yield* countsOf(bench)
        assert.deepStrictEqual({ attempts, retries }, { attempts: 6, retries: 2 })
      })
    )
  )

  for (const [what, answer] of [
    ["of another length", Effect.succeed([Exit.succeed("x")])],
    ["that is no array", Effect.succeed("x" as never)],
    ["of what are no exits", Effect.succeed([Exit.succeed("x"), "y", Exit.succeed("z")] as never)],
    ["that throws when it is looked at", Effect.succeed(revoked() as never)]
  ] as const) {
    it.effect(`ends with a defect when the handler gives an answer ${what}`, () =>
      withBatches({ annotation: { batch, retry: RetryPolicy.make({ times: 1, base: 0 }) } })((bench) =>
        Effect.gen(function* () {
          bench.answer = () => answer
          const callers = yield* bench.calls("a", "b", "c")
          yield* Effect.yieldNow
          assert.deepStrictEqual(heardBy(callers), ["defect", "defect", "defect"])
          const message = String(Cause.squash((callers[0]!.pollUnsafe() as Exit.Failure<never, never>).cause))
          if (what !== "that throws when it is looked at") assert.match(message, /one Exit for each payload/)
          assert.strictEqual((yield* countsOf(bench)).defects, 3)
        })
      )
    )
  }

  it.effect("fails where the handler throws, dies, or interrupts itself", () =>
    withBatches({ annotation: { batch: { size: 2 } }, minWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        const bodies = [
          () => {
            throw new Error("thrown")
          },
          () => Effect.die("bug"),
          () => Effect.interrupt
        ]
        for (const body of bodies) {
          bench.answer = body as never
          yield* bench.pool.pause
          const callers = yield* bench.calls("a", "b")
          yield* bench.pool.resume
          yield* Effect.yieldNow
          const each = body === bodies[2] ? "HandlerInterrupted" : "defect"
          assert.deepStrictEqual(heardBy(callers), [each, each])
        }
        assert.strictEqual(bench.begun.length, 3)
      })
    )
  )

  it.effect("that is cancelled or expires before the start is not in it", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        yield* bench.calls("a")
        const b = yield* bench.submit("b")
        yield* b.cancel
        yield* bench.call("c", { expiresIn: 5 })
        yield* TestClock.adjust(5)
        yield* bench.calls("d")
        yield* TestClock.adjust(5)
        assert.deepStrictEqual(bench.begun, ["10 a d"])
      })
    )
  )

  it.effect("that is cancelled or expires after the start ends at once, and the others go on", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        sleeping(bench, 20)
        const a = yield* bench.submit("a")
        const b = yield* bench.call("b", { expiresIn: 5 })
        const c = yield* bench.call("c")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* a.cancel, "interrupting")
        assert.deepInclude(yield* countsOf(bench), { running: 2, batched: 1, cancelled: 1, ending: 0 })
        yield* TestClock.adjust(4)
        assert.deepStrictEqual(heardBy([b, c]), ["RequestExpired", "waits"])
        assert.deepInclude(yield* countsOf(bench), { running: 1, batched: 0, expired: 1, ending: 0 })
        yield* TestClock.adjust(15)
        assert.deepStrictEqual(heardBy([b, c]), ["RequestExpired", "success"])
        assert.deepInclude(yield* countsOf(bench), { succeeded: 1, idle: 1 })
      })
    )
  )

  it.effect("interrupts it when it is the last to go, and is waited for by whoever gave it up", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        let interrupted = 0
        bench.answer = () =>
          Effect.never.pipe(
            Effect.onInterrupt(() =>
              Effect.andThen(
                Effect.sleep(7),
                Effect.sync(() => void interrupted++)
              )
            )
          )
        const [a, b, c] = yield* bench.calls("a", "b", "c")
        yield* TestClock.adjust(1)
        // Its caller is free at once: the attempt is not its own.
        yield* Fiber.interrupt(a!)
        yield* Fiber.interrupt(b!)
        assert.strictEqual(interrupted, 0)
        const last = yield* Effect.forkChild(Fiber.interrupt(c!), { startImmediately: true })
        assert.deepInclude(yield* countsOf(bench), { running: 0, batched: 0, ending: 1, cancelled: 3 })
        yield* TestClock.adjust(6)
        assert.strictEqual(last.pollUnsafe(), undefined)
        yield* TestClock.adjust(1)
        assert.strictEqual(interrupted, 1)
        assert.isDefined(last.pollUnsafe())
        assert.deepInclude(yield* countsOf(bench), { ending: 0, idle: 1 })
      })
    )
  )

  it.effect("waits again, before all others and in its order, where it was no attempt", () =>
    withBatches({ annotation: { batch: { size: 3 } } })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) =>
          bench.begun.length === 1
            ? Effect.fail(NotBefore.of(10, { at: "tag", countsAsAttempt: false }))
            : Effect.succeed(ids.map((id) => Exit.succeed(id)))
        yield* bench.pool.pause
        yield* bench.calls("a", "b", "c", "d")
        yield* bench.pool.resume
        yield* TestClock.adjust(9)
        assert.deepStrictEqual(bench.begun, ["0 a b c"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.begun, ["0 a b c", "10 a b c", "10 d"])
        assert.deepInclude(yield* countsOf(bench), { attempts: 7, retries: 0, succeeded: 4 })
      })
    )
  )
})

describe("the time of a batch", () => {
  it.effect("is the shortest of its requests, over which each of them is", () =>
    withBatches({ annotation: { batch, timeout: 50 } })((bench) =>
      Effect.gen(function* () {
        never(bench)
        const callers = yield* bench.calls("a", "b")
        const c = yield* bench.call("c", { timeout: 20, retry: RetryPolicy.make({ times: 1, base: 0 }) })
        yield* TestClock.adjust(19)
        assert.deepStrictEqual(heardBy([...callers, c]), ["waits", "waits", "waits"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(heardBy([...callers, c]), ["RequestTimeout", "RequestTimeout", "waits"])
        const exit = callers[0]!.pollUnsafe() as Exit.Failure<never, { readonly timeoutMillis: number }>
        assert.strictEqual((Cause.squash(exit.cause) as { readonly timeoutMillis: number }).timeoutMillis, 20)
        assert.deepInclude((yield* countsOf(bench)).handlers["Index"], { timedOut: 3 })
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(bench.begun, ["0 a b c", "30 c"])
      })
    )
  )

  it.effect("over, each that has another attempt waits for the end of this one", () =>
    withBatches({ annotation: { batch, timeout: 20, retry } })((bench) =>
      Effect.gen(function* () {
        bench.answer = (ids) =>
          bench.begun.length === 1
            ? Effect.never.pipe(Effect.onInterrupt(() => Effect.sleep(8)))
            : Effect.succeed(ids.map((id) => Exit.succeed(id)))
        yield* bench.calls("a", "b", "c")
        yield* TestClock.adjust(27)
        assert.deepInclude(yield* countsOf(bench), { running: 3, batched: 2, delayed: 0 })
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* countsOf(bench), { running: 0, batched: 0, delayed: 3 })
        yield* TestClock.adjust(5)
        assert.deepStrictEqual(bench.begun, ["0 a b c", "33 a b c"])
        assert.strictEqual((yield* countsOf(bench)).succeeded, 3)
      })
    )
  )

  it.effect("and its grace over, it is stuck, and each of its requests has timed out", () =>
    withBatches({ annotation: { batch, timeout: 20, retry }, interruptGrace: 5, drainGrace: 10 })((bench) =>
      Effect.gen(function* () {
        const release = yield* Deferred.make<void>()
        bench.answer = (ids) =>
          Effect.as(
            Effect.uninterruptible(Deferred.await(release)),
            ids.map((id) => Exit.succeed(id))
          )
        const callers = yield* bench.calls("a", "b", "c")
        yield* TestClock.adjust(24)
        assert.deepStrictEqual(heardBy(callers), ["waits", "waits", "waits"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(heardBy(callers), ["RequestTimeout", "RequestTimeout", "RequestTimeout"])
        assert.deepInclude(yield* countsOf(bench), { stuck: 1, running: 0, batched: 0, timedOut: 3 })
        const draining = yield* Effect.forkChild(bench.pool.drain(), { startImmediately: true })
        yield* TestClock.adjust(10)
        const { stuck, stuckCount } = yield* Fiber.join(draining)
        assert.strictEqual(stuckCount, 3)
        assert.deepStrictEqual(
          stuck.map(({ id }) => id),
          ["a", "b", "c"]
        )
        yield* Deferred.succeed(release, undefined)
        yield* Effect.yieldNow
        assert.deepInclude(yield* countsOf(bench), { stuck: 0, workers: 0 })
      })
    )
  )
})

describe("a drain", () => {
  it.effect("interrupts each of a batch at its deadline", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        never(bench)
        const callers = yield* bench.calls("a", "b", "c")
        const draining = yield* Effect.forkChild(bench.pool.drain({ deadline: 20 }), { startImmediately: true })
        yield* TestClock.adjust(20)
        const report = yield* Fiber.join(draining)
        assert.deepInclude(report, { forced: true, interruptedCount: 3, stuckCount: 0 })
        assert.deepStrictEqual(heardBy(callers), Array(3).fill("RequestInterrupted"))
      })
    )
  )
})

describe("selections", () => {
  it.effect("cancel all of a batch", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        never(bench)
        yield* bench.calls("a", "b", "c")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* bench.pool.cancelAll({ phase: "running" }), 3)
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* countsOf(bench), { cancelled: 3, idle: 1 })
      })
    )
  )
})

describe("a worker that is stopped", () => {
  it.effect("leaves none of its batch without an end", () =>
    withBatches({ annotation: { batch } })((bench) =>
      Effect.gen(function* () {
        bench.answer = () =>
          Effect.withFiber((fiber) =>
            Effect.andThen(
              Effect.sync(() => fiber.interruptUnsafe()),
              Effect.never
            )
          )
        const callers = yield* bench.calls("a", "b", "c")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(heardBy(callers), Array(3).fill("RequestInterrupted"))
        bench.answer = (ids) => Effect.succeed(ids.map((id) => Exit.succeed(id)))
        yield* bench.calls("d", "e", "f")
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* countsOf(bench)).succeeded, 3)
      })
    )
  )
})

/** What throws whatever is asked of it. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe("of the latest of each identity", () => {
  it.effect("one does not start while the attempt of the one before goes on for others, or cleans up", () =>
    withBatches({ annotation: { batch: { size: 2, within: 10 } }, minWorkers: 2 })((bench) =>
      Effect.gen(function* () {
        const latest = (primaryKey: string) => ({ primaryKey, duplicate: "latest" }) as const
        bench.answer = (ids) =>
          Effect.onInterrupt(Effect.as(Effect.sleep(1000), ids.map(Exit.succeed)), () => Effect.sleep(100))
        const one = yield* bench.submit("one", latest("a"))
        const other = yield* bench.submit("other", latest("b"))
        assert.deepStrictEqual(bench.begun, ["0 one other"])
        yield* one.cancel
        yield* bench.call("next one", latest("a"))
        yield* TestClock.adjust(20)
        assert.deepStrictEqual(bench.begun, ["0 one other"])
        yield* other.cancel
        yield* bench.call("next other", latest("b"))
        yield* TestClock.adjust(99)
        assert.deepStrictEqual(bench.begun, ["0 one other"])
        assert.deepInclude(yield* countsOf(bench), { delayed: 2, ending: 1 })
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(bench.begun, ["0 one other", "120 next one next other"])
      })
    )
  )
})
