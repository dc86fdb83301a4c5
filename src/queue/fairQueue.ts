/**
 * Who runs next, where keys, priorities or limits have their say. Fairness decides the long run: each key has workers for its share of the
 * time. Priority decides the moment. A closed gate parks a lane, and nothing that is parked is looked at again before its gate opens.
 */
import { isDue } from "../internal/deadlines.ts"
import type { PoolRequest } from "../internal/request.ts"
import type { Discipline } from "../Discipline.ts"
import { Bench } from "./bench.ts"
import type { ByCount } from "./byCount.ts"
import { byWaiting, oldestOf } from "./fattest.ts"
import { type Flow, Lane, laneIdOf, type Ordering } from "./flow.ts"
import { Flows } from "./flows.ts"
import type { Gate } from "./gate.ts"
import { Gates } from "./gates.ts"
import { HeldBack } from "./heldBack.ts"
import type { Order } from "./order.ts"
import type { Crowds, Overload } from "./shedding/overload.ts"
import type { Alarm } from "./parking.ts"
import { keyOf, type Ranked } from "./ranked.ts"
import { SheddingLane } from "./shedding/sheddingLane.ts"

/** So many lanes find their gate closed in one step: it takes milliseconds. */
const mostParked = 1000

export class FairQueue implements Order, Crowds {
  readonly flows: Flows
  readonly gates: Gates
  size = 0
  /** Requests that were let go since somebody asked: see `takeFreed`. */
  private freed = 0
  private readonly ready = new Bench<Lane>(true)
  /** By how many wait, where anybody asks. */
  private fattest: ByCount<Flow> | undefined = undefined
  private readonly ordering: Ordering
  private readonly overload: Overload | undefined

  constructor(discipline: Discipline, alarm: Alarm, overload?: Overload) {
    this.overload = overload
    overload?.stand(this)
    this.ordering = { agingMillis: discipline.agingMillis, isNewestFirst: discipline.order === "lifo" }
    this.flows = new Flows(discipline)
    this.gates = new Gates(discipline, alarm, (lane, places, now) => {
      this.freed += Math.min(lane.size, places)
      this.seat(lane, now)
    })
  }

  get free(): number {
    return this.size - this.gates.heldBack
  }

  /** Those that could not start now, were there any number of workers. */
  heldBackAt(now: number): HeldBack {
    return new HeldBack(this.gates, this.ready, now)
  }

  push(request: Ranked, now: number): void {
    this.place(request, now, false)
  }

  /** It is to be the next of its lane. */
  pushFirst(request: Ranked, now: number): void {
    this.place(request, now, true)
  }

  /** `undefined` though some are free: it has looked at many that are not. One whose time is over passes no gate. */
  take(now: number): PoolRequest | undefined {
    if (this.gates.hasTimed) this.gates.openDue(now)
    let parked = 0
    for (let lane = this.ready.first; lane !== undefined && parked++ < mostParked; lane = this.ready.first) {
      const { head } = lane
      // It starts nothing, and pays for nothing.
      if (isDue(head!.expiresAt, now)) {
        this.remove(head!, now)
        return head
      }
      const closed = this.gates.closed(lane, now)
      if (closed === undefined) {
        const request: Ranked = lane.take()
        this.flows.onStart(lane.flow, lane.flow.rankOf(lane))
        this.start(request, lane, now)
        return request
      }
      this.park(lane, closed, now)
    }
    return undefined
  }

  /** What stands between this one and its start, wherever it stands in its lane; `undefined`: nothing. */
  obstacle({ lane }: Ranked, now: number): Gate | undefined {
    return lane!.parkedAt ?? this.gates.closed(lane!, now)
  }

  /** Takes this one, whoever is before it: somebody waits for it in whose slot it runs. */
  takeOut(request: Ranked, now: number): void {
    const lane = request.lane!
    this.pull(request, lane)
    this.start(request, lane, now)
  }

  remove(request: Ranked, now: number): void {
    const lane = request.lane!
    const wasHead = lane.head === request
    this.pull(request, lane)
    this.left(lane, wasHead, now)
    this.sweep(now)
  }

  private pull(request: Ranked, lane: Lane): void {
    lane.remove(request)
    if (lane.parkedAt !== undefined) this.gates.count(lane, lane.parkedAt, -1)
  }

  delay(request: Ranked, by: 1 | -1): void {
    const flow = this.flows.of(keyOf(request))
    this.flows.count(flow, 0, by)
    this.flows.release(flow)
  }

  /** Its attempt has really ended, after so many milliseconds. */
  ended(request: Ranked, millis: number, now: number): void {
    const { lane } = request
    if (lane === undefined || request.isStarted !== true) return
    const { flow } = lane
    request.isStarted = false
    lane.running--
    this.flows.run(flow, -1)
    this.flows.charge(flow, millis)
    this.ready.rerank(flow)
    this.gates.charge(lane, millis)
    this.gates.leave(lane, "attempt", now)
    if (request.phase === "ended") this.letGoOf(request, now)
    this.rest(lane)
    this.sweep(now)
  }

  /** It has ended. Its attempt may still be about to. */
  settled(request: Ranked, now: number): void {
    if (request.isStarted === true) this.gates.judge(request, undefined, false, now)
    else if (request.holds === true) this.letGoOf(request, now)
  }

  /** From now on `takeOldest` knows the key with most waiting. */
  countByKey(): void {
    this.fattest = byWaiting(this.flows)
  }

  /** Takes out the one that came first, of the key that has most waiting or, where `key` says which, of that. */
  takeOldest(key: string | undefined, now: number): PoolRequest | undefined {
    const flow = key === undefined && this.fattest !== undefined ? this.fattest.most : this.flows.find(key ?? "")
    const oldest = oldestOf(flow)
    if (oldest !== undefined) this.remove(oldest, now)
    return oldest
  }

  /** Not of a key that is lighter than its share. What a gate holds back waits for that. */
  sheds({ lane }: Ranked, now: number): boolean {
    const closed = this.gates.closed(lane!, now)
    if (closed !== undefined) this.park(lane!, closed, now)
    return closed === undefined && !this.flows.isLight(lane!.flow)
  }

  /** How many were let go since the last time: at most so many workers have something to do that they had not before. */
  takeFreed(): number {
    const { freed } = this
    this.freed = 0
    return freed
  }

  /** Another priority: it goes behind those that have it already, and have waited as long. */
  setPriority(request: Ranked, change: () => void, now: number): void {
    this.remove(request, now)
    change()
    // Those behind it may wait for its end.
    this.place(request, now, request.holds === true)
  }

  [Symbol.iterator](): Iterator<PoolRequest> {
    return this.flows.requests()[Symbol.iterator]()
  }

  private place(request: Ranked, now: number, isFirst: boolean): void {
    const lane = this.laneOf(request)
    const { flow } = lane
    request.lane = lane
    this.size++
    this.flows.count(flow, 1, 0)
    if (isFirst) lane.pushFirst(request)
    else lane.push(request)
    if (lane.breaker !== undefined) this.gates.placed(request, lane, now)
    const isHead = lane.head === request
    if (isHead) lane.refresh()
    if (lane.parkedAt !== undefined) {
      this.gates.count(lane, lane.parkedAt, 1)
      // One that counts at the gate already passes where others do not.
      if (!isHead) return this.gates.grown(lane, now)
      if (request.holds === true) this.gates.unpark(lane)
      else return this.gates.headChanged(lane, now)
    } else if (lane.size > 1) {
      if (isHead) this.ready.changed(lane)
      return
    }
    const closed = this.gates.closed(lane, now)
    if (closed === undefined) return this.seat(lane, now)
    // All of it may have been given up before.
    this.overload?.end((lane as SheddingLane).crowd, now)
    this.gates.park(lane, closed, now)
  }

  private start(request: Ranked, lane: Lane, now: number): void {
    const { flow } = lane
    request.isStarted = true
    lane.running++
    this.flows.run(flow, 1)
    this.flows.activate(flow)
    this.gates.enter(request, lane, now)
    // That its key stands later now is found out by the bench.
    this.left(lane, true, now, lane.tag.batching === undefined ? 1 : 1 + this.gates.bringAlong(lane, now))
  }

  /** So many have left this lane, and it goes where those that are left in it belong. */
  private left(lane: Lane, isNewHead: boolean, now: number, requests = 1): void {
    this.size -= requests
    this.flows.count(lane.flow, -requests, 0)
    lane.breaker?.left(lane, lane.size === 0)
    if (lane.size === 0) {
      if (lane.parkedAt === undefined) this.unseat(lane, now)
      else this.gates.unpark(lane)
    } else if (isNewHead) {
      lane.refresh()
      if (lane.parkedAt !== undefined) this.gates.headChanged(lane, now)
      else {
        const closed = this.gates.closed(lane, now)
        if (closed === undefined) this.ready.changed(lane)
        else this.park(lane, closed, now)
      }
    }
    if (isNewHead || lane.size === 0) this.gates.used(lane, now)
    this.rest(lane)
  }

  private park(lane: Lane, gate: Gate, now: number): void {
    this.unseat(lane, now)
    this.gates.park(lane, gate, now)
    this.gates.used(lane, now)
    this.rest(lane)
  }

  private seat(lane: Lane, now: number): void {
    if (!this.ready.has(lane.flow)) this.flows.join(lane.flow)
    this.ready.add(lane)
    this.overload?.begin((lane as SheddingLane).crowd, now)
  }

  private unseat(lane: Lane, now: number): void {
    this.ready.remove(lane)
    this.overload?.end((lane as SheddingLane).crowd, now)
  }

  /** Nothing may be left of this lane, or of its key. */
  private rest(lane: Lane): void {
    const { flow } = lane
    // One with values of its own may never be needed again; of the others there are few.
    if (typeof lane.id === "string" && lane.size + lane.running === 0 && flow.laneOf(lane.id) === lane) {
      flow.removeLane(lane)
      this.gates.limits.release(lane)
    }
    if (flow.running === 0 && !this.ready.has(flow)) this.flows.deactivate(flow)
  }

  /** Forgets what need not be known any more, a little for each request that leaves: also where none ever starts. */
  private sweep(now: number): void {
    this.flows.sweep(now)
    this.gates.limits.sweep(now)
  }

  /** It counts at no gate any more. */
  private letGoOf(request: Ranked, now: number): void {
    if (request.holds !== true) return
    request.holds = false
    this.gates.leave(request.lane!, "request", now)
  }

  laneOf(request: Ranked): Lane {
    const { policy, tag, values } = request
    const { priority } = policy
    const flow = this.flows.of(keyOf(request))
    const state = this.gates.tag(tag)
    const id = laneIdOf(state, priority, values)
    const known = flow.laneOf(id)
    if (known !== undefined) return known
    const gates = this.gates.limits.gatesOf(flow, state, values)
    const Kind = this.overload === undefined ? Lane : SheddingLane
    const lane = new Kind(id, flow, state, priority, gates, this.ordering)
    flow.addLane(lane)
    return lane
  }
}
