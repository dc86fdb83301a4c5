/**
 * A fiber that waits without a callback: what it goes on with stands on its stack, and is there anyway. `Effect.callback` makes
 * six objects for the same, 272 bytes for as long as the fiber waits (W5).
 *
 * Whether Effect still does as it did is tried once, on fibers that wait: where it does not, `canSuspend` says so, and whoever
 * waits does it in `Effect.callback`.
 */
import { Cause, Effect, Effectable, Equal, Exit } from "effect"
import { type AnyFiber, inside, onFailure, onLeave } from "./inside.ts"

/** Of a fiber that waits here, and of no other: called when it goes on. */
const waits = (): void => {}

/** What one fiber waits for. It is itself the effect that cleans up when that is interrupted, which is not interrupted in turn. */
export abstract class Suspension extends Effectable.Class<void> {
  /** The fiber, while it waits. */
  caller: AnyFiber | undefined = undefined

  /** What the running fiber answers in order to wait. */
  suspend(fiber: AnyFiber): Effect.Effect<never> {
    const self = inside(fiber)
    const { _stack: stack } = self
    this.caller = fiber
    // What has grown by one has room for 17, and most callers are no deeper than this: 120 bytes (W5).
    if (stack.length === 0) self._stack = [this]
    else if (stack.length === 1) self._stack = [stack[0], this]
    else if (stack.length === 2) self._stack = [stack[0], stack[1], this]
    else stack.push(this)
    return self.yieldWith(waits)
  }

  /** The fiber goes on with this, unless it has gone on already. */
  resume(exit: Exit.Exit<any, any>): void {
    const { caller } = this
    if (caller === undefined) return
    this.caller = undefined
    const self = inside(caller)
    // One that is about to be interrupted may stand here still, and wait for its turn.
    if (self._yielded !== waits) return
    self._stack.pop()
    self.evaluate(exit)
  }

  [onLeave](fiber: AnyFiber): void {
    this.caller = undefined
    const self = inside(fiber)
    if (!self.interruptible) return
    self.interruptible = false
    self._stack.push(becomesInterruptible)
  }

  [onFailure](cause: Cause.Cause<unknown>): Effect.Effect<never, unknown> {
    return Cause.hasInterrupts(cause) ? Effect.flatMap(this, () => Effect.failCause(cause)) : Effect.failCause(cause)
  }
}

const becomesInterruptible = {
  [onLeave](fiber: AnyFiber): (() => Effect.Effect<never>) | undefined {
    const self = inside(fiber)
    self.interruptible = true
    const cause = self._interruptedCause
    return cause === undefined ? undefined : () => Effect.failCause(cause)
  }
}

/** Cleans up until it is told. */
class Trial extends Suspension {
  isClean: (() => void) | undefined = undefined
  // It goes on after a failure, and after no interruption.
  private readonly fiber = Effect.runFork(Effect.exit(Effect.withFiber((fiber) => this.suspend(fiber))))

  asEffect(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.isClean = () => resume(Effect.void)
    })
  }

  interrupt(): void {
    this.fiber.interruptUnsafe()
  }

  get exit(): Exit.Exit<unknown, unknown> | undefined {
    return this.fiber.pollUnsafe()
  }
}

const resumes = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const trial = new Trial()
  if (trial.exit !== undefined) return false
  trial.resume(exit)
  return Equal.equals(trial.exit, Exit.succeed(exit)) && trial.isClean === undefined
}

const cleansUp = (): boolean => {
  const trial = new Trial()
  trial.interrupt()
  // Neither an end that comes too late nor a second interruption keeps it from that.
  trial.resume(Exit.void)
  trial.interrupt()
  if (trial.exit !== undefined || trial.isClean === undefined) return false
  trial.isClean()
  // For the type: it has changed.
  const { exit } = trial as Trial
  return exit?._tag === "Failure" && Cause.hasInterrupts(exit.cause)
}

let isTried: boolean | undefined

/** Whether fibers can wait so. */
export const canSuspend = (): boolean => {
  if (isTried === undefined) {
    try {
      isTried = resumes(Exit.succeed(1)) && resumes(Exit.fail(1)) && cleansUp()
    } catch {
      isTried = false
    }
  }
  return isTried
}
