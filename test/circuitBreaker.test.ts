/** Circuit breakers: when they open, who probes, and that no end of a probe keeps one from closing again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../src/CircuitBreaker.ts"
import type * as ElasticPool from "../src/ElasticPool.ts"
import * as Limit from "../src/Limit.ts"
import * as NotBefore from "../src/NotBefore.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import * as ScalingPolicy from "../src/ScalingPolicy.ts"
import { type Bench, ignoring, show, slowly, state, withPool } from "./support/bench.ts"

const breaker = (options: CircuitBreaker.Options = {}) =>
  CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(2), openDuration: 1000, ...options })

/** Where the breaker of `Work` is, of a key if it has some. */
const stateOf = (bench: Bench, of = "Work") =>
  Effect.map(bench.pool.gates(), (gates) => gates.find((gate) => gate.breaker !== undefined && gate.of === of)?.breaker)

/** Two failures, which open it. */
const trip = (bench: Bench, options?: { readonly key?: string }) =>
  Effect.gen(function* () {
    bench.on("bad", Effect.fail("bad"))
    yield* bench.call("bad", options)
    yield* bench.call("bad", options)
    yield* TestClock.adjust(0)
  })

const starts = (bench: Bench, of = "") =>
  bench.log.filter((line) => line.endsWith("start") && line.split(" ")[1]!.startsWith(of))

const eventsOf = (bench: Bench) =>
  Effect.gen(function* () {
    const events: Array<PoolEvent> = []
    yield* Effect.forkChild(
      Stream.runForEach(bench.pool.events, (event) => Effect.sync(() => void events.push(event))),
      { startImmediately: true }
    )
    return events
  })

describe("a breaker", () => {
  it.effect("opens after so many failures in a row, and lets a probe through when its time has come", () =>
    withPool({ minWorkers: 4, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        const events = yield* eventsOf(bench)
        bench.on("bad", Effect.fail("bad"))
        for (const id of ["bad", "good", "bad"]) yield* Effect.exit(bench.execute(id))
        assert.strictEqual(yield* stateOf(bench), "Closed")
        yield* Effect.exit(bench.execute("bad"))
        assert.strictEqual(yield* stateOf(bench), "Open")
        bench.on("probe", Effect.as(Effect.sleep(100), "probe"))
        const probe = yield* bench.call("probe")
        const other = yield* bench.call("other")
        yield* TestClock.adjust(999)
        const { heldBack, limits, waiting } = yield* bench.pool.snapshot
        assert.deepStrictEqual([heldBack, waiting], [2, 2])
        assert.deepStrictEqual(limits["breaker:Work"]!.breaker, { per: "tag", open: 1, halfOpen: 0, opened: 1 })
        const views = yield* bench.pool.list()
        assert.deepStrictEqual(
          views.map(({ heldBackBy }) => heldBackBy),
          ["breaker:Work", "breaker:Work"]
        )
        assert.deepInclude((yield* bench.pool.gates())[0], { of: "Work", breaker: "Open", opensInMillis: 1 })
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* stateOf(bench), "HalfOpen")
        assert.deepInclude(yield* bench.pool.snapshot, { running: 1, heldBack: 1 })
        yield* TestClock.adjust(99)
        assert.strictEqual(state(other), "waits")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(probe), state(other)], ["success", "success"])
        assert.strictEqual(yield* stateOf(bench), "Closed")
        assert.deepStrictEqual(
          events.flatMap((event) =>
            event._tag === "BreakerChanged" ? [`${event.tag} ${event.from} ${event.to}`] : []
          ),
          ["Work Closed Open", "Work Open HalfOpen", "Work HalfOpen Closed"]
        )
        assert.deepStrictEqual((yield* bench.pool.snapshot).limits["breaker:Work"]!.breaker, {
          per: "tag",
          open: 0,
          halfOpen: 0,
          opened: 1
        })
      })
    )
  )

  it.effect("opens again when its probe fails, for as long as before", () =>
    withPool({ minWorkers: 4, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        const one = yield* bench.call("bad")
        const two = yield* bench.call("good")
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual([state(one), state(two)], ["failure", "waits"])
        yield* TestClock.adjust(999)
        assert.strictEqual(state(two), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(two), "success")
      })
    )
  )

  it.effect("by rate opens with the share of the last attempts, not before there are enough", () => {
    const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, size: 4, minimumCalls: 3 })
    const after = (ids: ReadonlyArray<string>) =>
      withPool({ breaker: breaker({ tripPolicy }) })((bench) =>
        Effect.gen(function* () {
          bench.on("bad", Effect.fail("bad"))
          for (const id of ids) yield* Effect.exit(bench.execute(id))
          return yield* stateOf(bench)
        })
      )
    return Effect.gen(function* () {
      assert.strictEqual(yield* after(["bad", "bad"]), "Closed")
      assert.strictEqual(yield* after(["bad", "bad", "bad"]), "Open")
      // The third makes it enough, whatever it is itself.
      assert.strictEqual(yield* after(["bad", "bad", "good"]), "Open")
      // Of the last four one has failed, and then two.
      assert.strictEqual(yield* after(["bad", "good", "good", "good", "good", "bad"]), "Closed")
      assert.strictEqual(yield* after(["good", "good", "good", "bad", "good", "bad"]), "Open")
    })
  })

  it.effect("lets so many probe at once, and closes when so many have succeeded", () =>
    withPool({ minWorkers: 9, breaker: breaker({ probes: 3 }) })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        for (let at = 0; at < 6; at++) {
          bench.on(`p${at}`, Effect.as(Effect.sleep(at === 0 ? 10 : 20), ""))
          yield* bench.call(`p${at}`)
        }
        yield* TestClock.adjust(1000)
        assert.strictEqual(starts(bench, "p").length, 3)
        // One has succeeded: two more have to, and run already.
        yield* TestClock.adjust(10)
        assert.strictEqual(starts(bench, "p").length, 3)
        assert.strictEqual(yield* stateOf(bench), "HalfOpen")
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* stateOf(bench), "Closed")
        assert.strictEqual(starts(bench, "p").length, 6)
      })
    )
  )

  it.effect("learns nothing from attempts that began before it opened, be it half-open or closed by then", () =>
    withPool({ minWorkers: 9, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        // They begin before the trip, and end in half-open and after it has closed.
        for (const [id, millis] of [
          ["old1", 1050],
          ["old2", 1150],
          ["old3", 1160]
        ] as const) {
          bench.on(id, Effect.andThen(Effect.sleep(millis), Effect.fail("late")))
          yield* bench.call(id)
        }
        bench.on("good-old", Effect.as(Effect.sleep(500), ""))
        yield* bench.call("good-old")
        yield* trip(bench)
        bench.on("probe", Effect.as(Effect.sleep(100), ""))
        yield* bench.call("probe")
        yield* TestClock.adjust(600)
        assert.strictEqual(yield* stateOf(bench), "Open")
        yield* TestClock.adjust(460)
        assert.strictEqual(yield* stateOf(bench), "HalfOpen")
        yield* TestClock.adjust(50)
        assert.strictEqual(yield* stateOf(bench), "Closed")
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* stateOf(bench), "Closed")
        assert.strictEqual((yield* bench.pool.snapshot).failed, 5)
      })
    )
  )

  it.effect("asks classify, to which nothing is told of interruptions; where that throws nothing is learnt", () =>
    withPool({
      minWorkers: 4,
      breaker: breaker({
        classify: (exit) => {
          if (Exit.isSuccess(exit)) return exit.value === "broken" ? "Failure" : "Success"
          const error = show(exit)
          if (error === "RequestTimeout") throw new Error("no idea")
          return error === "interrupted" ? "Failure" : "Ignored"
        }
      }),
      timeout: 100
    })((bench) =>
      Effect.gen(function* () {
        bench.on("fails", Effect.fail("mine"))
        bench.on("slow", Effect.never)
        bench.on("stops", Effect.interrupt)
        bench.on("broken", Effect.succeed("broken"))
        for (const id of ["fails", "fails", "stops", "stops", "slow", "slow"]) {
          yield* bench.call(id)
          yield* TestClock.adjust(100)
        }
        assert.strictEqual(yield* stateOf(bench), "Closed")
        yield* bench.call("broken")
        yield* bench.call("broken")
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* stateOf(bench), "Open")
      })
    )
  )

  for (const [what, options, isThere] of [
    ["a classify that forgets to answer", { classify: () => undefined as never }, "`classify`"],
    ["an async classify", { classify: (async () => "Failure") as never }, "`classify`"],
    ["failures that forget to answer", { failures: () => undefined as never }, "`failures`"]
  ] as const) {
    it.effect(`learns nothing of ${what}, and tells it once`, () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const logger = Logger.make(({ message }) => void lines.push(String(message)))
        yield* withPool({ minWorkers: 4, breaker: breaker(options) })((bench) =>
          Effect.gen(function* () {
            bench.on("fails", Effect.fail("mine"))
            for (const id of ["fails", "fails", "fails"]) yield* bench.call(id)
            yield* TestClock.adjust(0)
            assert.strictEqual(yield* stateOf(bench), "Closed")
          })
        ).pipe(Effect.provide(Logger.layer([logger])))
        const told = lines.filter((line) => line.includes(isThere))
        assert.lengthOf(told, 1)
      })
    )
  }

  it.effect("asks failures about errors alone; any other error is an answer, and a success", () =>
    withPool({ minWorkers: 4, timeout: 100, breaker: breaker({ failures: (error) => error !== "404" }) })((bench) =>
      Effect.gen(function* () {
        bench.on("missing", Effect.fail("404"))
        bench.on("fails", Effect.fail("503"))
        bench.on("dies", Effect.die("404"))
        for (const id of ["missing", "missing", "fails", "missing", "fails"]) yield* bench.call(id)
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* stateOf(bench), "Closed")
        yield* bench.call("dies")
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* stateOf(bench), "Open")
      })
    )
  )

  it.effect("takes timeouts for failures, whatever failures say", () =>
    withPool({ minWorkers: 4, timeout: 100, breaker: breaker({ failures: () => false }) })((bench) =>
      Effect.gen(function* () {
        bench.on("slow", Effect.never)
        for (const id of ["slow", "slow"]) yield* bench.call(id)
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* stateOf(bench), "Open")
      })
    )
  )

  it.effect("takes defects and timeouts for failures, and for none what asks to come back later", () =>
    withPool({ minWorkers: 4, timeout: 100, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        bench.on("later", (attempt) =>
          attempt < 4 ? (Effect.fail(NotBefore.of(1)) as Effect.Effect<never, any>) : Effect.succeed("")
        )
        yield* bench.call("later")
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* stateOf(bench), "Closed")
        bench.on("dies", Effect.die("no"))
        bench.on("slow", Effect.never)
        yield* bench.call("dies")
        yield* bench.call("slow")
        yield* TestClock.adjust(99)
        assert.strictEqual(yield* stateOf(bench), "Closed")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* stateOf(bench), "Open")
      })
    )
  )
})

describe("a probe", () => {
  /** Opens it, and has `how` become of the probe, behind which a good one waits; answers what the good one has come to. */
  const probing = (
    options: ElasticPool.Options,
    how: (bench: Bench) => Effect.Effect<unknown, unknown, Scope.Scope>,
    after: (
      bench: Bench,
      probe: Fiber.Fiber<string, unknown>,
      good: Fiber.Fiber<string, unknown>
    ) => Effect.Effect<void>,
    call: { readonly expiresIn?: number } = {}
  ) =>
    withPool({ minWorkers: 4, breaker: breaker(), ...options })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        bench.on("probe", how(bench) as Effect.Effect<string, string, Scope.Scope>)
        const probe = yield* bench.call("probe", call)
        const good = yield* bench.call("good")
        yield* TestClock.adjust(1000)
        yield* after(bench, probe as never, good as never)
      })
    )
  const isOpen = (bench: Bench) => Effect.map(stateOf(bench), (state) => assert.strictEqual(state, "Open"))

  it.effect("that fails or dies opens it, and the next one may go when that is over", () =>
    Effect.gen(function* () {
      for (const how of [Effect.fail("no"), Effect.die("no")]) {
        yield* probing(
          {},
          () => how,
          (bench, _, good) =>
            Effect.gen(function* () {
              yield* isOpen(bench)
              yield* TestClock.adjust(1000)
              assert.strictEqual(state(good), "success")
            })
        )
      }
    })
  )

  it.effect("that times out opens it at its timeout, be it stuck or slow to clean up", () =>
    Effect.gen(function* () {
      for (const how of [Effect.never, slowly(500)(Effect.never), ignoring(1e7)]) {
        yield* probing(
          { timeout: 200, interruptGrace: 100 },
          () => how,
          (bench, probe, good) =>
            Effect.gen(function* () {
              yield* TestClock.adjust(199)
              assert.strictEqual(yield* stateOf(bench), "HalfOpen")
              yield* TestClock.adjust(1)
              yield* isOpen(bench)
              yield* TestClock.adjust(999)
              assert.strictEqual(state(good), "waits")
              yield* TestClock.adjust(1)
              assert.deepStrictEqual([state(probe), state(good)], ["RequestTimeout", "success"])
              assert.strictEqual(yield* stateOf(bench), "Closed")
            })
        )
      }
    })
  )

  it.effect("that is cancelled lets the next one go at once, although it cleans up, or never ends", () =>
    Effect.gen(function* () {
      for (const how of [Effect.never, slowly(500)(Effect.never), ignoring(1e7)]) {
        yield* probing(
          { interruptGrace: 100, timeout: "none" },
          () => how,
          (bench, probe, good) =>
            Effect.gen(function* () {
              assert.strictEqual(state(good), "waits")
              yield* Effect.forkChild(Fiber.interrupt(probe), { startImmediately: true })
              yield* TestClock.adjust(0)
              assert.strictEqual(state(good), "success")
              assert.strictEqual(yield* stateOf(bench), "Closed")
            })
        )
      }
    })
  )

  it.effect("that expires lets the next one go at once", () =>
    probing(
      {},
      () => Effect.never,
      (_, probe, good) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(99)
          assert.deepStrictEqual([state(probe), state(good)], ["waits", "waits"])
          yield* TestClock.adjust(1)
          assert.deepStrictEqual([state(probe), state(good)], ["RequestExpired", "success"])
        }),
      { expiresIn: 1100 }
    )
  )

  it.effect("that expires while it still waits to probe is none", () =>
    probing(
      {},
      () => Effect.never,
      (_, probe, good) =>
        Effect.sync(() => assert.deepStrictEqual([state(probe), state(good)], ["RequestExpired", "success"])),
      { expiresIn: 1000 }
    )
  )

  it.effect("that interrupts itself, or asks to come back later, lets the next one go at once", () =>
    Effect.gen(function* () {
      for (const how of [Effect.interrupt, Effect.fail(NotBefore.of(5000, { at: "key" }))]) {
        yield* probing(
          { key: (_, { id }) => id },
          () => how,
          (bench, _, good) =>
            Effect.gen(function* () {
              assert.strictEqual(state(good), "success")
              assert.strictEqual(yield* stateOf(bench), "Closed")
            })
        )
      }
    })
  )

  it.effect("whose worker is stopped from outside lets the next one go", () =>
    probing(
      {},
      () =>
        Effect.withFiber((fiber) =>
          Effect.andThen(
            Effect.sync(() => fiber.interruptUnsafe()),
            Effect.never
          )
        ),
      (_, probe, good) =>
        Effect.sync(() => assert.deepStrictEqual([state(probe), state(good)], ["RequestInterrupted", "success"]))
    )
  )

  it.effect("and what waits behind it are interrupted at the deadline of a drain", () =>
    probing(
      {},
      () => Effect.never,
      (bench, probe, good) =>
        Effect.gen(function* () {
          yield* Effect.forkChild(bench.pool.drain({ deadline: 500 }), { startImmediately: true })
          yield* TestClock.adjust(499)
          assert.deepStrictEqual([state(probe), state(good)], ["waits", "waits"])
          yield* TestClock.adjust(1)
          assert.deepStrictEqual([state(probe), state(good)], ["RequestInterrupted", "RequestInterrupted"])
          assert.strictEqual((yield* bench.pool.snapshot).state, "closed")
        })
    )
  )
})

describe("what waits at a breaker", () => {
  it.effect("goes on in a drain when it closes before the deadline", () =>
    withPool({ minWorkers: 2, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        const waits = yield* bench.call("waits")
        const drained = yield* Effect.forkChild(bench.pool.drain({ deadline: 5000 }), { startImmediately: true })
        yield* TestClock.adjust(999)
        assert.strictEqual(state(waits), "waits")
        yield* TestClock.adjust(1)
        assert.deepStrictEqual([state(waits), state(drained)], ["success", "success"])
      })
    )
  )

  it.effect("asks for no workers, whatever it is", () =>
    withPool({
      minWorkers: 1,
      maxWorkers: 64,
      scaling: ScalingPolicy.adaptive(),
      breaker: breaker({ openDuration: "1 minute" })
    })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        for (let at = 0; at < 500; at++) yield* bench.call(`n${at}`)
        yield* TestClock.adjust("10 seconds")
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 500, heldBack: 500, target: 1 })
      })
    )
  )

  it.effect("is one of its retries as well", () =>
    withPool({
      minWorkers: 4,
      breaker: breaker(),
      retry: RetryPolicy.make({ times: 3, base: 10, jitter: "none", factor: 1 })
    })((bench) =>
      Effect.gen(function* () {
        bench.on("a", (attempt) => (attempt <= 2 ? Effect.fail("no") : Effect.succeed("")))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(500)
        assert.deepStrictEqual(starts(bench), ["0 a1 start", "10 a2 start"])
        assert.deepInclude(yield* bench.pool.snapshot, { waiting: 1, heldBack: 1, delayed: 0 })
        yield* TestClock.adjust(510)
        assert.strictEqual(state(a), "success")
        assert.strictEqual(starts(bench).at(-1), "1010 a3 start")
      })
    )
  )

  it.effect("counts at no other limit meanwhile, and passes all of them in one step", () =>
    withPool({
      minWorkers: 9,
      breaker: breaker(),
      limits: [
        Limit.make({ name: "one", concurrency: 1 }),
        Limit.make({ name: "rate", rate: { limit: 1, period: 100, burst: 9 } })
      ]
    })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        for (const id of ["a", "b", "c"]) {
          bench.on(id, Effect.as(Effect.sleep(50), id))
          yield* bench.call(id)
        }
        yield* TestClock.adjust(999)
        const { limits } = yield* bench.pool.snapshot
        assert.deepStrictEqual([limits["one"]!.running, limits["one"]!.started, limits["rate"]!.started], [0, 2, 2])
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(starts(bench).slice(2), ["1000 a1 start", "1050 b1 start", "1100 c1 start"])
      })
    )
  )

  it.effect("keeps its place at a serial limit, with which it is in order", () =>
    withPool({
      minWorkers: 9,
      breaker: breaker(),
      limits: [Limit.serial((_, { id }) => id.split("/")[0])],
      retry: RetryPolicy.make({ times: 3, base: 0 })
    })((bench) =>
      Effect.gen(function* () {
        bench.on("e/1", (attempt) => (attempt <= 2 ? Effect.fail("no") : Effect.succeed("")))
        yield* bench.call("e/1")
        yield* bench.call("e/2")
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(starts(bench), ["0 e/11 start", "0 e/12 start"])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(starts(bench).slice(2), ["1000 e/13 start", "1000 e/21 start"])
      })
    )
  )

  it.effect("waits for a pause as well, which can be one of the breaker itself", () =>
    withPool({ minWorkers: 9, breaker: breaker() })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench)
        const a = yield* bench.call("a")
        yield* bench.pool.pauseOnly({ limit: "breaker:Work" })
        yield* TestClock.adjust(2000)
        assert.strictEqual(state(a), "waits")
        yield* bench.pool.resumeOnly({ limit: "breaker:Work" })
        yield* TestClock.adjust(0)
        assert.strictEqual(state(a), "success")
        yield* bench.pool.pause
        yield* trip(bench)
        const b = yield* bench.call("b")
        yield* bench.pool.resume
        yield* TestClock.adjust(0)
        assert.strictEqual(state(b), "waits")
        yield* TestClock.adjust(1000)
        assert.strictEqual(state(b), "success")
      })
    )
  )
})

describe("breakers of keys", () => {
  it.effect("stop their own key alone", () =>
    withPool({ minWorkers: 4, breaker: breaker({ per: "key" }) })((bench) =>
      Effect.gen(function* () {
        yield* trip(bench, { key: "a" })
        const a = yield* bench.call("one", { key: "a" })
        const b = yield* bench.call("two", { key: "b" })
        yield* TestClock.adjust(0)
        assert.deepStrictEqual([state(a), state(b)], ["waits", "success"])
        assert.strictEqual(yield* stateOf(bench, "a"), "Open")
        yield* TestClock.adjust(1000)
        assert.strictEqual(state(a), "success")
      })
    )
  )

  it.effect(
    "are forgotten with their keys, 100,000 of them, whatever they have seen",
    () =>
      withPool({ minWorkers: 4, forgetKeys: 100, breaker: breaker({ per: "key", openDuration: 10 }) })((bench) =>
        Effect.gen(function* () {
          bench.on("bad", Effect.fail("bad"))
          for (let at = 0; at < 100_000; at++) {
            // One in four fails once, and one in eight opens.
            const key = `k${at}`
            const ids = at % 8 === 0 ? ["bad", "bad"] : at % 4 === 1 ? ["bad"] : ["good"]
            for (const id of ids) yield* bench.submit(id, { key })
            if (at % 100 === 0) yield* TestClock.adjust(1)
          }
          yield* TestClock.adjust(1000)
          for (let at = 0; at < 20_000; at++) yield* bench.submit("good", { key: "last" })
          yield* TestClock.adjust(0)
          const { keys, limits } = yield* bench.pool.snapshot
          assert.isBelow(keys, 200)
          assert.isBelow(limits["breaker:Work"]!.gates, 200)
          assert.deepInclude(limits["breaker:Work"]!.breaker, { opened: 12_500, halfOpen: 0 })
          assert.isBelow(limits["breaker:Work"]!.breaker!.open, 200)
        })
      ),
    30_000
  )
})
