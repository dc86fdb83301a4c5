/** A function that gives a promise, as a request of a pool; and one attempt at it, as the function sees it. */
import type { Exit } from "effect"
import type { End } from "../Outcome.ts"
import { type AsyncContext, callWith, captureAsyncContext, inAsyncContext, makeStorage } from "./asyncContext.ts"
import { isLive } from "./origin.ts"
import type { PoolRequest } from "./request.ts"

/** What a `TaskWorker` asks of the payload of its requests. */
export interface TaskCall {
  /** Whatever the function gives, or throws. */
  readonly start: (attempt: TaskAttempt) => unknown
  /** Of a route of batches: the attempt at all of these, of which it is one. What it gives is a list of their exits. */
  readonly together?: ((requests: ReadonlyArray<PoolRequest>) => Pick<TaskCall, "start" | "onFailure">) | undefined
  /** An attempt has failed with this. */
  readonly onFailure: (error: unknown) => void
  /** Why an attempt of `ran` is interrupted: what its caller sees, or would see if no other attempt followed. */
  reasonOf(end: End | undefined, exit: Exit.Exit<any, unknown>, ran: TaskCall): unknown
}

/** What a function has of its attempt. The signal is made when somebody asks for it: most do not, and it takes 0.5 µs (W1a). */
export class TaskAttempt {
  /** From 1. */
  readonly attempt: number
  private readonly request: PoolRequest
  private controller: AbortController | undefined = undefined
  private asyncContext: AsyncContext | undefined = undefined
  private reasonOf: (() => unknown) | undefined = undefined
  private reason: { readonly reason: unknown } | undefined = undefined
  private parts: Set<PoolRequest> | undefined = undefined

  constructor(request: PoolRequest) {
    this.request = request
    this.attempt = request.attempts
  }

  /** That of the request. */
  get id(): string {
    return this.request.id
  }

  /** Aborted when the attempt is interrupted, with what its caller sees as the reason; never when it ends by itself. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.interruption !== undefined) this.controller.abort(this.interruption.reason)
      else this.asyncContext = captureAsyncContext()
    }
    return this.controller.signal
  }

  /** Why it was interrupted, once it was. */
  get interruption(): { readonly reason: unknown } | undefined {
    const { reasonOf } = this
    if (reasonOf !== undefined && this.reason === undefined) this.reason = { reason: reasonOf() }
    return this.reason
  }

  /** What it has asked a pool for, and waits for, is given up with it. */
  bind(part: PoolRequest): void {
    ;(this.parts ??= new Set()).add(part)
  }

  /** That has ended, or was not let in. */
  unbind(part: PoolRequest): void {
    this.parts?.delete(part)
  }

  /** Listeners are called in the async context in which the signal was asked for. */
  interrupt(reasonOf: () => unknown): void {
    this.reasonOf = reasonOf
    const { controller, parts } = this
    if (controller !== undefined) inAsyncContext(this.asyncContext, () => controller.abort(this.interruption!.reason))
    for (const part of parts ?? []) part.route.canceller.cancel(part)
  }
}

/** In whose attempt the running code is, however it got there. Without async context on this host: until it first waits. */
const current = makeStorage<PoolRequest>()

/** The request in whose attempt the running code is, while that attempt keeps a worker. */
export const currentTask = (): PoolRequest | undefined => {
  const request = current.getStore()
  return isLive(request) ? request : undefined
}

/**
 * Calls the function of that request, in the async context of its call. What comes is a promise of the host, or the value. Any
 * other thenable is asked for its end from within: one of the pool's own then knows in whose attempt it is waited for.
 */
export const startTask = (
  call: Pick<TaskCall, "start">,
  request: PoolRequest,
  attempt: TaskAttempt,
  called: AsyncContext | undefined
): unknown => callWith(called, current, request, start, call, attempt)

const start = (call: Pick<TaskCall, "start">, attempt: TaskAttempt): unknown => {
  const given = call.start(attempt)
  if ((typeof given !== "object" && typeof given !== "function") || given === null) return given
  if (given instanceof Promise && given.constructor === Promise) return given
  return "then" in given && typeof given.then === "function" ? Promise.resolve(given) : given
}
