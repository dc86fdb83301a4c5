/** One attempt, from its start to its end: when it is interrupted, and what follows from its exit. */
import { Cause, Exit, Result } from "effect"
import { instructionOf } from "../NotBefore.ts"
import type { End } from "../Outcome.ts"
import { HandlerInterrupted, RequestTimeout } from "../PoolError.ts"
import type { Gate } from "../queue/gate.ts"
import { answerOf } from "./batch/answers.ts"
import { inAsyncContext } from "./asyncContext.ts"
import { BatchAttempts } from "./batch/batchAttempt.ts"
import type { Counters } from "./counters.ts"
import type { Events } from "./events.ts"
import { interruptedExit } from "./exits.ts"
import type { PoolRequest } from "./request.ts"
import type { FailureKind, RetryDelay } from "./retry.ts"
import { withoutStack } from "./runtime.ts"
import { type Dependencies as Returning, holdUntilStart, returnAfter } from "./scheduled.ts"
import { type AttemptSteps, type Worker, workerOf } from "./worker.ts"

export interface Dependencies extends Returning {
  readonly now: () => number
  readonly interruptGraceMillis: number
  readonly counters: Counters
  readonly events: Events
  readonly retryDelay: RetryDelay
  /** A place in the queue has become free. */
  readonly onPlace: () => void
  readonly onStuck: (worker: Worker, request: PoolRequest) => void
  /** More may be startable than before; `byWorker` of them will be taken by whoever has ended. */
  readonly onFreed: (byWorker: number) => void
  /** Nothing which that gate is for starts for so long. */
  readonly onPostponed: (request: PoolRequest, gate: Gate, millis: number) => void
  /** An attempt is over that has waited for others, or that has left fibers behind which still do. */
  readonly onHostEnded: (worker: Worker) => void
}

export class Attempts implements AttemptSteps {
  readonly now: () => number
  private readonly pool: Dependencies
  private readonly batches: BatchAttempts

  constructor(pool: Dependencies) {
    this.now = pool.now
    this.pool = pool
    this.batches = new BatchAttempts(pool, this)
  }

  /** Once for each worker, before its first attempt and after its last. */
  watch(worker: Worker): void {
    this.pool.deadlines.watch(worker.deadline)
  }

  unwatch(worker: Worker): void {
    this.pool.deadlines.unwatch(worker.deadline)
  }

  start(worker: Worker, request: PoolRequest, now: number): boolean {
    const { counters } = this.pool
    const { details, route } = request
    details?.spans?.onAttempt()
    request.elapse(now)
    request.phase = "running"
    request.worker = worker
    counters.running++
    counters.attempts++
    const isRetry = ++request.attempts > 1
    if (isRetry) counters.retries++
    route.counts.start(now, isRetry)
    worker.startedAt = now
    worker.request = request
    worker.state = "running"
    if (route.batch !== undefined) this.batches.join(worker, request, now)
    this.pool.onPlace()
    return worker.state === "running"
  }

  goOn(worker: Worker, now: number): void {
    // One that was interrupted meanwhile has its grace already.
    if (worker.stopped) return
    const { timeoutMillis } = worker.batch ?? worker.request!.policy
    this.pool.deadlines.set(worker.deadline, now, timeoutMillis)
  }

  /** The attempt is over, its finalizers and children included: the worker is free. */
  end(worker: Worker, exit: Exit.Exit<unknown, unknown>, now: number): void {
    if (worker.batch !== undefined) return this.batches.end(worker, worker.batch, exit, now)
    const { counters, deadlines } = this.pool
    const { retryAfterMillis, state } = worker
    const request = worker.request!
    const { counts } = request.route
    deadlines.clear(worker.deadline)
    counts.end(worker.startedAt, now)
    worker.request = request.worker = worker.retryAfterMillis = undefined
    worker.state = "idle"
    const { fair } = this.pool.queue
    if (fair !== undefined) {
      fair.gates.judge(request, exit, true, now)
      fair.ended(request, now - worker.startedAt, now)
    }
    if (worker.hosting !== undefined) this.pool.onHostEnded(worker)
    if (state === "ending") counters.ending--
    else if (state === "stuck") counters.stuck--
    else if (retryAfterMillis !== undefined) this.again(request, request.exit!, retryAfterMillis, "timedOut", now)
    else {
      const answer = exit._tag === "Success" ? answerOf(exit, request.tag) : exit
      if (answer._tag === "Success") this.succeed(request, answer, now - worker.startedAt, now)
      else this.fail(worker, request, answer, now)
    }
    this.pool.onFreed(1)
    worker.release()
  }

  /** The worker's deadline has come: the timeout of its attempt or, when that is interrupted, the end of the grace. */
  onDeadline(worker: Worker, now: number): void {
    const { counters, onStuck, settle } = this.pool
    const request = worker.request
    if (request === undefined) return
    if (worker.batch !== undefined) return this.batches.onDeadline(worker, worker.batch, now)
    if (worker.stopped) {
      const ended = worker.state === "ending"
      worker.state = "stuck"
      counters.stuck++
      if (ended) counters.ending--
      else settle(request, "timedOut", request.exit!, now)
      onStuck(worker, request)
      worker.release()
      return
    }
    const { attempts: attempt, policy, route, tag } = request
    route.counts.timedOut++
    const error = withoutStack(() => new RequestTimeout({ tag, attempt, timeoutMillis: policy.timeoutMillis }))
    const exit = Exit.fail(error)
    this.pool.queue.fair?.gates.judge(request, exit, false, now)
    const delayMillis = this.retryDelay(request, "timeout", error, now)
    // Whoever was asked has given it up.
    if (request.phase === "ended") return
    worker.retryAfterMillis = delayMillis
    if (delayMillis === undefined) this.endRunning(request, "timedOut", exit, now)
    else {
      request.exit = exit
      this.interrupt(worker, now)
    }
  }

  /** Whether the attempt's timeout is due as well: it comes before an expiry in the same millisecond. */
  isTimeoutDue(worker: Worker, now: number): boolean {
    return !worker.stopped && worker.deadline.at <= now
  }

  /** Ends a running request now; its attempt is interrupted and keeps the worker until it has really ended. */
  endRunning(request: PoolRequest, end: End, exit: Exit.Exit<never, unknown>, now: number): void {
    const worker = workerOf(request)
    // Its attempt has ended, and somebody is being asked whether another one follows.
    if (worker === undefined) return this.pool.settle(request, end, exit, now)
    if (worker.batch !== undefined) return this.batches.endOne(worker, worker.batch, request, end, exit, now)
    worker.state = "ending"
    worker.retryAfterMillis = undefined
    this.pool.counters.ending++
    this.pool.settle(request, end, exit, now)
    // A listener may have let the attempt end by itself; the worker is then at another request.
    if (worker.request === request && !worker.stopped) this.interrupt(worker, now)
  }

  interrupt(worker: Worker, now: number): void {
    worker.stopped = true
    this.pool.deadlines.set(worker.deadline, now, this.pool.interruptGraceMillis)
    worker.interrupt()
  }

  /** `millis`: for so long it has kept a worker. */
  succeed(request: PoolRequest, answer: Exit.Exit<unknown, unknown>, millis: number, now: number): void {
    const { counts } = request.route
    counts.succeeded++
    counts.succeededMillis += millis
    this.pool.settle(request, "succeeded", answer, now)
  }

  fail(worker: Worker, request: PoolRequest, exit: Exit.Failure<unknown, unknown>, now: number): void {
    const { attempts, tag } = request
    const { cause } = exit
    if (Cause.hasInterruptsOnly(cause)) {
      if (worker.isInterrupted) this.pool.settle(request, "interrupted", interruptedExit(request, "running"), now)
      else
        this.failOr(
          request,
          "defect",
          undefined,
          Exit.fail(withoutStack(() => new HandlerInterrupted({ tag, attempt: attempts }))),
          now
        )
      return
    }
    const error = Cause.findError(cause)
    const kind = Cause.hasDies(cause) || Result.isFailure(error) ? "defect" : "failure"
    // Nobody is settled with an interrupt: it would believe that it was interrupted itself.
    const shown = Cause.hasInterrupts(cause)
      ? Exit.failCause(Cause.fromReasons(cause.reasons.filter((reason) => reason._tag !== "Interrupt")))
      : exit
    this.failOr(request, kind, Result.isSuccess(error) ? error.success : Cause.squash(cause), shown, now)
  }

  private failOr(
    request: PoolRequest,
    kind: FailureKind,
    error: unknown,
    exit: Exit.Exit<unknown, unknown>,
    now: number
  ): void {
    request.route.counts.failed++
    const asked = kind === "failure" ? instructionOf(error) : undefined
    if (asked !== undefined && request.phase !== "ended") {
      const gate = this.pool.queue.notBefore(request, asked.at, now, asked.millis)
      this.pool.onPostponed(request, gate, asked.millis)
      if (!asked.countsAsAttempt) return this.postpone(request, exit, gate.notBefore, now)
    }
    this.again(request, exit, this.retryDelay(request, kind, error, now), "failed", now)
  }

  /** It was no attempt: the request waits, as the first of its kind, until it may start. */
  private postpone(request: PoolRequest, exit: Exit.Exit<unknown, unknown>, until: number, now: number): void {
    if (until >= request.expiresAt) return this.pool.settle(request, "failed", exit, now)
    this.pool.counters.running--
    request.elapse(now)
    request.attempts--
    request.exit = exit
    request.details?.spans?.onWaiting()
    this.pool.queue.putBack(request, now)
    if (until < this.pool.latestReturn(request)) return
    this.pool.queue.withdraw(request, now)
    this.pool.settle(request, "interrupted", interruptedExit(request, "waiting"), now)
  }

  /** Whoever asks for retries may have functions of their own decide: they are called as the handler is. */
  retryDelay(request: PoolRequest, kind: FailureKind, error: unknown, now: number): number | undefined {
    if (request.policy.retry === undefined) return undefined
    return inAsyncContext(request.asyncContext, () => this.pool.retryDelay(request, kind, error, now))
  }

  /** Another attempt after `delayMillis`, counted from now; without it, or past the expiry, the request's end. */
  again(
    request: PoolRequest,
    exit: Exit.Exit<unknown, unknown>,
    delayMillis: number | undefined,
    end: "failed" | "timedOut",
    now: number
  ): void {
    const { counters, events, queue, settle } = this.pool
    if (request.phase === "ended") return
    if (delayMillis === undefined || now + delayMillis >= request.expiresAt) {
      settle(request, end, exit, now)
      return
    }
    if (events.recorder !== undefined) events.recorder.retried(request, end, now)
    counters.running--
    request.elapse(now)
    request.exit = exit
    request.details?.spans?.onWaiting()
    queue.hold(request)
    if (events.on) {
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      events.publish({
        _tag: "AttemptFailed",
        id: request.id,
        tag: request.tag,
        attempt: request.attempts,
        error,
        delayMillis
      })
    }
    returnAfter(this.pool, request, delayMillis, now)
  }

  /** The queue holds this one, which is not to start yet. */
  holdUntilStart(request: PoolRequest, now: number): void {
    this.pool.events.recorder?.scheduled(request)
    holdUntilStart(this.pool, request, now)
  }
}
