/** The workers that have nothing to do, and how they are woken. The last that became idle comes first: what it has is still in the cache. */
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Turn } from "./runtime.ts"
import type { Worker } from "./worker.ts"

export interface Dependencies {
  readonly now: () => number
  readonly queue: Pick<WaitingRequests, "free" | "hasRoomForAny">
  readonly turn: Turn
  /** Whether somebody may be woken for what waits. */
  readonly mayWake: () => boolean
  /** The waking is over: none of them is left now, nothing waits any more that may start, or nobody may be woken. */
  readonly onWoken: () => void
}

/** So many are woken at once where more waits than one turn has time for. */
const few = 8
const soon = Promise.resolve()

export class IdleWorkers {
  private readonly pool: Dependencies
  private readonly workers: Array<Worker> = []
  /** Whether they are being woken, a few at a time, for all that waits. Whatever comes meanwhile needs nobody of its own. */
  isWaking = false
  private onShortage: (() => void) | undefined = undefined

  constructor(pool: Dependencies) {
    this.pool = pool
  }

  get size(): number {
    return this.workers.length
  }

  add(worker: Worker): void {
    this.workers.push(worker)
  }

  remove(worker: Worker): void {
    const at = this.workers.indexOf(worker)
    if (at >= 0) this.workers.splice(at, 1)
  }

  /** Wakes one of them, whether anything waits or not. There must be one. */
  wakeOne(now = this.pool.now()): void {
    const worker = this.workers.pop()!
    this.pool.turn.run(now, () => worker.wake?.())
  }

  /** Wakes one of them for a request that waits: now, or in a turn that has time. There must be one. */
  wake(): void {
    if (this.isWaking) {
      this.tellShortage()
      // What comes meanwhile needs nobody of its own, unless the queue may be full with it: nothing is refused while a worker is idle.
      if (this.pool.queue.hasRoomForAny) return
    }
    const now = this.pool.now()
    if (this.pool.turn.isOver(now)) this.wakeLater()
    else this.wakeOne(now)
  }

  /** Wakes as many of them as there are requests that wait then, in a turn that has time. */
  wakeLater(): void {
    if (this.isWaking) return
    this.isWaking = true
    this.pool.turn.queue(this.wakeSome)
  }

  /**
   * A few at a time. Attempts of these may have ended before the next ones are woken: they then take the next requests themselves.
   * So where handlers wait but for a microtask few workers do all of it, and not each of them one request in each turn: with
   * 10,000 workers that took half of the time (W9-workers).
   */
  private readonly wakeSome = (): void => {
    const { mayWake, now, onWoken, queue, turn } = this.pool
    const time = now()
    if (turn.isOver(time)) return turn.queue(this.wakeSome)
    for (let left = few; left > 0; left--) {
      if (this.size === 0 || queue.free === 0 || !mayWake()) {
        this.isWaking = false
        return onWoken()
      }
      this.wakeOne(time)
    }
    void soon.then(this.wakeSome)
  }

  /** `listener` hears once when a request waits and none is idle: now, or when `tellShortage` finds that. */
  listen(listener: (() => void) | undefined): void {
    if (listener !== undefined && this.isShort) listener()
    else this.onShortage = listener
  }

  tellShortage(): void {
    if (this.onShortage === undefined || !this.isShort) return
    this.pool.turn.defer(this.onShortage)
    this.onShortage = undefined
  }

  /** Of those that are being woken each is one request's: they are no longer idle for what is more than they are. */
  private get isShort(): boolean {
    return this.pool.mayWake() && (this.size === 0 || this.isWaking) && this.pool.queue.free > this.size
  }
}
