/** How a caller waits below what Effect promises: an upgrade of Effect must not break it unseen. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Latch, Scheduler } from "effect"
import { canSuspend, Suspension } from "../../src/internal/suspension.ts"

class Waiting extends Suspension {
  readonly latch = Latch.makeUnsafe()
  cleanUps = 0

  readonly wait: Effect.Effect<unknown, unknown> = Effect.withFiber((fiber) => this.suspend(fiber))

  asEffect(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.cleanUps++
      return this.latch.await
    })
  }
}

/** Fibers yield before their next step while it says so. */
class Yielding extends Scheduler.MixedScheduler {
  yields = false
  override shouldYield(): boolean {
    return this.yields
  }
}

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("suspension", () => {
  it("works with this version of Effect", () => expect(canSuspend()).toBe(true))

  it.effect.each([0, 1, 2, 3, 20])("goes on with a value, %i steps deep, and cleans nothing up", (deep) =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      let effect = waiting.wait
      for (let step = 0; step < deep; step++) effect = Effect.map(effect, (steps) => `${String(steps)} ${step}`)
      const fiber = yield* fork(effect)
      expect(fiber.pollUnsafe()).toBeUndefined()
      waiting.resume(Exit.succeed("ended"))
      // Nobody waits any more.
      waiting.resume(Exit.succeed(100))
      expect(fiber.pollUnsafe()).toEqual(Exit.succeed(["ended", ...Array(deep).keys()].join(" ")))
      expect(waiting.cleanUps).toBe(0)
      expect(waiting.caller).toBeUndefined()
    })
  )

  it.effect("goes on with a failure, and can be interrupted after that", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      const fiber = yield* fork(Effect.catchCause(waiting.wait, () => Effect.never))
      waiting.resume(Exit.fail("no"))
      expect(fiber.pollUnsafe()).toBeUndefined()
      fiber.interruptUnsafe()
      expect(fiber.pollUnsafe()?._tag).toBe("Failure")
      expect(waiting.cleanUps).toBe(0)
    })
  )

  it.effect("an interruption cleans up once and waits for that, whatever comes meanwhile", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      const fiber = yield* fork(waiting.wait)
      fiber.interruptUnsafe()
      expect(waiting.caller).toBeUndefined()
      waiting.resume(Exit.succeed(1))
      fiber.interruptUnsafe()
      expect(waiting.cleanUps).toBe(1)
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* waiting.latch.open
      const exit = yield* Fiber.await(fiber)
      expect(exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause)).toBe(true)
      expect(waiting.cleanUps).toBe(1)
    })
  )

  it.effect("nothing recovers from an interruption", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      yield* waiting.latch.open
      const fiber = yield* fork(Effect.catchCause(waiting.wait, () => Effect.succeed("recovered")))
      fiber.interruptUnsafe()
      const exit = yield* Fiber.await(fiber)
      expect(exit._tag).toBe("Failure")
      expect(waiting.cleanUps).toBe(1)
    })
  )

  it.effect("a caller that must not be interrupted waits for the end", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      const fiber = yield* fork(Effect.uninterruptible(Effect.exit(waiting.wait)))
      fiber.interruptUnsafe()
      expect(waiting.cleanUps).toBe(0)
      expect(waiting.caller).toBe(fiber)
      waiting.resume(Exit.succeed(1))
      expect(fiber.pollUnsafe()).toBeDefined()
    })
  )

  it.effect("what may not be interrupted after the wait is not", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      const done = Latch.makeUnsafe()
      const fiber = yield* fork(
        Effect.uninterruptible(Effect.andThen(Effect.exit(Effect.interruptible(waiting.wait)), done.await))
      )
      fiber.interruptUnsafe()
      yield* waiting.latch.open
      yield* Effect.yieldNow
      expect(waiting.cleanUps).toBe(1)
      fiber.interruptUnsafe()
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* done.open
      yield* Fiber.await(fiber)
    })
  )

  it.effect("an end that comes while an interruption waits for its turn changes nothing", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      yield* waiting.latch.open
      const scheduler = new Yielding()
      const fiber = yield* fork(Effect.provideService(waiting.wait, Scheduler.Scheduler, scheduler))
      scheduler.yields = true
      fiber.interruptUnsafe()
      scheduler.yields = false
      expect(waiting.cleanUps).toBe(0)
      waiting.resume(Exit.succeed(1))
      expect(fiber.pollUnsafe()).toBeUndefined()
      const exit = yield* Fiber.await(fiber)
      expect(exit._tag).toBe("Failure")
      expect(waiting.cleanUps).toBe(1)
    })
  )
})
