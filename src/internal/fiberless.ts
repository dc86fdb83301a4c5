/** The ways in for callers that have no fiber: one is called back with the end of its request, the other has a promise of it. */
import { Cause, Clock, Context, Exit, Fiber, References, Tracer } from "effect"
import type { Rpc } from "effect/rpc"
import type * as Call from "../Call.ts"
import { RequestCancelled } from "../PoolError.ts"
import { type AsyncContext, callInAsyncContext, captureAsyncContext } from "./asyncContext.ts"
import type { Calls } from "./calls.ts"
import type { Core } from "./core.ts"
import type { Refusal } from "./intake.ts"
import { PoolRequest } from "./request.ts"
import { outOfFiber, type Turn } from "./runtime.ts"
import { Signals, wrongSignal } from "./signals.ts"

type OnExit = (exit: Exit.Exit<any, any>) => void

export class Fiberless {
  private readonly calls: Calls
  private readonly signals = new Signals<PoolRequest>((request) => void request.route.canceller.cancel(request))
  /** What a request has of the pool where its caller has nothing: who traces it. */
  private readonly context: Context.Context<never>
  private readonly turn: Turn

  constructor(core: Core, calls: Calls) {
    this.calls = calls
    this.turn = core.turn
    this.context = Context.pick(Tracer.Tracer, References.TracerEnabled, Clock.Clock)(core.context as never)
  }

  readonly executeCallback = (
    rpc: Rpc.Any,
    payload: unknown,
    onExit: OnExit,
    options?: Call.Options,
    context?: Context.Context<never>
  ): (() => void) => {
    const calling = captureAsyncContext()
    const tell = (exit: Exit.Exit<any, any>) =>
      callInAsyncContext(calling, outOfFiber<Exit.Exit<any, any>>, onExit, exit)
    const request = this.make(rpc, payload, options, calling, context)
    const refusal = request instanceof PoolRequest ? this.calls.enterAndTell(request, tell) : request
    if (refusal === undefined) return () => void (request as PoolRequest).route.canceller.cancel(request as PoolRequest)
    this.turn.tell(new Refused(refusal, tell))
    return nothing
  }

  readonly executePromise = (
    rpc: Rpc.Any,
    payload: unknown,
    options?: Call.PromiseOptions,
    context?: Context.Context<never>
  ): Promise<any> =>
    new Promise((resolve, reject) => {
      const signal = options?.signal
      if (signal?.aborted === true) return reject(signal.reason)
      const wrong = wrongSignal(signal)
      if (wrong !== undefined) return reject(errorOf(this.calls.intake.invalidOption(wrong)))
      const own = options === undefined ? undefined : withoutSignal(options)
      const request = this.make(rpc, payload, own, captureAsyncContext(), context)
      if (!(request instanceof PoolRequest)) return reject(errorOf(request))
      // Before it is let in: it may begin at once, and abort what would abort it. What was asked to make it may have done so.
      if (signal !== undefined && !this.signals.add(signal, request)) return reject(signal.reason)
      const refusal = this.calls.enterAndTell(request, (exit) => {
        if (signal !== undefined) this.signals.remove(signal, request)
        if (exit._tag === "Success") return resolve(exit.value)
        const error = errorOf(exit)
        reject(signal?.aborted === true && error instanceof RequestCancelled ? signal.reason : error)
      })
      if (refusal === undefined) return
      if (signal !== undefined) this.signals.remove(signal, request)
      reject(errorOf(refusal))
    })

  /** A fiber that calls says who does; else whoever was there when `context` was taken. */
  private make(
    rpc: Rpc.Any,
    payload: unknown,
    options: Call.Options | undefined,
    calling: AsyncContext | undefined,
    context: Context.Context<never> = this.context
  ): PoolRequest | Refusal {
    const { intake } = this.calls
    return intake.fromRpc(rpc, payload, options, intake.originOf(Fiber.getCurrent()?.context ?? context, calling))
  }
}

/** Told as an end is: who hears of it may throw, or ask again. */
class Refused {
  private readonly refusal: Refusal
  private readonly tell: OnExit

  constructor(refusal: Refusal, tell: OnExit) {
    this.refusal = refusal
    this.tell = tell
  }

  notify(onDefect: (defect: unknown) => void): void {
    try {
      this.tell(this.refusal)
    } catch (defect) {
      onDefect(defect)
    }
  }
}

const nothing = () => {}

/** What is left of the options, where that says anything: a call without any is cheaper. */
const withoutSignal = (options: Call.PromiseOptions): Call.Options | undefined => {
  for (const field in options) if (field !== "signal") return options
  return undefined
}

const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
