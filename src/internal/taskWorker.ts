/** A worker that runs functions which give promises. It has no fiber: it is an object that a promise calls back. */
import { Exit, type Scope } from "effect"
import { inAsyncContext } from "./asyncContext.ts"
import { startTask, TaskAttempt, type TaskCall } from "./task.ts"
import type { PoolRequest } from "./request.ts"
import { Worker, workerOf } from "./worker.ts"

/** That of a request which runs in a pool of promises. */
export const attemptOf = (request: PoolRequest): TaskAttempt | undefined =>
  (workerOf(request) as TaskWorker | undefined)?.attempt

/**
 * A promise cannot be interrupted, only told: the worker is taken until the promise has settled, whatever became of its
 * request. One that never does is stuck, like an effect that does not end.
 */
export class TaskWorker extends Worker {
  /** The present one. */
  attempt: TaskAttempt | undefined = undefined
  /** Whose promise it waits for. */
  private waitsFor: Pick<TaskCall, "onFailure"> | undefined = undefined
  private onEnd!: (exit: Exit.Exit<unknown, unknown>) => void

  /** There is nothing in it that the scope could own: it ends when the crew says so. */
  begin(_: Scope.Scope, onEnd: (exit: Exit.Exit<unknown, unknown>) => void): void {
    this.onEnd = onEnd
    this.resume()
  }

  interrupt(): void {
    const { details, end, exit, payload } = this.batch?.last ?? this.request!
    const ran = payload as TaskCall
    // Of several who have joined, the one that has called first may have gone long before.
    const caller = (details?.sharing?.caller?.payload ?? ran) as TaskCall
    this.attempt?.interrupt(() => caller.reasonOf(end, exit!, ran))
  }

  get isInterrupted(): boolean {
    return false
  }

  /** In nobody's async context: else it would keep alive what whoever has woken it has in its own. */
  private readonly resume = (): void => {
    this.wake = undefined
    inAsyncContext(undefined, this.work)
  }

  /**
   * Takes requests until none is left, the worker has to go, or an attempt waits for a promise, which calls back: to await it
   * takes 100 bytes and 3 to 10 % of the processor time more (W1a, W2-1024).
   */
  private readonly work = (): void => {
    const { attempts, employer, turn } = this
    try {
      while (!this.mustStop) {
        const now = attempts.now()
        const isOver = turn.isOver(now)
        if (isOver && !employer.mayRest(this)) return turn.queue(this.resume)
        const request = isOver ? undefined : employer.take(this, now)
        if (request === undefined) {
          if (!employer.park(this)) continue
          this.wake = this.resume
          return
        }
        this.attempted = true
        let exit: Exit.Exit<unknown, unknown> = Exit.void
        if (attempts.start(this, request, now)) {
          const { batch } = this
          const one = request.payload as TaskCall
          const call = batch === undefined ? one : one.together!(batch.ask())
          try {
            const given = startTask(call, request, (this.attempt = new TaskAttempt(request)), request.asyncContext)
            if (given instanceof Promise) {
              attempts.goOn(this, now)
              this.waitsFor = call
              return void then.call(given, this.onValue, this.onError)
            }
            exit = Exit.succeed(given)
          } catch (error) {
            exit = this.failed(call, error)
          }
          this.attempt = undefined
        }
        attempts.end(this, exit, attempts.now())
      }
    } catch (defect) {
      return this.onEnd(Exit.die(defect))
    }
    this.onEnd(Exit.void)
  }

  private readonly onValue = (value: unknown): void => this.goOn(Exit.succeed(value))
  private readonly onError = (error: unknown): void => this.goOn(this.failed(this.waitsFor!, error))

  /** What comes of an interruption is no failure of its own. */
  private failed(call: Pick<TaskCall, "onFailure">, error: unknown): Exit.Exit<never, unknown> {
    if (!this.stopped) call.onFailure(error)
    return Exit.fail(error)
  }

  private goOn(exit: Exit.Exit<unknown, unknown>): void {
    this.attempt = this.waitsFor = undefined
    try {
      this.attempts.end(this, exit, this.attempts.now())
    } catch (defect) {
      return this.onEnd(Exit.die(defect))
    }
    this.work()
  }
}

/** That of the host: a promise may have another one of its own, which to await would not call. */
const { then } = Promise.prototype
