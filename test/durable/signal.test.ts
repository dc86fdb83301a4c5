/** A signal loses no wake, whenever its loop gives way to others. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { Signal } from "../../src/durable/signal.ts"

const turns = (times: number) => (times === 0 ? Effect.void : Effect.repeat(Effect.yieldNow, { times: times - 1 }))

describe("a signal", () => {
  it.effect("wakes its loop at every step at which that can have given way", () =>
    Effect.gen(function* () {
      // Below 3 a fiber spends its whole budget on coming back from its last yield.
      for (let budget = 3; budget < 40; budget++) {
        for (let after = 0; after < 8; after++) {
          const signal = new Signal()
          // So that the loop begins its wait with a part of its budget.
          const loop = turns(0).pipe(
            Effect.andThen(Effect.forEach(Array(budget % 7), () => Effect.void)),
            Effect.andThen(signal.wait()),
            Effect.provideService(Scheduler.MaxOpsBeforeYield, budget)
          )
          const fiber = yield* Effect.forkChild(loop, { startImmediately: after % 2 === 0 })
          yield* turns(after)
          signal.wake()
          yield* turns(60)
          assert.isDefined(fiber.pollUnsafe(), `budget ${budget}, woken after ${after} turns`)
        }
      }
    })
  )

  it.effect("waits at most as long as it is told, and counts wakes that come together once", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      signal.wake()
      signal.wake()
      yield* signal.wait()
      const fiber = yield* Effect.forkChild(signal.wait(1_000), { startImmediately: true })
      yield* TestClock.adjust(999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(fiber.pollUnsafe())
    })
  )
})
