/** The ways into a durable pool for callers that have no fiber. What they ask for goes to a store: here each has one. */
import { Cause, type Context, Effect, Exit, Fiber } from "effect"
import type { Rpc } from "effect/rpc"
import { type Call, PoolError } from "../../index.ts"
import * as checks from "../../internal/checks.ts"
import { Signals, wrongSignal } from "../../internal/signals.ts"

type Execute = (rpc: Rpc.Any, payload: unknown, options?: Call.Options) => Effect.Effect<any, any>
type OnExit = (exit: Exit.Exit<any, any>) => void

/** `own`: the pool's context, for callers that bring none. `onThrown`: an `onExit` has thrown, which is no affair of whoever runs it. */
export const fiberless = (execute: Execute, own: Context.Context<never>, onThrown: (defect: unknown) => void) => {
  const signals = new Signals<() => void>((abort) => abort())
  const executeCallback = (
    rpc: Rpc.Any,
    payload: unknown,
    onExit: OnExit,
    options?: Call.Options,
    context: Context.Context<never> = own
  ): (() => void) => {
    const fiber = Effect.runForkWith(Fiber.getCurrent()?.context ?? context)(execute(rpc, payload, options))
    fiber.addObserver((exit) => {
      try {
        onExit(isInterrupted(exit) ? cancelled(rpc) : exit)
      } catch (defect) {
        onThrown(defect)
      }
    })
    return () => fiber.interruptUnsafe()
  }
  const executePromise = (
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.PromiseOptions,
    context?: Context.Context<never>
  ): Promise<any> =>
    new Promise((resolve, reject) => {
      const signal = options?.signal
      if (signal?.aborted === true) return reject(signal.reason)
      const wrong = wrongSignal(signal)
      if (wrong !== undefined) return reject(checks.ofCall(wrong))
      let cancel: (() => void) | undefined
      let isAborted = false
      const abort = () => {
        isAborted = true
        reject(signal!.reason)
        cancel?.()
      }
      if (signal !== undefined) signals.add(signal, abort)
      const onExit: OnExit = (exit) => {
        if (signal !== undefined) signals.remove(signal, abort)
        if (Exit.isSuccess(exit)) resolve(exit.value)
        else reject(Cause.squash(exit.cause))
      }
      cancel = executeCallback(rpc, payload, onExit, options, context)
      // What it has run at once may have aborted it.
      if (isAborted) cancel()
    })
  return { executeCallback, executePromise }
}

const isInterrupted = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)

const cancelled = ({ _tag: tag }: Rpc.Any) => Exit.fail(new PoolError.RequestCancelled({ tag }))
