/** A handler that says "not now": whom it holds up, until when, and what becomes of its own request. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as Limit from "../src/Limit.ts"
import * as NotBefore from "../src/NotBefore.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { type Bench, show, state, withPool } from "./support/bench.ts"

const pool = (options?: ElasticPool.Options) => withPool({ minWorkers: 4, maxWorkers: 4, ...options })

/** The first attempt says so, the next one succeeds. */
const once =
  (error: unknown) =>
  (attempt: number): Effect.Effect<string, string> =>
    attempt === 1 ? Effect.fail(error as string) : Effect.succeed("done")

const starts = ({ log }: Bench) => log.filter((line) => line.endsWith("start"))

/** Two of the tag, of different keys, and one of another tag. */
const others = (bench: Bench) =>
  Effect.all([
    bench.call("same", { key: "a" }),
    bench.call("other", { key: "b" }),
    Effect.forkChild(bench.pool.run(bench.note("run1 start"), { key: "b" }), { startImmediately: true })
  ])

describe("whom a NotBefore concerns", () => {
  const limits = [
    Limit.make({ name: "api", concurrency: 10 }),
    Limit.make({ name: "tenant", per: "key", concurrency: 10 }),
    Limit.make({ name: "entity", per: (tag) => (tag === "run" ? undefined : "one"), concurrency: 10 }),
    Limit.make({ name: "elsewhere", concurrency: 10, tags: ["run"] })
  ]
  it.effect.each<[string, string | undefined, ReadonlyArray<string>]>([
    ["its tag, where nothing else is said", undefined, ["same", "other"]],
    ["its tag", "tag", ["same", "other"]],
    ["its key", "key", ["same"]],
    ["the pool", "pool", ["same", "other", "run"]],
    ["a limit of the pool", "api", ["same", "other", "run"]],
    ["a limit of each key", "tenant", ["same"]],
    ["a limit of a value", "entity", ["same", "other"]],
    ["a name that is none: taken for its tag", "no such limit", ["same", "other"]],
    ["a limit that it does not pass: taken for its tag", "elsewhere", ["same", "other"]]
  ])("%s", ([, at, held]) =>
    pool({ limits })((bench) =>
      Effect.gen(function* () {
        bench.on("first", once(NotBefore.of("100 millis", at === undefined ? {} : { at })))
        const first = yield* bench.call("first", { key: "a" })
        yield* TestClock.adjust(0)
        const free = ["same", "other", "run"].filter((name) => !held.includes(name))
        yield* others(bench)
        yield* TestClock.adjust(99)
        assert.deepStrictEqual(starts(bench), ["0 first1 start", ...free.map((name) => `0 ${name}1 start`)])
        assert.deepInclude(yield* bench.pool.snapshot, {
          waiting: held.length + 1,
          heldBack: held.length + 1,
          running: 0
        })
        assert.strictEqual(state(first), "waits")
        yield* TestClock.adjust(1)
        assert.sameMembers(starts(bench).slice(free.length + 1), [
          "100 first2 start",
          ...held.map((name) => `100 ${name}1 start`)
        ])
      })
    )
  )

  it.effect("of its kind the one that was told so is the first", () =>
    pool({ minWorkers: 1, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("b", once(NotBefore.of(100)))
        for (const id of ["a", "b", "c"]) yield* bench.call(id)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(starts(bench), ["0 a1 start", "0 b1 start", "100 b2 start", "100 c1 start"])
      })
    )
  )

  it.effect("a gate of a value is remembered until its time has come, and then forgotten", () =>
    pool({ limits: [Limit.make({ name: "entity", per: () => "one", concurrency: 10 })] })((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(NotBefore.of(100, { at: "entity", countsAsAttempt: true })))
        yield* bench.call("a")
        yield* TestClock.adjust(50)
        yield* bench.call("b")
        assert.deepInclude((yield* bench.pool.snapshot).limits["entity"], { gates: 1, heldBack: 1 })
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(starts(bench), ["0 a1 start", "100 b1 start"])
        assert.deepInclude((yield* bench.pool.snapshot).limits["entity"], { gates: 0, heldBack: 0 })
      })
    )
  )
})

describe("until when", () => {
  it.effect.each<[string, () => NotBefore.NotBefore]>([
    ["zero", () => NotBefore.of(0)],
    ["less than a millisecond", () => NotBefore.of("1 micros")],
    ["before now", () => NotBefore.of(-5)],
    ["no time at all", () => NotBefore.of(Number.NaN)],
    ["for ever", () => NotBefore.of("Infinity")]
  ])("%s is one millisecond", ([, make]) =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(make()))
        yield* bench.call("a")
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(starts(bench), ["0 a1 start", "1 a2 start"])
      })
    )
  )

  it.effect.each<[string, number, ReadonlyArray<string>]>([
    ["the later of two instants holds", 200, ["210"]],
    ["and never an earlier one", 50, ["100"]]
  ])("%s", ([, second, opens]) =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(NotBefore.of(100)))
        bench.on("b", (attempt) =>
          attempt === 1 ? Effect.andThen(Effect.sleep(10), once(NotBefore.of(second))(1)) : Effect.succeed("b")
        )
        yield* bench.call("b")
        yield* bench.call("a")
        yield* TestClock.adjust(300)
        assert.deepStrictEqual(
          starts(bench)
            .slice(2)
            .map((line) => line.split(" ")[0]),
          [...opens, ...opens]
        )
      })
    )
  )
})

describe("the request itself", () => {
  it.effect("has made no attempt, and says what it waits at", () =>
    pool({ retry: RetryPolicy.make({ times: 1, base: 0 }) })((bench) =>
      Effect.gen(function* () {
        const events = yield* Effect.forkChild(
          Stream.runCollect(Stream.takeUntil(bench.pool.events, ({ _tag }) => _tag === "RequestEnded")),
          { startImmediately: true }
        )
        bench.on("a", (attempt) =>
          attempt < 4 ? Effect.fail(NotBefore.of(10, { at: "key" }) as never) : Effect.fail("no")
        )
        const ticket = yield* bench.submit("a", { id: "a", key: "k" })
        yield* TestClock.adjust(5)
        assert.deepInclude((yield* bench.pool.list())[0], { phase: "waiting", attempts: 0, heldBackBy: "key" })
        assert.deepInclude((yield* bench.pool.gates())[0], { kind: "key", name: "k", heldBack: 1, opensInMillis: 5 })
        yield* TestClock.adjust(30)
        // Three that do not count, then the first one and its retry.
        const outcome = yield* ticket.outcome
        assert.deepInclude(outcome, { end: "failed", attempts: 2, waitedMillis: 30 })
        assert.strictEqual(show(outcome.exit), "failure")
        assert.deepInclude(yield* bench.pool.snapshot, { attempts: 5, retries: 1, failed: 1, running: 0 })
        const told = [...(yield* Fiber.join(events))].filter(({ _tag }) => _tag === "Postponed")
        assert.deepStrictEqual(told[0], { _tag: "Postponed", id: "a", tag: "Work", kind: "key", name: "k", millis: 10 })
        assert.strictEqual(told.length, 3)
      })
    )
  )

  it.effect.each<[number, string]>([
    [49, "success"],
    [50, "NotBefore"],
    [1000, "NotBefore"]
  ])("told %i ms, and expired at 50: %s", ([millis, heard]) =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(NotBefore.of(millis)))
        const a = yield* bench.call("a", { expiresIn: 50 })
        const b = yield* bench.call("b")
        yield* TestClock.adjust(0)
        assert.strictEqual(state(a), heard === "NotBefore" ? heard : "waits")
        yield* TestClock.adjust(49)
        assert.strictEqual(state(a), heard)
        // Others obey it all the same.
        yield* bench.call("c")
        yield* TestClock.adjust(Math.max(0, millis - 49))
        assert.strictEqual(state(b), "success")
        assert.strictEqual(starts(bench).includes("49 c1 start"), millis === 49)
      })
    )
  )

  it.effect("made an attempt where the error says so: without a retry it fails, and others wait all the same", () =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(NotBefore.of(100, { countsAsAttempt: true })))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(0)
        assert.strictEqual(state(a), "NotBefore")
        const b = yield* bench.call("b")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(b), "success")
      })
    )
  )

  it.effect.each<[number, number]>([
    [30, 100],
    [300, 300]
  ])("with a retry after %i ms the next attempt starts after %i", ([base, at]) =>
    pool({ retry: RetryPolicy.make({ times: 1, base, jitter: "none" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(NotBefore.of(100, { countsAsAttempt: true })))
        const ticket = yield* bench.submit("a")
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(starts(bench), ["0 a1 start", `${at} a2 start`])
        assert.deepInclude(yield* ticket.outcome, { end: "succeeded", attempts: 2 })
      })
    )
  )

  it.effect("can be given up, and a drain does not wait for longer than it may", () =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(NotBefore.of("1 hour")))
        bench.on("b", once(NotBefore.of("1 hour")))
        const a = yield* bench.submit("a")
        const b = yield* bench.submit("b")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* a.cancel, "withdrawn")
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: 100 }), { startImmediately: true })
        yield* TestClock.adjust(100)
        assert.deepInclude(yield* Fiber.join(drain), { forced: true })
        assert.deepInclude(yield* b.outcome, { end: "interrupted" })
      })
    )
  )
})

describe("a drain, where an attempt says so", () => {
  it.effect.each<["finish" | "interrupt", number, string]>([
    ["finish", 1000, "success"],
    ["finish", 10_000, "RequestInterrupted"],
    ["interrupt", 1000, "RequestInterrupted"]
  ])("with waiting: %s, and %i ms of 5,000 to wait", ([waiting, millis, heard]) =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => Effect.andThen(Effect.sleep(10), once(NotBefore.of(millis))(attempt)))
        const caller = yield* bench.call("a")
        yield* TestClock.adjust(0)
        const drain = yield* Effect.forkChild(bench.pool.drain({ deadline: 5000, waiting }), { startImmediately: true })
        yield* TestClock.adjust(10)
        // What could not come back before the end has it at once.
        assert.strictEqual(state(drain), heard === "success" ? "waits" : "success")
        yield* TestClock.adjust(1010)
        assert.strictEqual(state(caller), heard)
        assert.deepInclude(yield* Fiber.join(drain), { forced: false })
      })
    )
  )
})

describe("when the time has come", () => {
  it.effect("all workers are woken, also where one that has just ended looks before the alarm rings", () =>
    pool({ minWorkers: 8, maxWorkers: 8 })((bench) =>
      Effect.gen(function* () {
        yield* Effect.forkChild(bench.pool.run(Effect.sleep(100)), { startImmediately: true })
        bench.on("first", once(NotBefore.of(100)))
        yield* bench.call("first")
        yield* TestClock.adjust(0)
        for (let number = 0; number < 20; number++) {
          bench.on(`b${number}`, Effect.never)
          yield* bench.call(`b${number}`)
        }
        yield* TestClock.adjust(100)
        assert.deepInclude(yield* bench.pool.snapshot, { running: 8, idle: 0 })
      })
    )
  )
})

describe("which errors", () => {
  class Busy extends Error {
    readonly _tag = "Busy"
    readonly [NotBefore.RetryAfter]: NotBefore.Instruction | undefined
    constructor(instruction?: NotBefore.Instruction) {
      super("busy")
      this[NotBefore.RetryAfter] = instruction
    }
  }

  it.effect("one of the user's own class is obeyed by its symbol", () =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(new Busy({ after: "20 millis", at: "pool" })))
        yield* bench.call("a")
        yield* TestClock.adjust(20)
        assert.deepStrictEqual(starts(bench), ["0 a1 start", "20 a2 start"])
      })
    )
  )

  const throws = (): never => {
    throw new Error("never to be seen")
  }
  const hostile = (name: string) => ({ _tag: name })
  it.effect.each<[string, object]>([
    ["says nothing", new Busy()],
    ["says null", { ...hostile("Busy"), [NotBefore.RetryAfter]: null }],
    ["asks for ever", new Busy({ after: Infinity })],
    ["asks for no time", new Busy({ after: "soon" as never })],
    ["asks for a time that is none", new Busy({ after: {} as never })],
    [
      "throws when it is asked",
      {
        ...hostile("Busy"),
        get [NotBefore.RetryAfter]() {
          return throws()
        }
      }
    ],
    [
      "has an instruction that throws",
      {
        ...hostile("Busy"),
        [NotBefore.RetryAfter]: {
          get after() {
            return throws()
          }
        }
      }
    ]
  ])("one that %s is an error like any other", ([, error]) =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", once(error))
        const a = yield* Effect.forkChild(Effect.flip(bench.execute("a")), { startImmediately: true })
        const b = yield* bench.call("b")
        yield* TestClock.adjust(0)
        assert.strictEqual((yield* Fiber.join(a)) as unknown, error)
        assert.strictEqual(state(b), "success")
        assert.deepInclude(yield* bench.pool.snapshot, { failed: 1, heldBack: 0 })
      })
    )
  )

  it.effect("a defect is none", () =>
    pool()((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.die(NotBefore.of(100)))
        const a = yield* bench.call("a")
        const b = yield* bench.call("b")
        yield* TestClock.adjust(0)
        assert.deepStrictEqual([state(a), state(b)], ["defect", "success"])
      })
    )
  )

  it.effect("that of an attempt whose request has ended is not heard", () =>
    pool({ interruptGrace: 500 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.uninterruptible(Effect.andThen(Effect.sleep(20), once(NotBefore.of(100))(1))))
        const a = yield* bench.submit("a")
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* a.cancel, "interrupting")
        yield* TestClock.adjust(10)
        const b = yield* bench.call("b")
        yield* TestClock.adjust(0)
        assert.strictEqual(state(b), "success")
      })
    )
  )
})

describe("NotBefore.fromHeader", () => {
  const now = Date.UTC(2026, 10, 27, 12, 0, 0)
  it.each<[string | null | undefined, number | undefined]>([
    ["120", 120_000],
    [" 7 ", 7_000],
    ["0", 0],
    ["Fri, 27 Nov 2026 12:00:30 GMT", 30_000],
    ["Fri, 27 Nov 2026 12:00:00 GMT", 0],
    ["Fri, 27 Nov 2026 11:00:00 GMT", 0],
    // The two older forms of a date.
    ["Friday, 27-Nov-26 12:00:01 GMT", 1_000],
    ["Fri Nov 27 12:00:01 2026 GMT", 1_000],
    ["-5", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    ["9999999999", undefined],
    ["2026-11-27T12:00:30Z", undefined],
    ["soon", undefined],
    ["", undefined],
    [null, undefined],
    [undefined, undefined]
  ])("%o: %o", (header, millis) => {
    assert.strictEqual(NotBefore.fromHeader(header, now), millis)
  })
})
