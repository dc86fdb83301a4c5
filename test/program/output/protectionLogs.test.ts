/** What an operator reads when a breaker opens or the pool is overloaded: once, when it begins, and once, when it is over. */
import { describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../../src/CircuitBreaker.ts"
import type * as ElasticPool from "../../../src/ElasticPool.ts"
import { tell } from "../../../src/program/output/protectionLogs.ts"
import { type Bench, withPool } from "../../support/bench.ts"

const breaker = (options: CircuitBreaker.Options = {}) =>
  CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration: 2500, ...options })

/** A pool whose protections are told, and the lines with the second in which they came. */
const told = (
  options: ElasticPool.Options,
  use: (bench: Bench, lines: ReadonlyArray<string>) => Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ date, logLevel, message }) => {
      lines.push(`${Math.floor(date.getTime() / 1000)} ${logLevel} ${String(message)}`)
    })
    yield* withPool({ minWorkers: 2, ...options })((bench) =>
      Effect.scoped(Effect.andThen(tell(bench.pool), use(bench, lines)))
    ).pipe(Effect.provide(Logger.layer([logger])))
  })

const fail = (bench: Bench, key?: string) =>
  Effect.suspend(() => {
    bench.on("bad", Effect.fail("bad"))
    return Effect.andThen(Effect.exit(bench.execute("bad", { key })), TestClock.adjust(0))
  })

const open = "what is called there fails, and nothing but probes starts"

describe("the log", () => {
  it.effect(
    "has one line when a breaker opens and one when it has closed, however often it has opened again",
    ({ expect }) =>
      told({ breaker: breaker() }, (bench, lines) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          expect(lines).toEqual([])
          yield* fail(bench)
          yield* TestClock.adjust(999)
          expect(lines).toEqual([])
          yield* TestClock.adjust(1)
          expect(lines).toEqual([`61 Warn the circuit breaker of "Work" is open: ${open}`])
          // The first probe fails.
          yield* TestClock.adjust(20_000)
          yield* fail(bench)
          yield* TestClock.adjust(3000)
          expect(lines).toHaveLength(1)
          yield* bench.execute("good")
          yield* TestClock.adjust(1000)
          expect(lines.slice(1)).toEqual([
            '85 Warn no circuit breaker of "Work" is open any more, after 24 s in which one has opened once more'
          ])
          yield* TestClock.adjust("1 hour")
          expect(lines).toHaveLength(2)
        })
      )
  )

  it.effect("has no more than a line in ten seconds of a breaker that comes and goes", ({ expect }) =>
    told({ breaker: breaker({ openDuration: 100 }) }, (bench, lines) =>
      Effect.gen(function* () {
        for (let second = 0; second < 30; second++) {
          yield* fail(bench)
          yield* TestClock.adjust(500)
          yield* bench.execute("good")
          yield* TestClock.adjust(500)
        }
        const passed = (times: string) => `Warn the circuit breaker of "Work" has opened ${times}, and is closed again`
        expect(lines).toEqual([`1 ${passed("once")}`, `11 ${passed("10 times")}`, `21 ${passed("10 times")}`])
      })
    )
  )

  it.effect("says how many keys it is about, once", ({ expect }) =>
    told({ breaker: breaker({ per: "key", openDuration: "1 hour" }) }, (bench, lines) =>
      Effect.gen(function* () {
        for (const key of ["a", "b", "c"]) yield* fail(bench, key)
        yield* TestClock.adjust(1000)
        yield* fail(bench, "d")
        yield* TestClock.adjust("1 minute")
        expect(lines).toEqual([`1 Warn the circuit breakers of 3 keys of "Work" are open: ${open}`])
      })
    )
  )

  it.effect("has one line when overload begins and one when it has ended", ({ expect }) =>
    told({ minWorkers: 1, maxWorkers: 1, strategy: "shedding", timeout: "none" }, (bench, lines) =>
      Effect.gen(function* () {
        bench.on("long", Effect.as(Effect.sleep(15_500), "long"))
        yield* bench.call("long")
        for (let second = 0; second < 16; second++) {
          yield* bench.call("waits")
          yield* TestClock.adjust(1000)
        }
        yield* TestClock.adjust("1 minute")
        expect(lines).toEqual([
          "2 Warn overloaded (0 requests wait now): the newest start first, and what has waited for too long is given up",
          "16 Warn no longer overloaded, after 14 s in which 14 requests were given up"
        ])
      })
    )
  )

  it.effect("is not looked for where nothing protects", ({ expect }) =>
    told({}, (bench) =>
      Effect.gen(function* () {
        let looks = 0
        const { snapshot } = bench.pool
        yield* tell({ ...bench.pool, snapshot: Effect.tap(snapshot, () => Effect.sync(() => looks++)) })
        yield* TestClock.adjust("1 minute")
        expect(looks).toBe(1)
      }).pipe(Effect.scoped)
    )
  )
})
