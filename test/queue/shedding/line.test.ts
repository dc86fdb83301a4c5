/** The queue of a pool that sheds and has no keys, beside a list of which everything is looked at anew in every millisecond. */
import { describe, expect, it } from "vitest"
import { Counters } from "../../../src/internal/counters.ts"
import { isDue } from "../../../src/internal/deadlines.ts"
import { PoolRequest } from "../../../src/internal/request.ts"
import { WaitingRequests } from "../../../src/queue/waiting.ts"
import { type Random, randomOf } from "../../support/random.ts"
import { disciplineOf, NotedAlarm, requestOf } from "../support.ts"

interface Entry {
  readonly request: PoolRequest
  readonly since: number
  /** It came back while the newest came first. */
  readonly isLast: boolean
}

class Broken extends Error {}

class World {
  now = 0
  readonly story: Array<string> = []
  private readonly random: Random
  private readonly target: number
  private readonly interval: number
  private readonly capacity: number
  private readonly alarm = new NotedAlarm()
  private readonly queue: WaitingRequests
  private readonly counters = new Counters()
  private waiting: Array<Entry> = []
  private readonly delayed: Array<PoolRequest> = []
  private readonly running: Array<PoolRequest> = []
  private shed: Array<PoolRequest> = []
  private isOverloaded = false
  private saysOverloaded = false
  /** Since when there is something or, while it has too much to do, since when there is nothing. */
  private since = 0
  private isPaused = false
  private resumedAt = 0
  private accepted = 0
  private ended = 0

  constructor(seed: number) {
    this.random = randomOf(seed)
    this.target = this.random.of([1, 5, 20])
    this.interval = this.random.of([1, 5, 50])
    this.capacity = this.random.of([1, 3, 10, Infinity])
    const shedding = { targetMillis: this.target, intervalMillis: this.interval }
    const discipline = disciplineOf({ isSet: false, shedding })
    const settings = { capacity: this.capacity, maxScheduled: Infinity, strategy: "shedding", discipline } as const
    this.queue = new WaitingRequests(settings, this.counters, new NotedAlarm())
    this.queue.overload!.connect({
      alarm: this.alarm,
      shed: (request) => void this.shed.push(request),
      onOverloaded: () => (this.saysOverloaded = true),
      onRecovered: () => (this.saysOverloaded = false)
    })
    this.story.push(`target ${this.target}, interval ${this.interval}, capacity ${this.capacity}`)
  }

  step(): void {
    const roll = this.random.below(100)
    if (roll < 30) this.come()
    else if (roll < 50) this.take()
    else if (roll < 60) this.fail()
    else if (roll < 66) this.comeBack()
    else if (roll < 70) this.withdraw()
    else if (roll < 73) this.pause()
    else this.pass(this.random.of([1, 1, 2, 5, 20]))
    this.check()
  }

  finish(): void {
    if (this.isPaused) this.pause()
    this.pass(200)
    while (this.waiting.length > 0) this.take()
    this.pass(200)
    this.check()
    const left = this.delayed.length + this.running.length
    if (this.accepted !== this.ended + left)
      throw new Broken(`${this.accepted} came, ${this.ended} ended, ${left} left`)
    if (this.alarm.at !== Infinity) throw new Broken("an alarm is set for nobody")
    if (this.saysOverloaded) throw new Broken("it never recovers")
  }

  private check(): void {
    if (this.queue.waiting !== this.waiting.length) throw new Broken(`${this.queue.waiting} wait`)
    if (this.queue.free !== this.waiting.length) throw new Broken(`${this.queue.free} are free`)
    if (this.saysOverloaded !== this.isOverloaded) throw new Broken(`overloaded: ${this.saysOverloaded}`)
    if (this.shed.length > 0) throw new Broken("one was given up that should not have been")
    const inOrder = [...this.waiting].sort((a, b) => a.since - b.since).map(({ since }) => since)
    expect(this.queue.all("waiting").map(({ since }) => since)).toStrictEqual(inOrder)
  }

  private begin(request: PoolRequest): void {
    if (this.waiting.length === 0 && !this.isOverloaded) this.since = this.now
    this.waiting.push({ request, since: this.now, isLast: this.isOverloaded && request.attempts > 0 })
  }

  private gone(entry: Entry): void {
    this.waiting.splice(this.waiting.indexOf(entry), 1)
    if (this.waiting.length === 0) this.isOverloaded = false
  }

  private oldest(): Entry {
    return this.waiting.reduce((a, b) => (b.since < a.since || (b.since === a.since && a.isLast && !b.isLast) ? b : a))
  }

  /** Time in which it was paused counts for nobody. */
  private isOverdue({ since }: Entry): boolean {
    return this.now >= Math.max(since, this.resumedAt) + this.target
  }

  /** What must have happened by now, and has. */
  private giveUp(): void {
    if (this.isPaused) return
    if (this.waiting.length > 0 && this.now >= this.since + this.interval) this.isOverloaded = true
    if (!this.isOverloaded) return
    while (this.waiting.length > 0 && this.isOverdue(this.oldest())) {
      const entry = this.oldest()
      const request = this.shed.shift()
      this.story.push(`${this.now} ${request?.sequence} is given up`)
      if (request !== entry.request)
        throw new Broken(`${request?.sequence} was given up, not ${entry.request.sequence}`)
      this.waiting.splice(this.waiting.indexOf(entry), 1)
      this.ended++
      this.since = this.now
    }
    if (this.waiting.length === 0 && this.now >= this.since + this.interval) this.isOverloaded = false
  }

  private come(): void {
    const request = requestOf({}, this.now)
    this.story.push(`${this.now} ${request.sequence} comes`)
    const isFull = this.waiting.length + this.delayed.length >= this.capacity
    const oldest = isFull && this.waiting.length > 0 ? this.oldest() : undefined
    const offered = this.queue.offer(request)
    if (isFull && oldest === undefined) {
      if (offered !== "full") throw new Broken("let in though it is full of those that wait for a reason")
      return
    }
    this.accepted++
    if (oldest !== undefined) {
      if (offered !== oldest.request) throw new Broken(`${String(offered)} made room, not the oldest`)
      this.gone(oldest)
      this.ended++
    } else if (offered !== "accepted") throw new Broken(`was ${String(offered)}`)
    this.begin(request)
  }

  private take(): void {
    if (this.isPaused) return
    const request = this.queue.take(this.now)
    this.giveUp()
    this.story.push(`${this.now} ${request?.sequence} is taken`)
    const comes = this.isOverloaded ? this.newest() : this.waiting.length === 0 ? undefined : this.oldest()
    if (request !== comes?.request) throw new Broken(`it is the turn of ${comes?.request.sequence}`)
    if (comes === undefined) {
      this.isOverloaded = false
      return
    }
    if (this.isOverloaded && this.isOverdue(comes)) throw new Broken("taken too late")
    this.gone(comes)
    request!.elapse(this.now)
    request!.phase = "running"
    request!.attempts++
    this.running.push(request!)
  }

  private newest(): Entry | undefined {
    const fresh = this.waiting.filter(({ isLast }) => !isLast)
    return fresh.at(-1) ?? this.waiting.at(-1)
  }

  private fail(): void {
    const request = this.running.shift()
    if (request === undefined) return
    this.queue.ended(request, 1, this.now)
    request.elapse(this.now)
    this.queue.hold(request)
    this.delayed.push(request)
  }

  private comeBack(): void {
    const request = this.delayed.shift()
    if (request === undefined) return
    this.story.push(`${this.now} ${request.sequence} comes back`)
    request.elapse(this.now)
    this.queue.release(request, this.now)
    this.begin(request)
  }

  private withdraw(): void {
    if (this.waiting.length === 0) return
    const entry = this.random.of(this.waiting)
    this.story.push(`${this.now} ${entry.request.sequence} is withdrawn`)
    this.queue.withdraw(entry.request, this.now)
    this.gone(entry)
    this.ended++
  }

  private pause(): void {
    this.isPaused = !this.isPaused
    this.story.push(`${this.now} ${this.isPaused ? "is paused" : "goes on"}`)
    if (this.isPaused) this.queue.overload!.pause()
    else {
      this.queue.overload!.resume(this.now)
      this.resumedAt = this.now
    }
    this.isOverloaded = false
    this.since = this.now
  }

  private pass(millis: number): void {
    for (let left = millis; left > 0; left--) {
      this.now++
      if (isDue(this.alarm.at, this.now)) {
        this.alarm.at = Infinity
        this.queue.overload!.onAlarm(this.now)
      }
      this.giveUp()
    }
  }
}

describe("the queue of a pool that sheds", () => {
  it("loses nobody, gives up whoever has waited for too long and nobody else, and has the order that it should have", () => {
    const only = process.env["FUZZ_SEED"]
    for (let seed = Number(only ?? 1); seed <= Number(only ?? 400); seed++) {
      const world = new World(seed)
      try {
        for (let step = 0; step < 200; step++) world.step()
        world.finish()
      } catch (error) {
        expect.fail([`FUZZ_SEED=${seed}`, String((error as Error).stack), ...world.story.slice(-40)].join("\n"))
      }
    }
  })

  it("gives up, before it takes, whoever has waited for too long while the host was held up and the alarm did not ring", () => {
    const shed: Array<PoolRequest> = []
    const discipline = disciplineOf({ isSet: false, shedding: { targetMillis: 5, intervalMillis: 50 } })
    const settings = { capacity: Infinity, maxScheduled: Infinity, strategy: "shedding", discipline } as const
    const queue = new WaitingRequests(settings, new Counters(), new NotedAlarm())
    queue.overload!.connect({
      alarm: new NotedAlarm(),
      shed: (request) => void shed.push(request),
      onOverloaded: () => {},
      onRecovered: () => {}
    })
    const late = requestOf({}, 0)
    const fresh = requestOf({}, 98)
    for (const request of [late, fresh]) queue.offer(request)
    expect(queue.take(100)).toBe(fresh)
    expect(shed.map(({ sequence }) => sequence)).toEqual([late.sequence])
  })
})
