/** What a worker runs its attempts with stands below what Effect promises: an upgrade of Effect must not break it unseen. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Latch, Scheduler } from "effect"
import { exitOf } from "../../src/internal/exitOf.ts"

/** In a fiber that is not interrupted, as a worker's. */
const exitIn = <A>(effect: Effect.Effect<unknown, unknown>, then: (exit: Exit.Exit<unknown, unknown>) => A) =>
  Effect.uninterruptible(
    Effect.map(
      Effect.withFiber((fiber) => exitOf(fiber, effect)),
      then
    )
  )

const same = (exit: Exit.Exit<unknown, unknown>) => exit

describe("exitOf", () => {
  const works = exitIn(Effect.void, same)
  const steps = (fiber: Fiber.Fiber<unknown, unknown>) => (fiber as unknown as { _stack: Array<unknown> })._stack.length

  it.effect("takes one step with this version of Effect", () =>
    Effect.gen(function* () {
      yield* works
      const before = yield* Effect.uninterruptible(Effect.withFiber((fiber) => Effect.succeed(steps(fiber))))
      const within = yield* exitIn(
        Effect.withFiber((fiber) => Effect.succeed(steps(fiber))),
        same
      )
      expect(within).toEqual(Exit.succeed(before + 2))
    })
  )

  it.effect.each([
    ["a value", Effect.succeed(1), Exit.succeed(1)],
    ["a value after a step", Effect.map(Effect.succeed(1), (n) => n + 1), Exit.succeed(2)],
    ["a failure", Effect.fail("no"), Exit.fail("no")],
    ["a defect", Effect.die("broken"), Exit.die("broken")],
    [
      "what is thrown",
      Effect.sync(() => {
        throw "broken"
      }),
      Exit.die("broken")
    ],
    ["a value after a wait", Effect.as(Effect.yieldNow, 3), Exit.succeed(3)]
  ] as const)("is %s", ([, effect, exit]) =>
    Effect.gen(function* () {
      expect(yield* exitIn(effect, same)).toEqual(exit)
    })
  )

  it.effect("is an interruption, its finalizers done, and what follows is not interrupted", () =>
    Effect.gen(function* () {
      const finalizer = Latch.makeUnsafe()
      const after = Latch.makeUnsafe()
      let exit: Exit.Exit<unknown, unknown> | undefined
      const fiber = yield* Effect.forkChild(
        Effect.uninterruptible(
          Effect.andThen(
            exitIn(Effect.ensuring(Effect.never, finalizer.await), (ended) => void (exit = ended)),
            after.await
          )
        ),
        { startImmediately: true }
      )
      fiber.interruptUnsafe()
      expect(exit).toBeUndefined()
      yield* finalizer.open
      yield* Effect.yieldNow
      expect(exit?._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause)).toBe(true)
      fiber.interruptUnsafe()
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* after.open
      yield* Fiber.await(fiber)
    })
  )

  it.effect("of a fiber that was interrupted before is an interruption, and nothing is run", () =>
    Effect.gen(function* () {
      let ran = false
      const exit = yield* Effect.callback<Exit.Exit<unknown, unknown>>((resume) => {
        Effect.runFork(
          Effect.withFiber((fiber) => {
            fiber.interruptUnsafe()
            return Effect.map(
              Effect.withFiber((fiber) =>
                exitOf(
                  fiber,
                  Effect.sync(() => void (ran = true))
                )
              ),
              (exit) => resume(Effect.succeed(exit as Exit.Exit<unknown, unknown>))
            )
          }),
          { uninterruptible: true }
        )
      })
      expect(exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause)).toBe(true)
      expect(ran).toBe(false)
    })
  )

  it.effect("nothing within recovers from an interruption", () =>
    Effect.gen(function* () {
      let exit: Exit.Exit<unknown, unknown> | undefined
      const effect = Effect.catchCause(Effect.never, () => Effect.succeed("recovered"))
      const fiber = yield* Effect.forkChild(
        exitIn(effect, (ended) => void (exit = ended)),
        { startImmediately: true }
      )
      fiber.interruptUnsafe()
      expect(exit?._tag).toBe("Failure")
    })
  )

  it.effect("is the same where the fiber gives way in between", () =>
    Effect.gen(function* () {
      class Yielding extends Scheduler.MixedScheduler {
        private asked = 0
        override shouldYield(): boolean {
          return this.asked++ % 3 === 0
        }
      }
      const exits = Effect.all([exitIn(Effect.succeed(1), same), exitIn(Effect.fail("no"), same)])
      expect(yield* Effect.provideService(exits, Scheduler.Scheduler, new Yielding())).toEqual([
        Exit.succeed(1),
        Exit.fail("no")
      ])
    })
  )
})
