/** A defect of a request whose end nobody hears of is in the log, so that it is not lost. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as WorkerPool from "../src/WorkerPool.ts"
import { type Bench, hears, withPool, Work } from "./support/bench.ts"

/** What the pool logs while the test has it. */
const logged = (use: (bench: Bench, lines: Array<string>) => Effect.Effect<unknown, any, any>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ cause, logLevel, message }) =>
    lines.push(`${logLevel} ${String(message)} ${Cause.pretty(cause)}`)
  )
  return withPool({ minWorkers: 2 })((bench) => {
    bench.on("dies", Effect.die(new Error("outer", { cause: new Error("inner") })))
    bench.on("dies later", Effect.sleep(100).pipe(Effect.andThen(Effect.suspend(() => Effect.die(new Error("late"))))))
    bench.on("fails", Effect.fail("f"))
    return use(bench, lines)
  }).pipe(Effect.provide(Logger.layer([logger]))) as Effect.Effect<unknown>
}

/** Until what the pool has put off to its next turn has happened. */
const aTurn = TestClock.withLive(Effect.sleep(20))

describe("a defect that nobody hears of", () => {
  it.effect("is logged with its stack and its cause", () =>
    logged((bench, lines) =>
      Effect.gen(function* () {
        yield* bench.submit("dies")
        yield* aTurn
        assert.strictEqual(lines.length, 1)
        assert.match(lines[0]!, /^Error the handler of "Work" died \(request 1\), and nobody waits for it/)
        assert.match(lines[0]!, /Error: outer\n\s+at .*unheard\.test\.ts[^]*\[cause\]: Error: inner/)
      })
    )
  )

  it.effect("is logged as well when two who waited have gone", () =>
    logged((bench, lines) =>
      Effect.gen(function* () {
        const ticket = yield* bench.submit("dies later")
        const waiting = yield* Effect.forEach([1, 2, 3], () =>
          Effect.forkChild(Effect.exit(ticket.await), { startImmediately: true })
        )
        for (const fiber of waiting) yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust(100)
        yield* aTurn
        assert.strictEqual(lines.length, 1)
      })
    )
  )

  it.effect("is logged as well when whoever waited has gone", () =>
    logged((bench, lines) =>
      Effect.gen(function* () {
        const ticket = yield* bench.submit("dies later")
        const waiting = yield* Effect.forkChild(ticket.await, { startImmediately: true })
        yield* Fiber.interrupt(waiting)
        yield* TestClock.adjust(100)
        yield* aTurn
        assert.match(lines.join(), /Error: late/)
      })
    )
  )

  it.effect("of several that have joined is logged when none of them waits, and not while one does", () =>
    logged((bench, lines) =>
      Effect.gen(function* () {
        const join = { primaryKey: "k", duplicate: "join" } as const
        const [, ticket] = [yield* bench.submit("dies later", join), yield* bench.submit("dies later", join)]
        const waiting = yield* Effect.forkChild(Effect.exit(ticket!.await), { startImmediately: true })
        yield* TestClock.adjust(100)
        yield* aTurn
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(lines, [])
        for (let n = 0; n < 2; n++) yield* bench.submit("dies later", join)
        yield* TestClock.adjust(100)
        yield* aTurn
        assert.strictEqual(lines.length, 1)
      })
    )
  )

  it.effect("of one kind is logged once a minute, with how many there were; another kind at once", () =>
    logged((bench, lines) =>
      Effect.gen(function* () {
        for (let n = 0; n < 100; n++) yield* bench.submit("dies")
        yield* bench.submit("dies later")
        yield* TestClock.adjust(100)
        yield* aTurn
        assert.strictEqual(lines.length, 2)
        yield* TestClock.adjust(59_900)
        yield* bench.submit("dies")
        yield* aTurn
        assert.strictEqual(lines.length, 3)
        assert.include(lines[2]!, "so did 99 others since the last such line")
      })
    )
  )

  it.effect("is not logged where somebody hears of it, early or late", () =>
    logged((bench, lines) =>
      Effect.gen(function* () {
        yield* hears(bench.execute("dies"))
        yield* Effect.exit(bench.pool.run(Effect.die("d")))
        yield* Effect.exit((yield* bench.submit("dies")).await)
        yield* (yield* bench.submit("dies")).outcome
        const ticket = yield* bench.submit("dies")
        ticket.onEnd(() => {})
        const calls = Stream.make(WorkerPool.call(Work, { id: "dies" }), WorkerPool.call(Work, { id: "dies later" }))
        for (const ordered of [true, false]) {
          const running = yield* Effect.forkChild(Stream.runDrain(bench.pool.process(calls, { ordered })))
          yield* aTurn
          yield* TestClock.adjust(100)
          yield* Fiber.join(running)
        }
        yield* bench.submit("fails")
        yield* aTurn
        assert.deepStrictEqual(lines, [])
      })
    )
  )
})
