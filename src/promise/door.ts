/** The way from a call to a request, and from its end to what the call's promise gives. No fiber waits for either. */
import { Cause, Exit } from "effect"
import type * as RequestOptions from "../Call.ts"
import { unnamed } from "../internal/callOptions.ts"
import type { Core } from "../internal/core.ts"
import type { Intake } from "../internal/intake.ts"
import {
  Details,
  type Listener,
  PoolRequest,
  type Route,
  toOutcome as internalOutcome,
  type Waiting
} from "../internal/request.ts"
import { withoutStack } from "../internal/runtime.ts"
import { Share } from "../internal/identity/share.ts"
import { currentTask, type TaskAttempt } from "../internal/task.ts"
import { attemptOf } from "../internal/taskWorker.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import type { HeldClock } from "./hostClock.ts"
import { BatchedCall } from "./batchedCall.ts"
import { notATask, toCallOptions } from "./callOptions.ts"
import { NestedPromise } from "./nestedPromise.ts"
import { type Outcome, toOutcome } from "./outcome.ts"
import { errorAt, isOfAttempt, publicError, rejection } from "./publicError.ts"
import { Signals } from "../internal/signals.ts"
import { Call, type CallOptions, type Handler } from "./task.ts"

/** What a call runs: the function that it brings, or the handler that the pool has. */
export interface Target {
  readonly tag: string
  /** Why it is not there: no request can be made for it, and its `route` is not to be asked for. */
  readonly refusal: InvalidPoolConfig | undefined
  readonly route: Route
  readonly handler: Handler<any, unknown> | undefined
}

/** Why there is no request; in the words of the caller. */
export interface Refusal {
  readonly error: unknown
}

export class Door {
  readonly core: Core
  private readonly intake: Intake
  private readonly clock: HeldClock
  private readonly signals: Signals<PoolRequest>

  constructor(core: Core, intake: Intake, clock: HeldClock) {
    this.core = core
    this.intake = intake
    this.clock = clock
    this.signals = new Signals((request) => {
      if (request.phase !== "ended") callOf(request).isAborted = true
      this.cancel(request)
    })
  }

  /**
   * Makes a request and lets it in; it may have ended when this returns. `above` is what the caller has called. `waits`: its
   * caller waits for it; if that is a task, the request is given up when its attempt is interrupted, or not begun after that.
   */
  enter(
    above: Function,
    waits: boolean,
    target: Target,
    given: unknown,
    options: CallOptions | undefined
  ): PoolRequest | Refusal {
    const { handler, refusal: absent } = target
    if (absent !== undefined) return refused(above, Exit.fail(absent))
    const task = handler ?? given
    if (typeof task !== "function") return refused(above, notATask(given))
    const read = options === undefined ? undefined : toCallOptions(options)
    if (Exit.isExit(read)) return refused(above, read)
    const unnamed = this.unnamed(target.route, read?.options)
    if (unnamed !== undefined) return refused(above, unnamed)
    const signal = read?.signal
    if (signal?.aborted === true) return { error: signal.reason }
    const call = new (target.route.batch === undefined ? Call : BatchedCall)(
      task as Handler<unknown, unknown>,
      handler === undefined ? undefined : { value: given },
      signal
    )
    const parent = currentTask()
    const attempt = waits && parent !== undefined ? attemptOf(parent) : undefined
    if (attempt?.interruption !== undefined) return { error: attempt.interruption.reason }
    const request = this.intake.fromTask(target.route, call, read?.options, parent)
    if (!(request instanceof PoolRequest)) return refused(above, request)
    // Before it is let in: it may begin at once, and abort what would abort it. What was asked to make it may have done so.
    if (signal !== undefined && !this.signals.add(signal, request)) return { error: signal.reason }
    const isLinked = signal !== undefined || attempt !== undefined
    if (isLinked) this.link(request, signal, attempt)
    const refusal = this.core.admission.enter(request)
    if (refusal === undefined) this.clock.hold()
    else if (isLinked) this.unlink(request, signal, attempt)
    return refusal === undefined ? request : refused(above, refusal)
  }

  /** An input has no primary key of its own: what its handler says of calls like it would say nothing. */
  private unnamed({ policy: { duplicate } }: Route, options: RequestOptions.Options | undefined) {
    if (duplicate === "allow" || options?.primaryKey !== undefined || options?.duplicate !== undefined) return undefined
    this.core.counters.invalid++
    return Exit.fail(unnamed(duplicate))
  }

  /** Until it ends, it is given up with its signal, which knows it, and with the attempt that waits for it. */
  private link(request: PoolRequest, signal: AbortSignal | undefined, attempt: TaskAttempt | undefined): void {
    attempt?.bind(request)
    request.listen(() => this.unlink(request, signal, attempt))
  }

  private unlink(request: PoolRequest, signal: AbortSignal | undefined, attempt: TaskAttempt | undefined): void {
    if (signal !== undefined) this.signals.remove(signal, request)
    attempt?.unbind(request)
  }

  cancel(request: PoolRequest): "withdrawn" | "interrupting" | "settled" {
    const cancelled = request.route.canceller.cancel(request)
    // That nothing is left to do is seen at the end of a turn.
    this.core.turn.isOver(this.core.now())
    return cancelled
  }

  /** The value of a request, or why there is none. */
  result(request: PoolRequest, onRefused?: () => void): Promise<unknown> {
    if (request.phase !== "ended" && currentTask() === undefined) {
      const call = callOf(request)
      if (call.resolve === undefined) return promiseOf(request, call)
    }
    return this.waitFor(
      request,
      (resolve, reject, fail) => onEnd(request, (exit) => tell(request, exit, resolve, reject, fail)),
      onRefused
    )
  }

  /** All of how it ended. */
  outcome(request: PoolRequest): Promise<Outcome> {
    return this.waitFor(request, (resolve) => onEnd(request, () => resolve(outcomeOf(request))))
  }

  /** Waits until it was let in; `ticket` is what its caller then has. */
  accepted<A>(request: PoolRequest, ticket: A): Promise<A> {
    if (request.phase !== "blocked") return Promise.resolve(ticket)
    return this.waitFor(request, (resolve, reject, fail) => {
      // One that was let in and has an end already has a ticket all the same.
      const gone: Listener = (exit, { end }) =>
        end === undefined ? tell(request, exit, resolve, reject, fail) : resolve(ticket)
      const details = (request.details ??= new Details())
      request.listen(gone)
      details.onAccepted = () => {
        request.unlisten(gone)
        details.onAccepted = undefined
        resolve(ticket)
      }
    })
  }

  /**
   * A promise that somebody may wait for. A task of this pool that does lends its slot to what it waits for. To ask and not
   * to wait is no wait: that is known only once somebody asks for the promise's end. `onRefused`: this wait is not let to be.
   */
  private waitFor<A>(request: PoolRequest, wire: Wire<A>, onRefused?: () => void): Promise<A> {
    if (currentTask() === undefined || request.phase === "ended") return new Promise(wire)
    const { nesting, now, turn } = this.core
    let waiting: Waiting | undefined
    let refuse!: Reject
    let isRefused = false
    const goOn = (task: () => void): void => {
      if (waiting === undefined) return task()
      waiting.end()
      waiting.afterReturn(() => turn.run(now(), task))
    }
    const promise = new NestedPromise<A>((resolve, reject) => {
      refuse = reject
      wire(
        (value) => goOn(() => resolve(value)),
        (error) => goOn(() => reject(error)),
        // Not made before it is taken: what is rejected meanwhile would be nobody's.
        (make) => goOn(() => (isRefused ? undefined : resolve(rejection(make))))
      )
    })
    promise.onWait = () => {
      const by = currentTask()
      const made = by === undefined || request.phase === "ended" ? undefined : nesting.waitFor(request, by)
      if (made === undefined) return
      if (Exit.isExit(made)) {
        isRefused = true
        refuse(publicError(failureOf(made)))
        return onRefused?.()
      }
      waiting = made
      made.begin()
      made.lend()
    }
    return promise
  }
}

type Resolve<A> = (value: A | PromiseLike<A>) => void
type Reject = (error: unknown) => void
type Fail = (make: () => unknown) => void
/** Without `fail` a rejection may be made at once. */
type Wire<A> = (resolve: Resolve<A>, reject: Reject, fail?: Fail) => void

/** What its caller sees of a request that has ended. */
export const outcomeOf = (request: PoolRequest): Outcome =>
  // Where an outcome is a value nobody has thrown its error.
  toOutcome(internalOutcome(request), Exit.isFailure(request.exit!) ? withoutStack(() => errorOf(request)) : undefined)

/** What the caller of a request that has come to no value is rejected with. */
export const errorOf = (request: PoolRequest): unknown =>
  callOf(request).reasonOf(request.end, request.exit!, callOf(request instanceof Share ? request.of : request))

const callOf = (request: PoolRequest): Call => request.payload as Call

export const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

const refused = (above: Function, exit: Exit.Exit<never, unknown>): Refusal => ({
  error: errorAt(above, failureOf(exit))
})

/** Whom to tell is written in the call: closures for that would be 136 bytes more for as long as it waits (W5). */
const promiseOf = (request: PoolRequest, call: Call): Promise<unknown> => {
  const promise = new Promise((resolve, reject) => {
    call.resolve = resolve
    call.reject = reject
  })
  request.listen(tellCall)
  return promise
}

const tellCall: Listener = (exit, request) => {
  const call = callOf(request)
  const { reject, resolve } = call
  call.resolve = call.reject = undefined
  tell(request, exit, resolve!, reject!, undefined)
}

const onEnd = (request: PoolRequest, listener: Listener): void => {
  if (request.phase !== "ended") return request.listen(listener)
  request.heard()
  listener(request.exit!, request)
}

/** What it has failed with, its task has thrown: that stays as it is. */
export const isOfTask = ({ end }: PoolRequest, exit: Exit.Exit<any, unknown>): boolean =>
  end === "failed" && !isOfAttempt(failureOf(exit))

const tell = (
  request: PoolRequest,
  exit: Exit.Exit<any, unknown>,
  resolve: Resolve<any>,
  reject: Reject,
  fail: Fail | undefined
): void => {
  if (Exit.isSuccess(exit)) resolve(exit.value)
  else if (isOfTask(request, exit) || callOf(request).isAborted) reject(errorOf(request))
  else if (fail === undefined) resolve(rejection(() => errorOf(request)))
  else fail(() => errorOf(request))
}
