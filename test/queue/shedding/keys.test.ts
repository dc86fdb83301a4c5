/** The queue of a pool that sheds and has keys, priorities and limits: what it may do, and what it must not, over random sequences. */
import { describe, expect, it } from "vitest"
import { Counters } from "../../../src/internal/counters.ts"
import { isDue } from "../../../src/internal/deadlines.ts"
import type { PoolRequest } from "../../../src/internal/request.ts"
import * as Limit from "../../../src/Limit.ts"
import type { RankedRequest } from "../../../src/queue/ranked.ts"
import type { SheddingLane } from "../../../src/queue/shedding/sheddingLane.ts"
import { WaitingRequests } from "../../../src/queue/waiting.ts"
import { randomOf } from "../../support/random.ts"
import { disciplineOf, NotedAlarm, requestOf } from "../support.ts"

class Broken extends Error {}

class World {
  now = 0
  readonly story: Array<string> = []
  private readonly random
  private readonly target: number
  private readonly interval: number
  private readonly capacity: number
  private readonly alarm = new NotedAlarm()
  private readonly gates = new NotedAlarm()
  private readonly queue: WaitingRequests
  private readonly keys: ReadonlyArray<string>
  private readonly waiting = new Set<RankedRequest>()
  private readonly delayed = new Set<RankedRequest>()
  private readonly running = new Set<RankedRequest>()
  private readonly overdue = new Map<RankedRequest, number>()
  private overloads = 0
  private accepted = 0
  private ended = 0
  shed = 0

  constructor(seed: number) {
    this.random = randomOf(seed)
    const { random } = this
    this.target = random.of([1, 5, 20])
    this.interval = random.of([1, 5, 50])
    this.capacity = random.of([5, 20, Infinity])
    this.keys = random.of([[""], ["", "a"], ["a", "b", "c", "d"]])
    const limits = random.of([
      [],
      [],
      [Limit.make({ name: "limit", per: random.of(["pool", "tag", "key"] as const), concurrency: random.of([1, 3]) })],
      [Limit.make({ name: "rate", per: random.of(["pool", "tag"] as const), rate: { limit: 1, period: 5, burst: 2 } })],
      [Limit.serial("key", { name: "serial" })]
    ])
    const discipline = disciplineOf({
      limits,
      key: () => "",
      order: random.of(["fifo", "fifo", "lifo"] as const),
      agingMillis: random.of([10, Infinity]),
      shedding: { targetMillis: this.target, intervalMillis: this.interval }
    })
    const settings = { capacity: this.capacity, maxScheduled: Infinity, strategy: "shedding", discipline } as const
    this.queue = new WaitingRequests(settings, new Counters(), this.gates)
    this.queue.overload!.connect({
      alarm: this.alarm,
      shed: (request) => this.onShed(request as RankedRequest),
      onOverloaded: () => void (this.overloads++ > 0 && this.fail("overloaded twice")),
      onRecovered: () => void (--this.overloads < 0 && this.fail("recovered twice"))
    })
    this.story.push(JSON.stringify({ ...discipline, limits: limits.map(({ name, per }) => `${name} ${String(per)}`) }))
  }

  private fail(what: string): never {
    throw new Broken(what)
  }

  step(): void {
    const roll = this.random.below(100)
    if (roll < 35) this.come()
    else if (roll < 55) this.take()
    else if (roll < 68) this.end(false)
    else if (roll < 73) this.end(true)
    else if (roll < 79) this.comeBack()
    else if (roll < 82) this.withdraw()
    else this.pass(this.random.of([1, 1, 2, 5, 20]))
    this.check()
  }

  finish(): void {
    for (let rounds = 0; this.waiting.size + this.running.size + this.delayed.size > 0; rounds++) {
      if (rounds > 2000) throw new Broken("some never end")
      this.comeBack()
      this.take()
      this.end(false)
      this.pass(1)
      this.check()
    }
    this.pass(200)
    if (this.accepted !== this.ended) throw new Broken(`${this.accepted} came, ${this.ended} ended`)
    if (this.alarm.at !== Infinity) throw new Broken("an alarm is set for nobody")
    if (this.overloads > 0) throw new Broken("it never recovers")
  }

  private check(): void {
    if (this.queue.waiting !== this.waiting.size)
      throw new Broken(`${this.queue.waiting} wait, not ${this.waiting.size}`)
  }

  /** One that was lighter than its share is looked at again after the target. */
  private checkWaits(): void {
    for (const request of this.waiting) {
      const { crowd, flow, parkedAt } = request.lane as SheddingLane
      const waited = this.now - Math.max(request.since, crowd.freeSince)
      const isOverdue = waited >= this.interval && waited >= this.target
      if (!isOverdue || parkedAt !== undefined || this.queue.fair!.flows.isLight(flow)) this.overdue.delete(request)
      else if (!this.overdue.has(request)) this.overdue.set(request, this.now)
      else if (this.now - this.overdue.get(request)! > this.target) throw new Broken(`waits for ${waited} ms`)
    }
  }

  private onShed(request: RankedRequest): void {
    this.story.push(`${this.now} ${request.sequence} is given up`)
    this.shed++
    if (!this.waiting.delete(request)) throw new Broken("it did not wait")
    const lane = request.lane as SheddingLane
    // One that may pass where those behind it may not leaves them to their gate.
    if (!lane.crowd.isOverloaded && lane.parkedAt === undefined) throw new Broken("its lane is not overloaded")
    if (this.now - request.since < this.target) throw new Broken("it has not waited for so long")
    for (const other of this.waiting) {
      if (other.lane === lane && other.since < request.since) throw new Broken("another one has waited for longer")
    }
    this.over(request)
  }

  private over(request: RankedRequest): void {
    request.phase = "ended"
    this.queue.settled(request, this.now)
    this.ended++
  }

  private come(): void {
    const { random } = this
    const tag = random.of(["Send", "Read"])
    const request = requestOf({ key: random.of(this.keys), tag, priority: random.of([0, 0, 1]) }, this.now)
    this.story.push(`${this.now} ${request.sequence} of ${request.key} comes`)
    const isFull = this.waiting.size + this.delayed.size >= this.capacity
    const offered = this.queue.offer(request)
    if (offered === "full") {
      if (this.waiting.size > 0) throw new Broken("refused though some waited")
      return
    }
    this.accepted++
    if (typeof offered === "object") {
      if (!isFull) throw new Broken("one made room that was there")
      const most = Math.max(...this.keys.map((key) => [...this.waiting].filter((other) => other.key === key).length))
      const { key } = offered as RankedRequest
      const ofKey = [...this.waiting].filter((other) => other.key === key)
      if (ofKey.length < most) throw new Broken("not of the key with most waiting")
      this.waiting.delete(offered as RankedRequest)
      this.over(offered as RankedRequest)
    }
    this.waiting.add(request)
  }

  private take(): void {
    // What is to be given up, and which lanes are overloaded, is known before.
    this.queue.overload!.onAlarm(this.now)
    const overloaded = new Set(
      [...this.waiting].flatMap(({ lane }) => (isOverloaded(lane as SheddingLane) ? [lane] : []))
    )
    const request = this.queue.take(this.now) as RankedRequest | undefined
    this.story.push(`${this.now} ${request?.sequence} is taken`)
    if (request === undefined) {
      if (this.queue.free > 0) throw new Broken("nothing is taken, and some are free")
      return
    }
    this.isNext(request, overloaded.has(request.lane))
    this.waiting.delete(request)
    request.elapse(this.now)
    request.phase = "running"
    request.attempts++
    this.running.add(request)
  }

  /** Of its lane; the last of that says nothing. */
  private isNext(request: RankedRequest, isOverloaded: boolean): void {
    const others = [...this.waiting].filter((other) => other.lane === request.lane && other !== request)
    if (others.length === 0 || request.holds === true || others.some(({ attempts }) => attempts > 0)) return
    if (request.attempts > 0) return
    const isNewestFirst = isOverloaded || this.queue["settings"].discipline.order === "lifo"
    const isWrong = (other: PoolRequest) => (isNewestFirst ? other.since > request.since : other.since < request.since)
    if (others.some(isWrong)) throw new Broken("another one comes first")
  }

  private end(again: boolean): void {
    const [request] = this.running
    if (request === undefined) return
    this.running.delete(request)
    this.queue.ended(request, this.random.of([0, 1, 10]), this.now)
    if (!again) return this.over(request)
    request.elapse(this.now)
    this.queue.hold(request)
    this.delayed.add(request)
  }

  private comeBack(): void {
    const [request] = this.delayed
    if (request === undefined) return
    this.delayed.delete(request)
    request.elapse(this.now)
    this.queue.release(request, this.now)
    this.waiting.add(request)
  }

  private withdraw(): void {
    if (this.waiting.size === 0) return
    const request = this.random.of([...this.waiting])
    this.waiting.delete(request)
    this.queue.withdraw(request, this.now)
    this.over(request)
  }

  private pass(millis: number): void {
    for (let left = millis; left > 0; left--, this.checkWaits()) {
      this.now++
      if (isDue(this.gates.at, this.now)) {
        this.gates.at = Infinity
        this.queue.fair!.gates.onAlarm(this.now)
      }
      if (!isDue(this.alarm.at, this.now)) continue
      this.alarm.at = Infinity
      this.queue.overload!.onAlarm(this.now)
    }
  }
}

const isOverloaded = ({ crowd }: SheddingLane) => crowd.isOverloaded

describe("the queue of a pool that sheds and has keys", () => {
  it("loses nobody, ends each once, takes what is free, and gives up only what waits for too long in a lane that does", () => {
    const only = process.env["FUZZ_SEED"]
    let shed = 0
    for (let seed = Number(only ?? 1); seed <= Number(only ?? 300); seed++) {
      const world = new World(seed)
      try {
        for (let step = 0; step < 200; step++) world.step()
        world.finish()
        shed += world.shed
      } catch (error) {
        expect.fail([`FUZZ_SEED=${seed}`, String((error as Error).stack), ...world.story.slice(-60)].join("\n"))
      }
    }
    if (only === undefined) expect(shed).toBeGreaterThan(1000)
  })
})
