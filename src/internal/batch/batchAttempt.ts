/**
 * The attempt of a batch. It is one for its worker, and one for each of its requests: each of these has an end of its own, and the
 * attempt is interrupted when nobody waits for it any more.
 */
import { Cause, Exit, Result } from "effect"
import { instructionOf } from "../../NotBefore.ts"
import type { End } from "../../Outcome.ts"
import { RequestTimeout } from "../../PoolError.ts"
import type { WaitingRequests } from "../../RequestQueue.ts"
import { answerOf, answersOf } from "./answers.ts"
import { Batch } from "./batch.ts"
import type { Counters } from "../counters.ts"
import type { Deadlines } from "../deadlines.ts"
import type { PoolRequest } from "../request.ts"
import type { FailureKind } from "../retry.ts"
import { withoutStack } from "../runtime.ts"
import type { Settle } from "../settle.ts"
import type { Worker } from "../worker.ts"

export interface Dependencies {
  readonly counters: Counters
  readonly deadlines: Deadlines
  readonly queue: WaitingRequests
  readonly settle: Settle
  readonly onStuck: (worker: Worker, request: PoolRequest) => void
  readonly onFreed: (byWorker: number) => void
  readonly onHostEnded: (worker: Worker) => void
}

/** What becomes of one request is the same whether it was in a batch or not. */
export interface Steps {
  succeed(request: PoolRequest, answer: Exit.Exit<unknown, unknown>, millis: number, now: number): void
  fail(worker: Worker, request: PoolRequest, exit: Exit.Failure<unknown, unknown>, now: number): void
  again(
    request: PoolRequest,
    exit: Exit.Exit<unknown, unknown>,
    delayMillis: number | undefined,
    end: "failed" | "timedOut",
    now: number
  ): void
  retryDelay(request: PoolRequest, kind: FailureKind, error: unknown, now: number): number | undefined
  interrupt(worker: Worker, now: number): void
}

export class BatchAttempts {
  private readonly pool: Dependencies
  private readonly steps: Steps

  constructor(pool: Dependencies, steps: Steps) {
    this.pool = pool
    this.steps = steps
  }

  /** The attempt of the first begins: that of those that came along with it does too. */
  join(worker: Worker, first: PoolRequest, now: number): void {
    const { counters, queue } = this.pool
    const along = queue.fair!.gates.batches.takeAlong()
    if (along.length === 0) return
    worker.batch = new Batch([first, ...along])
    counters.running += along.length
    counters.batched += along.length
    counters.attempts += along.length
    for (const request of along) {
      request.details?.spans?.onAttempt()
      request.elapse(now)
      request.phase = "running"
      request.worker = worker
      const isRetry = ++request.attempts > 1
      if (isRetry) counters.retries++
      request.route.counts.startAlong(now, isRetry)
    }
  }

  end(worker: Worker, batch: Batch, exit: Exit.Exit<unknown, unknown>, now: number): void {
    const { counters, deadlines, onFreed, onHostEnded, queue } = this.pool
    const { startedAt, state } = worker
    const [first, ...along] = batch.members as [PoolRequest]
    deadlines.clear(worker.deadline)
    first.route.counts.end(startedAt, now)
    worker.request = undefined
    worker.state = "idle"
    batch.isOver = true
    if (state === "ending") counters.ending--
    else if (state === "stuck") counters.stuck--
    // From here on those whose end is still to be told keep no worker.
    else counters.batched++
    const exits = exitsOf(batch, exit)
    for (const request of along) queue.fair!.gates.endAlong(request, exits.get(request), now)
    // One attempt was started: its time is that of its key, once.
    queue.fair!.gates.judge(first, exits.get(first), true, now)
    queue.ended(first, now - startedAt, now)
    if (worker.hosting !== undefined) onHostEnded(worker)
    if (batch.live > 0) this.tell(worker, batch, exits, (now - startedAt) / batch.members.length, now)
    worker.batch = undefined
    for (const request of batch.members) if (request.worker === worker) request.worker = undefined
    onFreed(1)
    worker.release()
  }

  /** Each gets what is for it. */
  private tell(worker: Worker, batch: Batch, exits: Exits, millis: number, now: number): void {
    const { delays, members } = batch
    if (delays !== undefined) {
      for (const request of members) {
        if (this.leave(worker, batch, request))
          this.steps.again(request, request.exit!, delays.get(request), "timedOut", now)
      }
      return
    }
    const tellOne = (request: PoolRequest, exit: Exit.Exit<unknown, unknown>): void => {
      if (!this.leave(worker, batch, request)) return
      if (exit._tag === "Success") this.steps.succeed(request, exit, millis, now)
      else this.steps.fail(worker, request, exit, now)
    }
    const backward: Array<[PoolRequest, Exit.Exit<unknown, unknown>]> = []
    for (const [request, exit] of exits) {
      // Each goes before those that wait: the first of them goes last, so that they stand as they did.
      if (goesBack(exit)) backward.push([request, exit])
      else tellOne(request, exit)
    }
    for (const [request, exit] of backward.toReversed()) tellOne(request, exit)
  }

  /** It is about to get its end, or another attempt. `false`: it has its end. */
  private leave(worker: Worker, batch: Batch, request: PoolRequest): boolean {
    if (request.phase !== "running" || request.worker !== worker) return false
    request.worker = undefined
    batch.live--
    this.pool.counters.batched--
    return true
  }

  /** Ends one of them now. The others go on; the attempt of the last is interrupted. */
  endOne(worker: Worker, batch: Batch, request: PoolRequest, end: End, exit: Exit.Exit<never, unknown>, now: number) {
    const { counters, settle } = this.pool
    const isLast = --batch.live === 0 && !batch.isOver
    if (isLast) {
      batch.last = request
      worker.state = "ending"
      counters.ending++
    } else {
      counters.batched--
      if (!batch.isOver) this.pool.queue.fair!.gates.batches.handOn(request, batch.members)
    }
    settle(request, end, exit, now)
    // A listener may have let the attempt end by itself.
    if (isLast && worker.batch === batch && !worker.stopped) this.steps.interrupt(worker, now)
  }

  onDeadline(worker: Worker, batch: Batch, now: number): void {
    if (worker.stopped) this.giveUp(worker, batch, now)
    else this.timeOut(worker, batch, now)
  }

  /** Its time is over: for each of them that is a timeout of its own. */
  private timeOut(worker: Worker, batch: Batch, now: number): void {
    const { timeoutMillis } = batch
    const delays = new Map<PoolRequest, number>()
    const live = batch.members.filter(({ phase }) => phase === "running")
    for (const request of live) {
      // Whoever was asked may have given up others.
      if (request.phase !== "running") continue
      const { attempts: attempt, route, tag } = request
      route.counts.timedOut++
      const error = withoutStack(() => new RequestTimeout({ tag, attempt, timeoutMillis }))
      const exit = (request.exit = Exit.fail(error))
      this.pool.queue.fair!.gates.judge(request, exit, false, now)
      const delayMillis = this.steps.retryDelay(request, "timeout", error, now)
      if (delayMillis !== undefined) delays.set(request, delayMillis)
    }
    if (batch.isOver || worker.stopped) return
    batch.delays = delays
    for (const request of live) {
      if (request.phase === "running" && request.worker === worker && !delays.has(request))
        this.endOne(worker, batch, request, "timedOut", request.exit as Exit.Exit<never, unknown>, now)
    }
    if (batch.live === 0 || batch.isOver || worker.stopped) return
    batch.last = live.find((request) => delays.has(request) && request.phase === "running")
    this.steps.interrupt(worker, now)
  }

  /** It ignores its interruption: whoever waits for another attempt waits no more. */
  private giveUp(worker: Worker, batch: Batch, now: number): void {
    const { counters, onStuck, settle } = this.pool
    batch.isOver = true
    batch.delays = new Map()
    counters.stuck++
    if (worker.state === "ending") counters.ending--
    else counters.batched++
    worker.state = "stuck"
    for (const request of batch.members) {
      const { exit } = request
      if (this.leave(worker, batch, request)) settle(request, "timedOut", exit!, now)
    }
    onStuck(worker, batch.members[0]!)
    worker.release()
  }
}

type Exits = ReadonlyMap<PoolRequest, Exit.Exit<unknown, unknown>>

/** What the exit of the attempt is for each that its handler was given. */
const exitsOf = ({ asked }: Batch, exit: Exit.Exit<unknown, unknown>): Exits => {
  const { tag } = asked[0]!
  const answers = exit._tag === "Success" ? answersOf(exit.value, asked.length, tag) : exit
  const exitAt = (at: number): Exit.Exit<unknown, unknown> => {
    const given = Exit.isExit(answers) ? answers : answers[at]!
    return given._tag === "Success" ? answerOf(given, tag) : given
  }
  return new Map(asked.map((request, at) => [request, exitAt(at)]))
}

/** Whether it was no attempt, and the request waits before all others. */
const goesBack = (exit: Exit.Exit<unknown, unknown>): boolean => {
  if (exit._tag === "Success") return false
  const error = Cause.findError(exit.cause)
  return Result.isSuccess(error) && instructionOf(error.success)?.countsAsAttempt === false
}
