/** A fleet whose threads are played by the test, and the pool before it: what they say, and when they end, is chosen here. */
import { Capacity } from "../../src/index.ts"
import { Fleet } from "../../src/threads/fleet.ts"
import type { Ended, Host, Listener } from "../../src/threads/host.ts"
import { From, To, type ToThread } from "../../src/threads/messages.ts"
import type { Settings } from "../../src/threads/settings.ts"
import { Task } from "../../src/threads/task.ts"

/** A thread as it really is, whatever the fleet believes. */
export class FakeHost implements Host {
  readonly sharesMemory = false
  state: "starting" | "ready" | "gone" = "starting"
  runs: number | undefined = undefined
  isKilled = false
  isTold = false
  wasReady = false
  wasUsed = false
  readonly id: number
  readonly listener: Listener
  private readonly world: FleetWorld

  constructor(world: FleetWorld, listener: Listener) {
    this.world = world
    this.listener = listener
    this.id = ++world.started
  }

  post(message: ToThread): void {
    const { breaches, unsendable } = this.world
    const what = `thread ${this.id}`
    if (this.state !== "ready") breaches.push(`${what} is ${this.state} and is sent a message`)
    if (message[0] === To.run) {
      const key = Number(message[3])
      if (unsendable.has(key)) throw new Error("cannot be cloned")
      if (this.runs !== undefined) breaches.push(`${what} runs ${this.runs} and is to run ${key}`)
      if (this.isKilled || this.isTold) breaches.push(`${what} is to run ${key} though it was to end`)
      this.runs = key
      this.wasUsed = true
    } else if (message[0] === To.end) {
      if (this.runs !== undefined) breaches.push(`${what} is to end while it runs ${this.runs}`)
      this.isTold = true
    }
  }

  kill(): void {
    if (this.state === "gone") this.world.breaches.push(`thread ${this.id} is killed though it is gone`)
    if (!this.wasReady) this.world.failedAt = this.world.asked
    this.isKilled = true
  }

  keepAlive(): void {}

  usedBytes = () => Promise.resolve(undefined)

  ready(): void {
    this.state = "ready"
    this.wasReady = !this.isKilled
    this.listener.onMessage([From.ready, undefined])
  }

  answer(): void {
    const key = this.runs!
    this.runs = undefined
    this.listener.onMessage([From.value, key])
  }

  exit(ended: Ended = { reason: "exit", detail: "it ended" }): void {
    // One that ends by itself before it was of use is as one that could not start.
    const isOwn = !this.isKilled && !this.isTold
    if (!this.wasReady || (!this.wasUsed && isOwn)) this.world.failedAt = this.world.asked
    this.state = "gone"
    this.runs = undefined
    this.listener.onExit(ended)
  }
}

export type Limits = Pick<Settings, "min" | "max" | "spare" | "recycleAfter">

/** So long an idle thread stays, and so long after a kill it should be gone. */
export const idleForMillis = 100
export const killAfterMillis = 50

export class FleetWorld {
  now = 0
  started = 0
  /** How often somebody has had to wait, and had when a thread last failed to become of use. */
  asked = 0
  failedAt = -1
  isClosed = false
  readonly breaches: Array<string> = []
  readonly hosts: Array<FakeHost> = []
  readonly unsendable = new Set<number>()
  /** How often each task has ended, and the tasks that wait or run. */
  readonly ends = new Map<number, number>()
  readonly tasks = new Map<number, Task>()
  /** Requests of the pool that have no place, and those that have passed the gate and have not come to the fleet. */
  readonly queue: Array<number> = []
  readonly promised: Array<number> = []
  readonly places: Capacity.Places
  readonly fleet: Fleet
  readonly limits: Limits
  cannotStart = false
  private readonly afterKills: Array<{ readonly at: number; readonly stick: () => void }> = []
  private readonly pool = {
    world: this as FleetWorld,
    get heldBack() {
      return this.world.queue.length
    },
    onFree() {
      this.world.pass()
    },
    isHeard: () => false,
    onThread: () => {}
  }

  constructor(limits: Limits) {
    this.limits = limits
    this.places = Capacity.make({ name: "threads", onWaiting: () => this.want() })
    this.places.attach(this.pool)
    this.fleet = new Fleet({
      settings: { ...limits, idleForMillis, killAfterMillis } as Settings,
      places: this.places,
      now: () => this.now,
      start: (listener) => {
        if (this.cannotStart) {
          this.failedAt = this.asked
          throw new Error("no threads here")
        }
        const host = new FakeHost(this, listener)
        this.hosts.push(host)
        return host
      },
      isAwaited: true,
      onReport: () => {},
      onGone: () => {},
      afterKill: (stick) => void this.afterKills.push({ at: this.now + killAfterMillis, stick })
    })
    this.fleet.ensure()
  }

  /** A request of the pool. */
  request(key: number): void {
    this.queue.push(key)
    this.pass()
    if (this.queue.length > 0) this.places.want()
  }

  /** As many as there are places for go through the gate. */
  pass(): void {
    while (this.queue.length > 0 && this.places.free > 0) {
      this.places.enter()
      this.promised.push(this.queue.shift()!)
    }
  }

  /** One that has passed the gate comes to the fleet, as a handler does. */
  arrive(): void {
    const key = this.promised.shift()
    if (key === undefined) return
    if (!this.isClosed && this.fleet.mustWait) {
      this.queue.unshift(key)
      this.leave()
    } else this.submit(key, true)
  }

  /** An attempt: of the pool, or of somebody who has called the handler past it. */
  submit(key: number, hasPlace: boolean): void {
    const task = new Task([To.run, "Act", undefined, String(key), 1, undefined], undefined, hasPlace, () => {
      this.ends.set(key, (this.ends.get(key) ?? 0) + 1)
      this.tasks.delete(key)
      if (hasPlace) this.leave()
    })
    this.tasks.set(key, task)
    const { failedAt } = this
    this.failedAt = -1
    try {
      this.fleet.submit(task)
      const hasFailed = this.failedAt >= 0
      if (task.place === undefined) this.asked++
      this.failedAt = hasFailed ? this.asked : failedAt
    } catch {
      this.failedAt = failedAt
      task.finish({ unsent: "it cannot be sent" })
    }
  }

  /** Its caller gives up while it waits. */
  withdraw(key: number): void {
    const task = this.tasks.get(key)!
    this.fleet.withdraw(task)
    this.tasks.delete(key)
    this.ends.set(key, 1)
    if (task.hasPlace) this.leave()
  }

  want(): void {
    this.asked++
    this.fleet.want()
  }

  advance(millis: number): void {
    this.now += millis
    const due = this.afterKills.filter(({ at }) => at <= this.now)
    for (const one of due) {
      this.afterKills.splice(this.afterKills.indexOf(one), 1)
      one.stick()
    }
  }

  /** Whoever was to hear in a turn of its own has heard. */
  settled(): Promise<void> {
    return Promise.resolve()
  }

  /** Threads may be missing after one could not start, until somebody asks again. */
  get isHalted(): boolean {
    return this.failedAt === this.asked
  }

  get present(): ReadonlyArray<FakeHost> {
    return this.hosts.filter(({ state }) => state !== "gone")
  }

  private leave(): void {
    this.places.leave(this.pool)
    this.pass()
    if (this.queue.length > 0) this.places.want()
  }
}
