/** Starts, wakes, retires and replaces workers, so that there are as many as were asked for. */
import { Exit } from "effect"
import { inAsyncContext } from "./asyncContext.ts"
import type { CrewNeeds } from "./crewNeeds.ts"
import { isDue } from "./deadlines.ts"
import { IdleWorkers } from "./idle.ts"
import type { PoolRequest } from "./request.ts"
import type { Employer, Worker } from "./worker.ts"

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
  private readonly pool: CrewNeeds
  private readonly workers = new Set<Worker>()
  private readonly idle: IdleWorkers
  private lastId = 0
  private closed = false

  constructor(
    pool: CrewNeeds,
    { maxWorkers, minWorkers }: { readonly minWorkers: number; readonly maxWorkers: number },
    mode: Mode
  ) {
    this.pool = pool
    this.target = minWorkers
    this.maxWorkers = maxWorkers
    this.mode = mode
    this.idle = new IdleWorkers({
      now: pool.attempts.now,
      queue: pool.queue,
      turn: pool.turn,
      mayWake: () => !this.paused && !this.closed,
      onWoken: () => {
        // What one has parked for may have gone since, and with it the need for that worker.
        this.adjust()
        this.wakeFor(pool.queue.free)
      }
    })
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
    while (excess-- > 0 && this.idle.size > 0) this.idle.wakeOne()
  }

  /** A request waits: one idle worker is woken for it or, where there is room for one, a worker is started. */
  wake(): void {
    if (this.paused || this.mode === "manual" || this.closed) return
    if (this.idle.size > 0) this.idle.wake()
    else if (this.mode === "inline" || this.own < this.most) this.startOne()
    else this.idle.tellShortage()
  }

  /** Whether `wake` may find somebody at once. */
  get hasFree(): boolean {
    return (this.idle.size > 0 && !this.idle.isWaking) || this.mode === "inline" || this.own < this.most
  }

  /** `listener` hears once when a request waits and no worker is idle: now, or in a turn of its own at the next such request. */
  listen(listener: (() => void) | undefined): void {
    this.idle.listen(listener)
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
    const workers = this.mode === "inline" ? requests : this.idle.size + Math.max(0, this.most - this.own)
    for (let left = Math.min(requests, workers); left > 0 && queue.free > 0; left--) this.wake()
    this.idle.tellShortage()
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
    // One for which there is nothing to do yet begins when it is woken. Fibers of thousands, made at once, have the host put what
    // later fibers are made of where only a full collection finds it (W9-workers).
    if (!this.mayRest(worker) || !this.park(worker)) return turn.run(attempts.now(), begin)
    worker.wake = () => {
      worker.wake = undefined
      if (this.mustRetire(worker)) this.onExit(worker, Exit.void)
      else inAsyncContext(undefined, begin)
    }
  }

  /** No worker starts any more; those that are idle end. */
  close(): void {
    this.closed = true
    while (this.idle.size > 0) this.idle.wakeOne()
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

  mayRest(worker: Worker): boolean {
    return this.mode === "elastic" && !worker.isLent
  }

  park(worker: Worker): boolean {
    if (this.mustRetire(worker)) return false
    if (this.pool.queue.free > 0 && !this.paused) {
      if (!this.pool.turn.isSpent) return false
      this.idle.wakeLater()
    }
    this.idle.add(worker)
    return true
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

  private onExit(worker: Worker, exit: Exit.Exit<unknown, unknown>): void {
    if (worker.request !== undefined) this.pool.onCrash(worker, exit)
    this.workers.delete(worker)
    this.pool.attempts.unwatch(worker)
    this.idle.remove(worker)
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
