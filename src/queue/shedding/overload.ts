/**
 * Whether a pool has too much to do, and who is given up then: controlled delay (Nichols and Jacobson, 2012) with adaptive
 * last-in-first-out (Maurer, "Fail at Scale", 2015). What waits for too long would be answered too late: it is answered at once
 * instead, and workers do what is still of use.
 */
import type { Discipline } from "../../Discipline.ts"
import { isDue } from "../../internal/deadlines.ts"
import type { PoolRequest } from "../../internal/request.ts"
import type { Crowd } from "./crowd.ts"
import { Heap } from "../heap.ts"
import type { Alarm } from "../parking.ts"

/** So many looks in one step: they take milliseconds. */
const mostLooks = 1000

/** What it is told by whom, and tells. */
export interface Hooks {
  /** Rings when somebody may have waited for too long. */
  readonly alarm: Alarm
  /** This one was taken out, and is to be ended. Whoever hears of that may do anything to the queue. */
  readonly shed: (request: PoolRequest, now: number) => void
  readonly onOverloaded: () => void
  readonly onRecovered: () => void
}

/** Where the crowds stand. */
export interface Crowds {
  /** Zero: nothing could start. */
  readonly free: number
  take(now: number): PoolRequest | undefined
  remove(request: PoolRequest, now: number): void
  /**
   * Whether this one, which has waited for longest of its crowd, and for too long, is to be given up for that. It may find out that the
   * crowd is held back.
   */
  sheds(request: PoolRequest, now: number): boolean
}

export class Overload {
  private readonly targetMillis: number
  private readonly intervalMillis: number
  /** Those of which some could start. */
  private readonly watched = new Heap<Crowd>((a, b) => a.lookAt < b.lookAt)
  private overloaded = 0
  /** Since when some have been watched without a break: as long as that no worker has had nothing to do. */
  private busySince = 0
  private isPaused = false
  private isShedding = false
  private alarmAt = Infinity
  private hooks: Hooks | undefined = undefined
  private crowds: Crowds | undefined = undefined

  constructor({ intervalMillis, targetMillis }: Discipline["shedding"]) {
    this.targetMillis = targetMillis
    this.intervalMillis = intervalMillis
  }

  /** Whether any of its crowds has too much to do now. */
  get isOverloaded(): boolean {
    return this.overloaded > 0
  }

  /** Before the first request comes. */
  connect(hooks: Hooks): void {
    this.hooks = hooks
  }

  /** From now on the crowds stand here. */
  stand(crowds: Crowds): void {
    this.crowds = crowds
  }

  /**
   * Some of it could start, from now on. Whatever has been there all the time, there is too much to do: of many keys none need have more
   * than one that waits.
   */
  begin(crowd: Crowd, now: number): void {
    if (this.watched.size === 0) this.busySince = now
    const overloadedAt = this.busySince + this.intervalMillis
    crowd.freeSince = now
    crowd.lookAt = crowd.isOverloaded || isDue(overloadedAt, now) ? now + this.targetMillis : overloadedAt
    if (crowd.heapAt < 0) this.watched.push(crowd)
    else this.watched.changed(crowd)
    this.setAlarm(now)
  }

  /** Nothing of it could. That all of it was given up is no end of the overload: no worker had time for it. */
  end(crowd: Crowd, now: number): void {
    if (crowd.heapAt < 0) return
    if (this.isShedding && crowd.size === 0) this.lookAgain(crowd, now + this.intervalMillis)
    else this.forget(crowd)
  }

  /** The next to run, once those are given up that have waited for too long. `undefined` though some are free: see `pass`. */
  take(now: number): PoolRequest | undefined {
    if (!this.pass(now)) return undefined
    const request = this.crowds!.take(now)
    // A worker has found nothing to do.
    if (request === undefined && this.overloaded > 0 && this.crowds!.free === 0) {
      for (const crowd of Array.from(this.watched)) this.forget(crowd)
    }
    return request
  }

  /** Gives up who has waited for too long. `false`: there are so many that the host is to have a turn before the others. */
  private pass(now: number): boolean {
    let looks = 0
    for (let crowd = this.due(now); crowd !== undefined; crowd = this.due(now)) {
      if (looks++ === mostLooks) break
      this.look(crowd, now)
    }
    this.setAlarm(now)
    return looks <= mostLooks
  }

  /** The alarm has rung. */
  onAlarm(now: number): void {
    this.alarmAt = Infinity
    this.pass(now)
  }

  /** Nothing starts, for a reason: that is no overload. */
  pause(): void {
    this.isPaused = true
    for (const crowd of Array.from(this.watched)) {
      if (crowd.size === 0) this.forget(crowd)
      else this.recover(crowd)
    }
    this.clearAlarm()
  }

  /** What has waited meanwhile begins to wait. */
  resume(now: number): void {
    if (!this.isPaused) return
    this.isPaused = false
    const all = Array.from(this.watched)
    for (const crowd of all) this.watched.remove(crowd)
    for (const crowd of all) this.begin(crowd, now)
  }

  private due(now: number): Crowd | undefined {
    const { first } = this.watched
    return first !== undefined && isDue(first.lookAt, now) && !this.isPaused ? first : undefined
  }

  private look(crowd: Crowd, now: number): void {
    if (!crowd.isOverloaded) {
      crowd.isOverloaded = true
      if (++this.overloaded === 1) this.hooks?.onOverloaded()
    }
    const { oldest } = crowd
    // Since it was given up nothing has come.
    if (oldest === undefined) return this.forget(crowd)
    const until = Math.max(oldest.since, crowd.freeSince) + this.targetMillis
    if (!isDue(until, now)) this.lookAgain(crowd, until)
    else if (this.crowds!.sheds(oldest, now)) {
      this.isShedding = true
      this.crowds!.remove(oldest, now)
      this.isShedding = false
      this.hooks?.shed(oldest, now)
    } else if (crowd.heapAt >= 0) this.lookAgain(crowd, now + this.targetMillis)
  }

  private lookAgain(crowd: Crowd, at: number): void {
    crowd.lookAt = at
    this.watched.changed(crowd)
  }

  private forget(crowd: Crowd): void {
    this.watched.remove(crowd)
    this.recover(crowd)
    if (this.watched.size === 0) this.clearAlarm()
  }

  private recover(crowd: Crowd): void {
    if (!crowd.isOverloaded) return
    crowd.isOverloaded = false
    if (--this.overloaded === 0) this.hooks?.onRecovered()
  }

  /** The alarm may ring too early, never too late. */
  private setAlarm(now: number): void {
    const at = this.watched.first?.lookAt ?? Infinity
    if (at >= this.alarmAt || this.isPaused) return
    this.alarmAt = at
    this.hooks?.alarm.set(at, now)
  }

  private clearAlarm(): void {
    if (this.alarmAt === Infinity) return
    this.alarmAt = Infinity
    this.hooks?.alarm.clear()
  }
}
