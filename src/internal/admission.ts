/** The door of the pool: who is let in, who has to wait outside, and what happens to those who give up. */
import { Effect, type Exit } from "effect"
import type { CircuitOpen, PoolDraining, SubmitError } from "../PoolError.ts"
import { needsNone } from "../queue/early.ts"
import { takeBack, takeOver } from "../queue/replacing.ts"
import type { Offered, WaitingRequests } from "../RequestQueue.ts"
import type { Attempts } from "./attempt.ts"
import { refusedByBreaker } from "./circuitOpen.ts"
import type { Counters } from "./counters.ts"
import type { Crew } from "./crew.ts"
import type { Deadlines } from "./deadlines.ts"
import type { Events } from "./events.ts"
import { cancelledExit, expiredExit, fullOfKey, interruptedExit, replacedExit } from "./exits.ts"
import { Refusals } from "./refusals.ts"
import { countRefused } from "./refused.ts"
import type { Canceller, Details, PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"
import { expireAfter } from "./scheduled.ts"
import type { Settle } from "./settle.ts"
import { evict } from "./shedding.ts"
import { requestsOf, workerOf } from "./worker.ts"

export interface Dependencies {
  readonly name: string
  readonly maxScheduled: number
  readonly now: () => number
  readonly attempts: Attempts
  readonly counters: Counters
  readonly crew: Crew
  readonly deadlines: Deadlines
  readonly events: Events
  readonly queue: WaitingRequests
  readonly settle: Settle
  readonly turn: Turn
  readonly isOpen: () => boolean
  /** Whether a request is let in that an accepted one asks for within its attempt, though others are not. */
  readonly letsIn: (request: PoolRequest) => boolean
}

type Refused = Exit.Exit<never, SubmitError>

export class Admission implements Canceller {
  private readonly pool: Dependencies
  private readonly refusals: Refusals

  constructor(pool: Dependencies) {
    this.pool = pool
    this.refusals = new Refusals(pool)
  }

  /** Answers why the request was refused. Otherwise it is in the queue, or its caller blocked; it may even have ended. */
  enter(request: PoolRequest): Refused | undefined {
    const onEnter = request.details?.onEnter
    if (onEnter !== undefined) return onEnter(request)
    const refusal = this.letIn(request)
    if (request.phase === "waiting") {
      // Its attempt may begin before its caller has suspended.
      if (this.pool.crew.hasFree) request.keepAsyncContext()
      this.wake()
    }
    return refusal
  }

  /**
   * The same for one of many: no worker is woken, whoever calls does that for all of them. One that runs what comes and
   * parks again between any two costs 1.6 times as much (W1p).
   */
  enterAsleep(request: PoolRequest): Refused | undefined {
    // Not refused for want of a place that a worker would have made.
    if (!this.pool.queue.hasRoom) {
      this.pool.crew.wakeAll()
      request.since = this.pool.now()
    }
    const onEnter = request.details?.onEnter
    return onEnter === undefined ? this.letIn(request) : onEnter(request)
  }

  /** Why nobody is let in now, and counts that. */
  refuseDraining(request: PoolRequest): Exit.Exit<never, PoolDraining> | undefined {
    const { isOpen, letsIn } = this.pool
    if (isOpen() || letsIn(request)) return undefined
    countRefused(this.pool, request, "refusedDraining")
    return this.refusals.draining
  }

  /** The same for one that is not there yet: what it is for may fail just now. */
  turnAway(request: PoolRequest): Refused | undefined {
    const { queue } = this.pool
    const away = this.refuseDraining(request)
    if (away !== undefined) return away
    const open = queue.fair === undefined ? undefined : refusedByBreaker(queue, request)
    if (open === undefined) return undefined
    countRefused(this.pool, request, "refusedOpen")
    request.route.counts.needless++
    return open
  }

  private letIn(request: PoolRequest): Refused | undefined {
    const { queue } = this.pool
    const away = this.turnAway(request)
    if (away !== undefined) return away
    request.route.counts.offered++
    const offered = queue.offer(request)
    if (offered === "full") {
      this.pool.events.recorder?.unaccepted(request, "refusedFull", request.since)
      if (queue.refusesEarly(request)) return this.refusals.fullOfEarly
      return queue.hasRoom ? fullOfKey(request, queue.capacity) : this.refusals.full
    }
    this.onOffered(request, offered)
    return undefined
  }

  /** In the place of others that no attempt runs of: the first one's is taken, and all of them end. Nothing can be in the way. */
  enterInPlaceOf(before: ReadonlyArray<PoolRequest>, request: PoolRequest): void {
    const { counters, queue } = this.pool
    const [first, ...others] = before
    request.route.counts.offered++
    needsNone(first!)
    takeOver(queue, counters, first!, request, request.since)
    this.onOffered(request, request.phase === "blocked" ? "blocked" : "accepted")
    this.end(first!, "cancelled", replacedExit(first!, request), request.since)
    this.giveWay(others, request)
    if (request.phase === "waiting") this.wake()
  }

  /** Those that no attempt runs of give way to another one of their identity. */
  giveWay(requests: ReadonlyArray<PoolRequest>, by: PoolRequest): void {
    takeBack(this.pool.queue, requests, this.pool.now())
    for (const request of requests) {
      if (request.phase === "running" || request.phase === "ended") continue
      needsNone(request)
      this.remove(request, "cancelled", replacedExit(request, by), this.pool.now())
    }
  }

  /** Neither refused nor, if it was accepted, waited for. */
  private onOffered(request: PoolRequest, offered: Exclude<Offered, "full">): void {
    const { policy, since: now } = request
    if (policy.expiresInMillis !== Infinity) this.setExpiry(request, now)
    const { details } = request
    if (details !== undefined) {
      details.group?.add(request)
      if (offered !== "blocked") this.onPlaced(request, details, now)
    }
    if (typeof offered !== "string") {
      // Whoever hears of it may let this one begin.
      request.keepAsyncContext()
      evict(this.pool, offered, now)
    }
  }

  /** Apart: whoever has a closure to make makes room for what it holds, though it makes none. That is 48 bytes a request (W1). */
  private setExpiry(request: PoolRequest, now: number): void {
    expireAfter(this.pool.deadlines, request, now, (now) => this.expire(request, now))
  }

  private onPlaced(request: PoolRequest, details: Details, now: number): void {
    details.spans?.onAccepted(request)
    if (request.phase === "delayed") this.pool.attempts.holdUntilStart(request, now)
    else details.onPlaced?.(now)
  }

  /** Places have become free: blocked callers move up, while the pool takes anybody in. */
  readonly onPlace = (): void => {
    if (!this.pool.isOpen()) return
    let request: PoolRequest | undefined
    while ((request = this.pool.queue.admit(this.pool.now)) !== undefined) {
      this.tellAccepted(request)
      this.wake()
    }
  }

  /** What is held back needs no worker. */
  private wake(): void {
    if (this.pool.queue.free > 0) this.pool.crew.wake()
  }

  /** A worker is there for this blocked one. */
  admitAtOnce(request: PoolRequest, now: number): void {
    this.pool.queue.admitAtOnce(request, now)
    this.tellAccepted(request)
  }

  private tellAccepted(request: PoolRequest): void {
    const { details } = request
    if (details !== undefined) this.onPlaced(request, details, this.pool.now())
    const onAccepted = details?.onAccepted
    if (onAccepted !== undefined) this.pool.turn.run(this.pool.now(), onAccepted)
  }

  /** The caller gives up. What waits is withdrawn; what runs is settled at once and then interrupted. */
  cancel(request: PoolRequest): "withdrawn" | "interrupting" | "settled" {
    if (request.phase === "ended") return "settled"
    const running = request.phase === "running"
    this.remove(request, "cancelled", cancelledExit(request), this.pool.now())
    return running ? "interrupting" : "withdrawn"
  }

  /** The same, and then waits for the attempt's finalizers until the attempt counts as stuck. */
  cancelAndWait(request: PoolRequest): Effect.Effect<void> {
    // One step: between a look at the worker and the wait for it, the attempt could end.
    return Effect.callback((resume) => {
      const worker = workerOf(request)
      this.cancel(request)
      if (worker?.state === "ending" && requestsOf(worker).includes(request)) {
        worker.onRelease(() => this.pool.turn.run(this.pool.now(), () => resume(Effect.void)))
      } else resume(Effect.void)
    })
  }

  /** The drain's turn to stop a request. */
  interrupt(request: PoolRequest, now: number): void {
    const { phase } = request
    if (phase === "blocked") {
      this.pool.queue.withdraw(request, now)
      this.leave(request, this.refusals.draining, "refusedDraining")
    } else if (phase !== "ended" && phase !== "offered") {
      this.remove(request, "interrupted", interruptedExit(request, phase), now)
    }
  }

  /** A breaker has opened while this one was blocked. */
  refuseOpen(request: PoolRequest, exit: Exit.Exit<never, CircuitOpen>): void {
    request.route.counts.needless++
    this.pool.queue.withdraw(request, this.pool.now())
    this.leave(request, exit, "refusedOpen")
  }

  private expire(request: PoolRequest, now: number): void {
    const { attempts } = this.pool
    const worker = workerOf(request)
    if (worker !== undefined && attempts.isTimeoutDue(worker, now)) attempts.onDeadline(worker, now)
    if (request.phase === "ended") return
    this.remove(request, "expired", expiredExit(request), now)
  }

  /** The same for one that a worker has just taken out of the queue. */
  expireTaken(request: PoolRequest, now: number): void {
    this.pool.settle(request, "expired", expiredExit(request), now)
    this.onPlace()
  }

  /** What waits, or will again, gets its place by another priority. `false`: it runs, or has ended. */
  setPriority(request: PoolRequest, priority: number): boolean {
    if (["running", "ended", "offered"].includes(request.phase)) return false
    this.pool.queue.setPriority(request, priority, this.pool.now())
    this.onFreed()
    return true
  }

  /** One that has gone may have stood before others. */
  private onFreed(): void {
    this.pool.crew.wakeFreed(0)
  }

  private remove(
    request: PoolRequest,
    end: "expired" | "cancelled" | "interrupted",
    exit: Exit.Exit<never, unknown>,
    now: number
  ): void {
    if (request.phase === "running") return this.pool.attempts.endRunning(request, end, exit, now)
    this.pool.queue.withdraw(request, now)
    this.end(request, end, exit, now)
  }

  /** It is out of its place. */
  private end(
    request: PoolRequest,
    end: "expired" | "cancelled" | "interrupted",
    exit: Exit.Exit<never, unknown>,
    now: number
  ): void {
    if (request.phase === "blocked") return this.leave(request, exit, "abandoned")
    this.pool.settle(request, end, exit, now)
    this.onFreed()
    this.onPlace()
  }

  /** A blocked caller goes away, and has left the door. It was never accepted, so it has no outcome. */
  private leave(
    request: PoolRequest,
    exit: Exit.Exit<never, unknown>,
    counter: "abandoned" | "refusedDraining" | "refusedOpen"
  ): void {
    this.pool.counters[counter]++
    this.pool.events.recorder?.unaccepted(request, counter, this.pool.now())
    const expiry = request.details?.expiry
    if (expiry !== undefined) this.pool.deadlines.clear(expiry)
    request.phase = "ended"
    request.exit = exit
    this.pool.turn.tell(request)
  }
}
