/** All threads for the handlers of one layer: how many there are, and which of them runs what. */
import type { Capacity } from "../index.ts"
import type { Ended, Host } from "./host.ts"
import type { Report } from "./messages.ts"
import { type Stats, statsOf, tell } from "./seen.ts"
import type { Settings } from "./settings.ts"
import type { Task } from "./task.ts"
import { type Owner, Thread } from "./thread.ts"
import { wordsOf } from "./words.ts"

const closed = "its threads have been closed"

export interface Dependencies {
  readonly settings: Settings
  readonly places: Capacity.Places
  readonly now: () => number
  readonly start: (thread: Thread) => Host
  readonly onReport: (thread: Thread, report: Report) => void
  readonly onGone: (thread: Thread, ended: Ended) => void
  /** Whoever has asked for the first threads waits until they are ready. */
  readonly isAwaited: boolean
  /** In so many milliseconds a thread that was killed, or told to end, should be gone. */
  readonly afterKill: (then: () => void) => void
}

export class Fleet implements Owner {
  /** The names of what its threads can run, once one of them has said so. */
  names: ReadonlyArray<string> | undefined = undefined
  /** Why none of its threads could become ready, while that is so. */
  failure: string | undefined = undefined
  private readonly it: Dependencies
  private readonly threads = new Set<Thread>()
  /** The one that was used last comes first: the others age. */
  private readonly idle: Array<Thread> = []
  /** Attempts of those who have no place in a pool, or whose thread is gone. */
  private readonly waiting = new Set<Task>()
  private readonly started = { threads: 0, killed: 0, crashed: 0 }
  private startMillis: number | undefined = undefined
  /** Why one could not start, or has ended unused: none is started again before somebody asks for it. */
  private halted: string | undefined = undefined
  private isClosed = false
  private onSettled: Array<() => void> = []

  constructor(dependencies: Dependencies) {
    this.it = dependencies
  }

  /** Why so many threads can never be ready; `undefined`: they are, or may be. */
  whyNot(least: number): string | undefined {
    const { busy, idle, starting } = this.stats
    return starting === 0 && idle + busy < least ? (this.failure ?? this.halted) : undefined
  }

  get all(): ReadonlyArray<Thread> {
    return [...this.threads]
  }

  get stats(): Stats {
    return statsOf(this.threads, this.started, this.startMillis)
  }

  /** Whether an attempt that has a place would find no thread for it, though one may come. */
  get mustWait(): boolean {
    return !this.hasRoom && this.failure === undefined && !this.isClosed
  }

  /** Runs it on a thread that is free, or as soon as there is one. Throws where it cannot be sent. */
  submit(task: Task): void {
    if (this.isClosed) return task.finish({ reason: "start", detail: closed })
    if (this.hasRoom) {
      // It stays where it is when the message cannot be sent.
      this.idle.at(-1)!.run(task)
      this.idle.pop()
    } else {
      this.waiting.add(task)
      this.halted = undefined
    }
    this.ensure()
  }

  /** It waits no more. A thread that starts is not killed for that. */
  withdraw(task: Task): void {
    this.waiting.delete(task)
  }

  /** Requests have begun to wait for a place. */
  readonly want = (): void => {
    this.halted = undefined
    this.ensure()
    for (const thread of this.threads) if (thread.state === "starting") thread.keepAlive(true)
  }

  /** The thread on which it runs, whatever it does. */
  killFor(task: Task): void {
    const thread = this.all.find((thread) => thread.task === task)
    if (thread !== undefined) this.kill(thread)
  }

  kill(thread: Thread, why?: Ended): void {
    if (thread.isKilled || thread.state === "gone") return
    this.started.killed++
    tell(this.it.places, thread, "killed", why?.detail)
    this.leaveIdle(thread)
    thread.kill(why)
    this.it.afterKill(() => {
      if (thread.state === "gone") return
      thread.isStuck = true
      tell(this.it.places, thread, "stuck")
      this.ensure()
    })
    // Whether another one should be started in the place of one that was not ready is seen when that is gone.
    if (thread.isReady) this.ensure()
  }

  /** Runs what can, starts what is missing, and tells how many attempts can run. */
  ensure(): void {
    this.serve()
    const { asked, live, missing, outside, ready, stuck } = this.count()
    // Nobody else would serve those who wait, and nobody has told them that none can start.
    if (live === 0 && asked > 0 && this.failure === undefined) this.halted = undefined
    for (let more = missing; more > 0 && !this.isClosed && this.halted === undefined; more--) this.start()
    const { places, settings } = this.it
    const most = settings.max + stuck
    // Where none can start, attempts are let in to be told so.
    const given = Math.max(0, Math.min(most, this.failure === undefined ? ready : most) - outside)
    if (given !== places.places && !this.isClosed) places.set(given)
  }

  /** Ends those that have been idle for too long, and are more than there should be. */
  age(): void {
    const { missing, promised } = this.count()
    let excess = Math.min(-missing, this.idle.length - promised)
    for (let oldest = this.idle[0]; oldest !== undefined && excess-- > 0; oldest = this.idle[0]) {
      if (this.it.now() - oldest.since < this.it.settings.idleForMillis) break
      this.idle.shift()
      this.retire(oldest)
    }
    this.ensure()
  }

  /** Nothing is started any more: those that are idle end, the others are killed. */
  close(): void {
    this.isClosed = true
    for (const thread of this.idle.splice(0)) thread.end()
    for (const thread of this.threads) if (thread.state !== "dying") this.kill(thread)
    // Whoever closes it waits for their ends.
    for (const thread of this.threads) thread.keepAlive(true)
    this.it.places.set(0)
    this.refuse(closed)
  }

  /** `listener` hears once of the next thread that becomes ready, or that is gone. */
  onChange(listener: () => void): void {
    this.onSettled.push(listener)
  }

  onReady(thread: Thread, names: ReadonlyArray<string> | undefined): void {
    this.names = names
    this.failure = undefined
    this.startMillis = this.it.now() - thread.startedAt
    tell(this.it.places, thread, "ready")
    this.offer(thread)
    this.changed()
  }

  onIdle(thread: Thread): void {
    if (this.isClosed || this.isToBeRecycled(thread)) {
      this.retire(thread)
      this.ensure()
    } else this.offer(thread)
  }

  onReport(thread: Thread, report: Report): void {
    this.it.onReport(thread, report)
  }

  onGone(thread: Thread, ended: Ended): void {
    this.threads.delete(thread)
    this.leaveIdle(thread)
    const hasCrashed = !thread.isKilled && thread.isWanted
    if (hasCrashed) {
      this.started.crashed++
      tell(this.it.places, thread, "crashed", `${ended.reason}: ${ended.detail}`)
      this.it.onGone(thread, ended)
    } else tell(this.it.places, thread, "ended")
    if (thread.attempts > 0) this.halted = undefined
    else if ((hasCrashed || !thread.isReady) && !this.isClosed) this.onUnused(ended.detail)
    this.ensure()
    this.changed()
  }

  onUnbegun(task: Task): void {
    task.place = undefined
    this.waiting.add(task)
  }

  /** Whether somebody waits for one that starts. */
  private get isAwaited(): boolean {
    return this.it.isAwaited || this.it.places.waiting > 0 || this.waiting.size > 0
  }

  private count() {
    const { places, settings } = this.it
    const { max, min, spare } = settings
    let live = 0
    let ready = 0
    let occupied = 0
    let outside = 0
    let stuck = 0
    for (const { isStuck, state, task } of this.threads) {
      if (state !== "dying") live++
      if (state === "idle" || task !== undefined) ready++
      if (task === undefined) continue
      occupied++
      if (!task.hasPlace) outside++
      if (isStuck) stuck++
    }
    // Attempts that have passed the gate: on their way here, or waiting here since none could start.
    const promised = Math.max(0, places.running - (occupied - outside))
    let beside = 0
    for (const { hasPlace } of this.waiting) if (!hasPlace) beside++
    const asked = occupied + promised + places.waiting + beside
    // One that is stuck takes nobody's place, and the spare one computes nothing.
    const wanted = Math.max(min, Math.min(max, asked - stuck) + spare)
    return { asked, live, missing: wanted - live, outside, promised, ready, running: occupied - stuck, stuck }
  }

  /** A thread is free, and one more may compute: the spare one is not there to run more than `max`. */
  private get hasRoom(): boolean {
    return this.idle.length > 0 && this.count().running < this.it.settings.max
  }

  private serve(): void {
    while (this.waiting.size > 0 && this.hasRoom) {
      const task = this.waiting.values().next().value!
      this.waiting.delete(task)
      try {
        this.idle.at(-1)!.run(task)
        this.idle.pop()
      } catch (error) {
        task.finish({ unsent: error })
      }
    }
  }

  /** What is asked for by those who hear it comes later. */
  private refuse(detail: string): void {
    const refused = [...this.waiting]
    for (const task of refused) if (this.waiting.delete(task)) task.finish({ reason: "start", detail })
  }

  /** The next one would end as this one has. */
  private onUnused(reason: string): void {
    this.halted = reason
    const others = this.all.some(({ state }) => state !== "dying")
    if (others) return
    this.failure = reason
    this.refuse(reason)
  }

  private offer(thread: Thread): void {
    this.idle.push(thread)
    this.ensure()
  }

  /** While as many as there may be are on their way out it runs on: ends that take long would pile up. */
  private isToBeRecycled({ attempts }: Thread): boolean {
    const { max, recycleAfter, spare } = this.it.settings
    return recycleAfter !== undefined && attempts >= recycleAfter && this.stats.dying < max + spare
  }

  private leaveIdle(thread: Thread): void {
    const at = this.idle.indexOf(thread)
    if (at >= 0) this.idle.splice(at, 1)
  }

  private retire(thread: Thread): void {
    thread.end()
    this.it.afterKill(() => thread.kill())
  }

  private start(): void {
    const thread = new Thread(++this.started.threads, this, this.it.now)
    this.threads.add(thread)
    tell(this.it.places, thread, "started")
    try {
      thread.connect(this.it.start(thread))
      thread.keepAlive(this.isAwaited)
    } catch (error) {
      thread.onExit({ reason: "start", detail: wordsOf(error) })
    }
  }

  private changed(): void {
    for (const listener of this.onSettled.splice(0)) listener()
  }
}
