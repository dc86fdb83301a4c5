/**
 * How an effect ends that may be interrupted, in a fiber that may not: `Effect.exit(Effect.interruptible(effect))` without the
 * three objects and the two steps that it takes for each attempt (W1a, W1ap).
 */
import { Cause, Effect, Equal, Exit } from "effect"
import { type AnyFiber, type Inside, inside, onFailure, onLeave, onSuccess } from "./inside.ts"

/** Stands below the effect on its fiber's stack. It is the same for all: it knows nothing of either. */
const frame = {
  [onLeave](fiber: Inside): void {
    fiber.interruptible = false
  },
  [onSuccess](value: unknown, fiber: Inside, exit: Exit.Exit<unknown> | undefined): unknown {
    return fiber.succeedWith(exit ?? Exit.succeed(value))
  },
  [onFailure](cause: Cause.Cause<unknown>, fiber: Inside, exit: Exit.Exit<never, unknown> | undefined): unknown {
    return fiber.succeedWith(exit ?? Exit.failCause(cause))
  }
}

type ExitOf = (fiber: AnyFiber, effect: Effect.Effect<unknown, unknown>) => Effect.Effect<Exit.Exit<unknown, unknown>>

const inOneStep: ExitOf = (fiber, effect) => {
  const self = inside(fiber)
  self.interruptible = true
  self._stack.push(frame)
  const cause = self._interruptedCause
  // The frame answers what follows, however this ends.
  return (cause === undefined ? effect : Effect.failCause(cause)) as Effect.Effect<any>
}

const inSteps: ExitOf = (_, effect) => Effect.exit(Effect.interruptible(effect))

/** Whether an effect ends so in a loop, as a worker's attempts do, be it by an interruption, and whoever has its exit is not interrupted. */
const ends = (effect: Effect.Effect<unknown, unknown>, isRight: (exit: Exit.Exit<unknown, unknown>) => boolean) => {
  let ended: Exit.Exit<unknown, unknown> | undefined
  let goOn: (() => void) | undefined
  const pause = Effect.callback<void>((resume) => {
    goOn = () => resume(Effect.void)
  })
  let hasGoneOn = false
  const once = (fiber: AnyFiber) =>
    Effect.whileLoop({
      while: () => ended === undefined,
      body: () => inOneStep(fiber, effect),
      step: (exit) => void (ended = exit)
    })
  const fiber = Effect.runFork(
    Effect.flatMap(Effect.withFiber(once), () => Effect.map(pause, () => void (hasGoneOn = true))),
    { uninterruptible: true }
  )
  fiber.interruptUnsafe()
  // Of one that has ended before nothing is interrupted, and of one that is interrupted nothing more.
  if (goOn === undefined) return false
  fiber.interruptUnsafe()
  if (fiber.pollUnsafe() !== undefined) return false
  goOn()
  return hasGoneOn && ended !== undefined && isRight(ended)
}

const isTried = (): boolean => {
  try {
    return (
      ends(Effect.succeed(1), (exit) => Equal.equals(exit, Exit.succeed(1))) &&
      ends(Effect.fail(1), (exit) => Equal.equals(exit, Exit.fail(1))) &&
      ends(Effect.never, (exit) => exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause))
    )
  } catch {
    return false
  }
}

let tried: ExitOf | undefined

/** What the running fiber, which must not be interrupted, goes on with to have the exit of an effect that may be. */
export const exitOf: ExitOf = (fiber, effect) => (tried ??= isTried() ? inOneStep : inSteps)(fiber, effect)
