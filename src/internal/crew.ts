/** Starts, wakes, retires and replaces workers, so that there are as many as were asked for. */
import { Exit, type Scope } from "effect"
import type { WaitingRequests } from "../RequestQueue.ts"
import { inAsyncContext } from "./asyncContext.ts"
import type { Attempts } from "./attempt.ts"
import type { Counters } from "./counters.ts"
import { isDue } from "./deadlines.ts"
import type { Events } from "./events.ts"
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"
import type { Employer, Parts, Worker } from "./worker.ts"

export interface Dependencies {
  readonly hire: (parts: Parts) => Worker
  /** Owns the workers. */
  readonly scope: Scope.Scope
  readonly attempts: Attempts
  readonly counters: Counters
  readonly events: Events
  readonly queue: WaitingRequests
  readonly turn: Turn
  readonly maxStuckWorkers: number
  /** A worker that died has left this request behind. */
  readonly onCrash: (worker: Worker, exit: Exit.Exit<unknown, unknown>) => void
  readonly onWorkerEnded: () => void
  /** The slot that this one has lent is its own again. */
  readonly onReturned: (lender: Worker) => void
  /** A worker may be missing, or may take more than before. */
  readonly onShort: () => void
  /** This one is taken before it has had its place. */
  readonly onReserved: (request: PoolRequest, now: number) => void
  /** This one's expiry has come while it waited, and it was taken out of the queue. */
  readonly onExpired: (request: PoolRequest, now: number) => void
}

/** So many idle workers are woken at once where there are more requests than a turn has time for. */
const fewWorkers = 8
const soon = Promise.resolve()

/**
 * `"elastic"`: as many workers as were asked for. For tests there are workers that run one attempt and end: `"inline"`
 * starts one for each request at once, `"manual"` only by `startOne`.
 */
export type Mode = "elastic" | "inline" | "manual"

export class Crew implements Employer {
  /** Written by `resize` and by whoever changes the bounds. */
  target: number
  /** Written by whoever changes the bounds. */
  maxWorkers: number
  paused = false
  /** While draining nobody retires. */
  draining = false
  readonly mode: Mode
  private readonly pool: Dependencies
  private readonly workers = new Set<Worker>()
  private idle: Array<Worker> = []
  /** Whether those that are idle are being woken for all that waits, a few at a time: see `wakeSome`. */
  private isWaking = false
  private lastId = 0
  private closed = false
  private onShortage: (() => void) | undefined = undefined

  constructor(
    pool: Dependencies,
    { maxWorkers, minWorkers }: { readonly minWorkers: number; readonly maxWorkers: number },
    mode: Mode
  ) {
    this.pool = pool
    this.target = minWorkers
    this.maxWorkers = maxWorkers
    this.mode = mode
  }

  get size(): number {
    return this.workers.size
  }

  get all(): ReadonlyArray<Worker> {
    return [...this.workers]
  }

  /** Starts or retires workers until their number is right. A busy one goes when its attempt is over. */
  adjust(): void {
    if (this.mode !== "elastic") return
    // A worker starts to work at once: what it ends may close the pool before the next one is started.
    while (!this.closed && this.own < this.wanted) this.startOne()
    if (this.closed) return
    let excess = this.excess
    while (excess-- > 0 && this.idle.length > 0) this.wakeNow(this.idle.pop()!)
  }

  /** A request waits: one idle worker is woken for it or, where there is room for one, a worker is started. */
  wake(): void {
    if (this.paused || this.mode === "manual" || this.closed) return
    if (this.idle.length > 0) this.wakeIdle()
    else if (this.mode === "inline" || this.own < this.most) this.startOne()
    else if (this.onShortage !== undefined) this.tellShortage()
  }

  /** Whether `wake` finds somebody. */
  get hasFree(): boolean {
    return this.idle.length > 0 || this.mode === "inline" || this.own < this.most
  }

  /** `listener` hears once when a request waits and no worker is idle: now, or in a turn of its own at the next such request. */
  listen(listener: (() => void) | undefined): void {
    if (listener !== undefined && this.isShort) listener()
    else this.onShortage = listener
  }

  /** Wakes as many workers as there are requests that may start, after a pause. */
  wakeAll(): void {
    this.adjust()
    this.pool.queue.takeFreed()
    if (this.paused) return
    this.wakeFor(this.pool.queue.free)
    this.pool.onShort()
  }

  /** Requests that were held back may start now; `byWorker` of them will be taken by one that looks for work anyway. */
  wakeFreed(byWorker: number): void {
    if (this.pool.queue.fair === undefined) return
    const freed = this.pool.queue.takeFreed() - byWorker
    if (freed > 0) this.wakeFor(freed)
    // A gate may have room for what waits for a slot, with nobody before it.
    this.pool.onShort()
  }

  /** Wakes a worker for each of so many requests, as far as there are workers and requests that may start. */
  private wakeFor(requests: number): void {
    const { queue } = this.pool
    const workers = this.mode === "inline" ? requests : this.idle.length + Math.max(0, this.most - this.own)
    for (let left = Math.min(requests, workers); left > 0 && queue.free > 0; left--) {
      this.wake()
    }
    this.tellShortage()
  }

  /** One more worker, for this request alone, in the slot of an attempt that waits for it. */
  lend(lender: Worker, request: PoolRequest): void {
    this.startOne(undefined, (worker) => {
      worker.isLent = true
      worker.lender = lender
      worker.reserved = request
      lender.borrower = worker
      this.pool.counters.lent++
    })
  }

  /** A lent worker is stuck: it has a slot of its own from now on, which it keeps, and its lender can lend again. */
  keepStuck(worker: Worker): void {
    if (!worker.isLent) return
    this.giveBack(worker)
    worker.isLent = false
    worker.lender = undefined
  }

  /** Whether a slot may be lent. */
  get mayLend(): boolean {
    return !this.paused && !this.closed && this.mode !== "inline"
  }

  /** Whether there are as many workers as there may ever be. */
  get isFull(): boolean {
    return this.own >= this.maxWorkers
  }

  /** One more worker, whatever was asked for. `onEnd` hears of its end. */
  startOne(onEnd?: () => void, prepare?: (worker: Worker) => void): void {
    const { attempts, events, hire, scope, turn } = this.pool
    const worker = hire({ id: ++this.lastId, attempts, employer: this, turn })
    prepare?.(worker)
    this.workers.add(worker)
    attempts.watch(worker)
    events.recorder?.workers(this.workers.size, attempts.now())
    if (events.on) events.publish({ _tag: "WorkerStarted", worker: worker.id })
    const begin = () =>
      worker.begin(scope, (exit) => {
        this.onExit(worker, exit)
        onEnd?.()
      })
    if (this.mode !== "elastic" || worker.isLent || !this.park(worker)) return turn.run(attempts.now(), begin)
    worker.wake = () => {
      worker.wake = undefined
      if (this.mustRetire(worker)) this.onExit(worker, Exit.void)
      else inAsyncContext(undefined, begin)
    }
  }

  /** No worker starts any more; those that are idle end. */
  close(): void {
    this.closed = true
    for (const worker of this.idle.splice(0)) this.wakeNow(worker)
  }

  /** Never one whose time is over, though its expiry has not come up yet. */
  take(worker: Worker, now: number): PoolRequest | undefined {
    if (worker.isLent) return this.takeReserved(worker, now)
    if (this.paused || this.closed) return undefined
    for (;;) {
      const request = this.pool.queue.take(now)
      // All that waits is held back: one that is there for one attempt does not stand by for it.
      if (request === undefined && this.mode !== "elastic") worker.attempted = true
      if (request === undefined || !isDue(request.expiresAt, now)) return request
      this.pool.onExpired(request, now)
    }
  }

  /** The one that it is there for, wherever that waits; `undefined`: it waits no more. */
  private takeReserved(worker: Worker, now: number): PoolRequest | undefined {
    const { queue } = this.pool
    const request = worker.reserved
    worker.reserved = undefined
    if (request === undefined || this.paused || this.closed) return undefined
    if (request.phase === "blocked") this.pool.onReserved(request, now)
    if (request.phase !== "waiting" || queue.isHeldBack(request, now)) return undefined
    if (!isDue(request.expiresAt, now)) {
      queue.takeOut(request, now)
      return request
    }
    queue.withdraw(request, now)
    this.pool.onExpired(request, now)
    return undefined
  }

  mustRetire(worker: Worker): boolean {
    if (this.closed) return true
    if (worker.isLent) return worker.reserved === undefined
    return this.mode === "elastic" ? this.excess > 0 : worker.attempted
  }

  park(worker: Worker): boolean {
    if (this.mustRetire(worker)) return false
    if (this.pool.queue.free > 0 && !this.paused) {
      if (!this.pool.turn.isSpent) return false
      this.wakeLater()
    }
    this.idle.push(worker)
    return true
  }

  /** Wakes one that is idle, unless they are woken in their turn anyway. */
  private wakeIdle(): void {
    if (this.isWaking) return
    const now = this.pool.attempts.now()
    if (this.pool.turn.isOver(now)) this.wakeLater()
    else this.wakeNow(this.idle.pop()!, now)
  }

  /** Those that are idle are woken in a turn that has time, for whatever waits then. */
  private wakeLater(): void {
    if (this.isWaking) return
    this.isWaking = true
    this.pool.turn.queue(this.wakeSome)
  }

  /**
   * A few at a time. What these start may have ended before the next ones are woken, and then they take the next requests
   * themselves: where handlers wait but for a microtask few workers do all of it, and their memory stays in the cache (W9-workers).
   */
  private readonly wakeSome = (): void => {
    const { attempts, queue, turn } = this.pool
    const now = attempts.now()
    if (turn.isOver(now)) return turn.queue(this.wakeSome)
    this.isWaking = !this.paused && !this.closed
    for (let left = fewWorkers; this.isWaking && left > 0; left--) {
      if (queue.free === 0 || this.idle.length === 0) this.isWaking = false
      else this.wakeNow(this.idle.pop()!, now)
    }
    if (this.isWaking) void soon.then(this.wakeSome)
    // Where none is idle another one may be started, or somebody told that there are too few.
    else if (!this.paused && !this.closed) this.wakeFor(queue.free)
  }


  mayRest(worker: Worker): boolean {
    return this.mode === "elastic" && !worker.isLent
  }

  /** Workers that are one too many and go when their attempt is over. */
  get retiring(): number {
    return this.mode === "elastic" ? Math.max(0, this.own - this.wanted) : 0
  }

  /** Without those that run in the slot of another one. */
  private get own(): number {
    return this.workers.size - this.pool.counters.lent
  }

  /** A drain may use as many as the bounds allow: there is nobody to ask for more. */
  private get most(): number {
    return this.draining ? Math.max(this.wanted, this.maxWorkers) : this.wanted
  }

  /** While anything waits and may start there is at least one worker, whatever was asked for. */
  private get wanted(): number {
    const { counters, maxStuckWorkers, queue } = this.pool
    // It is asked for each request that has to wait.
    const asked = this.target > 0 ? this.target : queue.free > 0 && !this.paused ? 1 : 0
    return counters.stuck === 0 ? asked : asked + Math.min(counters.stuck, maxStuckWorkers)
  }

  private get excess(): number {
    return this.draining ? 0 : this.own - this.wanted
  }

  private tellShortage(): void {
    if (this.onShortage === undefined || !this.isShort) return
    this.pool.turn.defer(this.onShortage)
    this.onShortage = undefined
  }

  private get isShort(): boolean {
    return !this.paused && this.idle.length === 0 && this.pool.queue.free > 0
  }

  private wakeNow(worker: Worker, now = this.pool.attempts.now()): void {
    this.pool.turn.run(now, () => worker.wake?.())
  }

  private onExit(worker: Worker, exit: Exit.Exit<unknown, unknown>): void {
    if (worker.request !== undefined) this.pool.onCrash(worker, exit)
    this.workers.delete(worker)
    this.pool.attempts.unwatch(worker)
    const at = this.idle.indexOf(worker)
    if (at >= 0) this.idle.splice(at, 1)
    this.pool.events.recorder?.workers(this.workers.size, this.pool.attempts.now())
    if (this.pool.events.on) this.pool.events.publish({ _tag: "WorkerEnded", worker: worker.id })
    if (worker.isLent) this.giveBack(worker)
    for (const listener of worker.onExit.splice(0)) listener()
    // Whoever stops an attempt may be about to stop what waits as well: that must not be started in between.
    if (worker.stopped) this.pool.turn.defer(this.refill)
    else this.refill()
    this.pool.onWorkerEnded()
  }

  private giveBack(worker: Worker): void {
    const { lender } = worker
    this.pool.counters.lent--
    if (lender === undefined) return
    lender.borrower = undefined
    // As with those that wait for a worker: whoever stops one may be about to stop the others.
    if (worker.stopped) this.pool.turn.defer(() => this.pool.onReturned(lender))
    else this.pool.onReturned(lender)
  }

  private readonly refill = (): void => {
    this.adjust()
    // The wake-up of one that has ended may have gone with it.
    if (this.pool.queue.free > 0) this.wake()
    this.pool.onShort()
  }
}
