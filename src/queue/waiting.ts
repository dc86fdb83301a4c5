/**
 * Where requests wait: it alone decides which are let in and in which order they run.
 *
 * It holds `waiting` requests, `delayed` ones, and callers `blocked` at its door. Each step is synchronous, and ends no request: that is handed back.
 */

import type { Counters } from "../internal/counters.ts"
import { isDue } from "../internal/deadlines.ts"
import type { PoolRequest } from "../internal/request.ts"
import type { PoolConfig } from "../PoolConfig.ts"
import { type Door, FrontDoor } from "./door.ts"
import { Early } from "./early.ts"
import { FairQueue } from "./fairQueue.ts"
import type { Gate } from "./gate.ts"
import type { Alarm } from "./parking.ts"
import { KeyDoor } from "./keyDoor.ts"
import { Line, type Order } from "./order.ts"
import { Overload } from "./shedding/overload.ts"
import { callersOf, keyOf, prioritize, type Ranked } from "./ranked.ts"
import { SheddingLine } from "./shedding/shedding.ts"

/** What became of an offer; a request: accepted, and that one gave way to it. @internal */
export type Offered = "accepted" | "blocked" | "full" | PoolRequest

type Settings = Pick<PoolConfig["Service"], "capacity" | "strategy" | "discipline" | "maxScheduled">

/** The queue of one pool. Its requests are those of the inside: it is for the pool alone. @internal */
export class WaitingRequests {
  readonly capacity: number
  /** Once anything but the order of arrival has a say. It never goes back. */
  fair: FairQueue | undefined = undefined
  /** Of the strategy `"shedding"`. */
  readonly overload: Overload | undefined
  private hasKeys = false
  order: Order
  door: Door = new FrontDoor()
  private readonly delayedRequests = new Set<PoolRequest>()
  readonly early: Early
  private readonly settings: Settings
  private readonly counters: Counters
  private readonly alarm: Alarm

  constructor(settings: Settings, counters: Counters, alarm: Alarm) {
    this.capacity = settings.capacity
    this.early = new Early(settings.maxScheduled)
    this.settings = settings
    this.counters = counters
    this.alarm = alarm
    this.overload = settings.strategy === "shedding" ? new Overload(settings.discipline.shedding) : undefined
    this.order = this.overload === undefined ? new Line() : new SheddingLine(this.overload)
    if (settings.discipline.isSet) this.rank()
    if (settings.discipline.key !== undefined) this.tellKeys()
  }

  get waiting(): number {
    return this.order.size
  }

  /** Zero: nothing that waits could start now, whoever is free. */
  get free(): number {
    return this.order.free
  }

  get delayed(): number {
    return this.delayedRequests.size
  }

  /** Of the delayed ones, those that are not due yet for the first time. */
  get scheduled(): number {
    return this.early.delayed
  }

  /** Whether this one is refused since too many others are not due yet: a place would be no help. */
  refusesEarly(request: PoolRequest): boolean {
    return this.early.refuses(request)
  }

  get blocked(): number {
    return this.door.size
  }

  /** From now on keys, priorities and limits have their say; what waits already has none of them. */
  rank(): FairQueue {
    if (this.fair !== undefined) return this.fair
    if (this.order instanceof SheddingLine) this.order.close(-Infinity)
    const fair = new FairQueue(this.settings.discipline, this.alarm, this.overload)
    for (const request of this.order) fair.push(request, request.since)
    for (const request of this.delayedRequests) fair.delay(request, 1)
    this.order = fair
    return (this.fair = fair)
  }

  /** From now on a key may have no more than its share of the places. */
  tellKeys(): void {
    const { keyCapacity } = this.settings.discipline
    const { flows } = this.rank()
    if (this.hasKeys) return
    this.hasKeys = true
    if (this.settings.strategy === "sliding" || this.overload !== undefined) this.fair!.countByKey()
    if (keyCapacity === "none") return
    const door = new KeyDoor(flows, keyCapacity === "dynamic" ? () => this.capacity - this.places : () => keyCapacity)
    for (const request of this.door) door.push(request)
    this.door = door
  }

  /** `"full"`: refused and counted so. A request in answer: that one was taken out to make room and has to be ended. */
  offer(request: PoolRequest): Offered {
    this.counters.offered++
    if (request.details?.startsAt !== undefined && !this.early.add(request)) {
      this.counters.refusedFull++
      return "full"
    }
    // A place that has just come free belongs to whoever is blocked already.
    if (this.hasRoom && this.door.admits(request)) {
      this.accept(request, request.since)
      return "accepted"
    }
    switch (this.settings.strategy) {
      case "suspend":
        request.phase = "blocked"
        this.door.push(request)
        return "blocked"
      case "dropping":
        this.counters.refusedFull++
        this.early.delete(request)
        return "full"
      case "shedding":
      case "sliding": {
        const oldest = this.takeOldest(request)
        if (oldest === undefined) {
          this.counters.refusedFull++
          this.early.delete(request)
          return "full"
        }
        this.accept(request, request.since)
        return oldest
      }
    }
  }

  /** The next to run. Its place is free at once: see `admit`. `undefined` though some are free: see `FairQueue.take`. */
  take(now: number): PoolRequest | undefined {
    return this.overload === undefined ? this.order.take(now) : this.overload.take(now)
  }

  /** Takes this one, whoever is before it. */
  takeOut(request: PoolRequest, now: number): void {
    if (this.fair === undefined) this.order.remove(request, now)
    else this.fair.takeOut(request, now)
  }

  /** Lets in a caller that has been blocked, the one whose turn it is, if there is room. */
  admit(now: () => number): PoolRequest | undefined {
    if (this.door.size === 0 || !this.hasRoom) return undefined
    const request = this.door.next()
    if (request !== undefined) this.accept(request, now())
    return request
  }

  /** Lets in this blocked caller, whoever came before it and whether there is room: its request is about to be taken. */
  admitAtOnce(request: PoolRequest, now: number): void {
    this.door.remove(request)
    this.accept(request, now)
  }

  /** Keeps the place of a request that is not to start yet. */
  hold(request: PoolRequest): void {
    request.phase = "delayed"
    this.delayedRequests.add(request)
    this.order.delay(request, 1)
  }

  /** Puts a held request behind those that wait. It is never refused: its place was kept. */
  release(request: PoolRequest, now: number): void {
    this.early.due(request)
    this.forgetDelayed(request)
    request.phase = "waiting"
    // It keeps its turn where those behind it must wait for its end.
    if ((request as Ranked).holds === true) this.fair!.pushFirst(request, now)
    else this.order.push(request, now)
  }

  /** An attempt is over that does not count: the request waits before those that are like it. */
  putBack(request: PoolRequest, now: number): void {
    request.phase = "waiting"
    this.rank().pushFirst(request, now)
  }

  /** Takes a request out of its place, whichever that is. */
  withdraw(request: PoolRequest, now: number): void {
    if (request.phase === "waiting") this.order.remove(request, now)
    else if (request.phase === "delayed") this.forgetDelayed(request)
    else if (request.phase === "blocked") this.door.remove(request)
    this.early.delete(request)
  }

  /** An attempt has really ended, after so many milliseconds. */
  ended(request: PoolRequest, millis: number, now: number): void {
    if (this.fair !== undefined) this.fair.ended(request, millis, now)
  }

  /** A request has ended, be its attempt over or not. */
  settled(request: PoolRequest, now: number): void {
    if (this.fair !== undefined) this.fair.settled(request, now)
  }

  /** It is not the turn of those that this concerns for so long. Answers the gate that is closed. */
  notBefore(request: PoolRequest, at: string, now: number, millis: number): Gate {
    const { flows, gates } = this.rank()
    const flow = flows.of(keyOf(request))
    const gate = gates.close(request, flow, at, now, millis)
    flows.release(flow)
    return gate
  }

  /** What is in the way of this one, wherever it stands; `undefined`: nothing but those before it. */
  obstacle(request: PoolRequest, now: number): Gate | undefined {
    return this.fair?.obstacle(request, now)
  }

  /**
   * The same for one whose caller runs and waits for it: where that counts at a gate already it passes there, as with a lock
   * that its owner takes again. It could never come to its turn otherwise.
   */
  isHeldBack(request: PoolRequest, now: number): boolean {
    return !isDue(this.opensAt(request), now)
  }

  /** From when on it is not; `Infinity`: from when something ends, or somebody says so. */
  opensAt(request: PoolRequest): number {
    return this.fair === undefined ? -Infinity : this.fair.gates.opensAt(request, callersOf(request))
  }

  /** Another priority, and the place that goes with it. */
  setPriority(request: PoolRequest, priority: number, now: number): void {
    const change = () => prioritize(request, priority)
    const fair = this.rank()
    if (request.phase === "waiting") fair.setPriority(request, change, now)
    else change()
  }

  /** Whatever was paused in part goes on. */
  resumeAll(now: number): void {
    this.overload?.resume(now)
    this.fair?.gates.resumeAll(this.fair.flows.all, now)
  }

  /** How many that were held back are not, since somebody asked for the last time. */
  takeFreed(): number {
    return this.fair === undefined ? 0 : this.fair.takeFreed()
  }

  /** Everything in one of the places, oldest first. */
  all(phase: "blocked" | "waiting" | "delayed"): ReadonlyArray<PoolRequest> {
    return [...(phase === "blocked" ? this.door : phase === "waiting" ? this.order : this.delayedRequests)]
  }

  get hasRoom(): boolean {
    return this.places < this.capacity
  }

  /** Whether one more is let in, whosever it is. */
  get hasRoomForAny(): boolean {
    return this.hasRoom && !(this.door instanceof KeyDoor)
  }

  private get places(): number {
    return this.order.size + this.delayedRequests.size
  }

  accept(request: PoolRequest, now: number): void {
    this.counters.accepted++
    if (request.details?.startsAt !== undefined && this.early.accepted(request, now)) return this.hold(request)
    request.phase = "waiting"
    this.order.push(request, now)
  }

  /**
   * A full queue in which nothing waits is full of delayed requests: then the one delayed for longest gives way, but not in a pool that
   * gives up what has waited for too long: these wait for a reason.
   */
  private takeOldest(request: PoolRequest): PoolRequest | undefined {
    // While there is room it is its own key that has no more.
    const key = this.hasRoom ? keyOf(request) : undefined
    const waiting = this.order.takeOldest(key, request.since)
    if (waiting !== undefined || this.overload !== undefined) return waiting
    const isOfKey = (delayed: PoolRequest) => key === undefined || keyOf(delayed) === key
    const delayed = [...this.delayedRequests].find(isOfKey)!
    this.forgetDelayed(delayed)
    return delayed
  }

  private forgetDelayed(request: PoolRequest): void {
    this.delayedRequests.delete(request)
    this.early.delete(request)
    this.order.delay(request, -1)
  }
}
