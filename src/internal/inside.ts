/**
 * A fiber below its public parts, by Effect's own names, which may change with it: whoever uses them tries once whether they
 * mean what they did, and has another way where they do not.
 */
import type { Cause, Effect, Fiber } from "effect"

export type AnyFiber = Fiber.Fiber<unknown, unknown>

export interface Inside {
  _stack: Array<unknown>
  readonly _yielded: unknown
  readonly _interruptedCause: Cause.Cause<never> | undefined
  interruptible: boolean
  yieldWith(onGoOn: () => void): Effect.Effect<never>
  succeedWith(value: unknown): unknown
  evaluate(effect: Effect.Effect<unknown, unknown>): void
}

export const inside = (fiber: AnyFiber): Inside => fiber as unknown as Inside

/** What a fiber asks of those on its stack: to be left, whatever it goes on with, and what follows a success or a failure. */
export const onLeave = "~effect/Effect/ensureCont"
export const onSuccess = "~effect/Effect/successCont"
export const onFailure = "~effect/Effect/failureCont"
