/** A queue and the naive one beside it: what one does the other does too, or they are found out. */
import { Counters } from "../../../src/internal/counters.ts"
import type { PoolRequest } from "../../../src/internal/request.ts"
import type { Lane } from "../../../src/queue/flow.ts"
import type { RankedRequest } from "../../../src/queue/ranked.ts"
import { WaitingRequests } from "../../../src/queue/waiting.ts"
import { type Random, randomOf } from "../../support/random.ts"
import { NotedAlarm } from "../support.ts"
import { broken, isEarlier, lanesOf, ranks, type State } from "./laws.ts"
import { type Entry, Naive } from "./naive.ts"
import { type Plan, planOf } from "./plans.ts"

export class Broken extends Error {}

export class World implements State {
  now = 0
  readonly alarm = new NotedAlarm()
  readonly queue: WaitingRequests
  readonly naive: Naive
  readonly story: Array<string> = []
  protected readonly byRequest = new Map<PoolRequest, Entry>()
  protected readonly random: Random
  protected readonly plan: Plan
  private readonly counters = new Counters()

  constructor(seed: number) {
    this.random = randomOf(seed)
    this.plan = planOf(this.random)
    const { discipline } = this.plan
    this.queue = new WaitingRequests(this.plan, this.counters, this.alarm)
    this.naive = new Naive(discipline.limits, discipline.order === "lifo")
    const limits = discipline.limits.map(({ concurrency, name, per, rate, tags, until }) =>
      JSON.stringify({
        name,
        per: typeof per === "function" ? "fn" : per,
        concurrency,
        rate,
        until,
        tags: tags && [...tags]
      })
    )
    this.story.push(JSON.stringify({ ...this.plan, discipline: { ...discipline, limits: undefined } }), ...limits)
  }

  protected check(): void {
    const problems = broken(this)
    if (problems.length > 0) throw new Broken(problems.join("\n"))
  }

  protected tell(what: string, entry?: Entry): void {
    const of =
      entry && `${entry.request.sequence} (${entry.key} ${entry.tag} ${entry.priority} ${entry.request.values})`
    this.story.push(`${this.now} ${what}${of === undefined ? "" : ` ${of}`}`)
  }

  /** It is of the key with most waiting or, where that has its share, of the key of whom it makes room for. */
  protected evict(request: PoolRequest, key: string | undefined): void {
    const evicted = this.byRequest.get(request)!
    this.tell("is evicted", evicted)
    const waiting = this.naive.in("waiting")
    const of = (key: string) => waiting.filter((entry) => entry.key === key).length
    if (key !== undefined && evicted.key !== key) throw new Broken(`made room for ${key}`)
    if (key === undefined && waiting.some((entry) => of(entry.key) > of(evicted.key)))
      throw new Broken("not of the key with most waiting")
    this.naive.leave(evicted)
    this.over(evicted)
  }

  protected started(entry: Entry): true {
    const { request } = entry
    request.elapse(this.now)
    request.phase = "running"
    this.naive.start(entry, this.now)
    this.admit()
    return true
  }

  /** Blocked callers move up. Whoever stays outside finds no place, or has its share. */
  protected admit(): void {
    const { naive, queue } = this
    for (let request = queue.admit(() => this.now); request !== undefined; request = queue.admit(() => this.now)) {
      const entry = this.byRequest.get(request)!
      this.tell("is let in", entry)
      const before = naive.in("blocked").filter(({ key }) => key === entry.key)
      const keyed = this.plan.discipline.keyCapacity !== "none"
      if ((keyed ? before : naive.in("blocked"))[0] !== entry) throw new Broken("it is not its turn at the door")
      naive.wait(entry, false)
    }
    const { capacity, discipline } = this.plan
    const { keyCapacity } = discipline
    const inside = [...naive.entries].filter(({ place }) => place === "waiting" || place === "delayed")
    if (inside.length >= capacity) return
    const share = keyCapacity === "none" ? Infinity : keyCapacity === "dynamic" ? capacity - inside.length : keyCapacity
    for (const { key } of naive.in("blocked")) {
      if (inside.filter((entry) => entry.key === key).length < share) throw new Broken(`one of ${key} may come in`)
    }
  }

  protected over(entry: Entry): void {
    const wasSettled = entry.hasEnded
    entry.request.phase = "ended"
    if (!wasSettled) this.queue.settled(entry.request, this.now)
    entry.hasEnded = true
    entry.counts = false
    this.naive.entries.delete(entry)
    this.byRequest.delete(entry.request)
    this.admit()
  }

  /** What counts at a gate until its end keeps its turn: those behind it wait for it. */
  protected waitsFirst(entry: Entry): boolean {
    return entry.counts && this.naive.limitsOf(entry).some(({ limit }) => limit.until === "request")
  }

  protected take(): boolean {
    const { naive, now, queue } = this
    const { gates } = queue.fair!
    if (gates.hasTimed) gates.openDue(now)
    const running = naive.running()
    const isStartable = (entry: Entry) => naive.obstacles(entry, now, running).length === 0
    const startable = new Set(naive.heads().filter(isStartable))
    const mayStart = (lane: Lane) => startable.has(this.byRequest.get(lane.head!)!)
    const before = ranks(queue, mayStart)
    const ready = lanesOf(queue).filter((lane) => lane.parkedAt === undefined && lane.size > 0 && mayStart(lane))
    const heads = ready.map((lane) => [lane, lane.turn, lane.tie, lane.level] as const)
    const request = queue.take(now)
    if (request === undefined) {
      if (startable.size > 0) throw new Broken("nothing is taken though one may start")
      if (queue.free > 0) throw new Broken("nothing is taken though some are said to be free")
      return false
    }
    const entry = this.byRequest.get(request)!
    this.tell("is taken", entry)
    if (!startable.has(entry)) throw new Broken("taken though it may not start, or is not the next of its lane")
    const { lane } = request as RankedRequest
    const own = heads.find(([of]) => of === lane)
    // One that was let go in the same step came to a place that nobody could see before.
    if (own === undefined) return this.started(entry)
    const rank = before.get(lane!.flow) ?? -Infinity
    const better = [...before].filter(([, other]) => other < rank)
    if (better.length > 0)
      throw new Broken(
        `another key comes first: ${rank} ${better.map(([{ key }, rank]) => `${key} ${rank}`).join(", ")}`
      )
    for (const [of, turn, tie, level] of heads) {
      if (of.flow !== lane!.flow || of === lane) continue
      const [, ownTurn, ownTie, ownLevel] = own
      if (isEarlier({ turn, tie, level } as Lane, { turn: ownTurn, tie: ownTie, level: ownLevel } as Lane))
        throw new Broken("another lane of its key comes first")
    }
    return this.started(entry)
  }
}
