/** A key and its lanes: what its requests have had of the workers, and those that wait, in lines of equals. */
import type { PoolRequest } from "../internal/request.ts"
import type { Ranking, Seated } from "./bench.ts"
import { BreakerGate } from "./breaker.ts"
import type { Gate } from "./gate.ts"
import type { Heaped } from "./heap.ts"
import { type Placed, Ring } from "./ring.ts"
import type { TagState } from "./tagState.ts"

/** How much of the last attempt goes into the mean. */
const newest = 1 / 8

/** One key. */
export class Flow implements Ranking, Placed {
  readonly key: string
  readonly weight: number
  /** Milliseconds that its attempts have kept workers, divided by its weight, or as much as it is taken to have had. */
  virtual: number
  waiting = 0
  heldBack = 0
  delayed = 0
  running = 0
  /** It waits for a worker, or has one. */
  isActive = false
  /** On the bench of those that may start. */
  seat: Heaped | undefined = undefined
  /** Among the keys that have no request; `-1`: it has some. */
  position = -1
  /** For pauses and times of this key. */
  gate: Gate | undefined = undefined
  /** Those of limits that count each key, by the limit's index. */
  gates: Array<Gate | undefined> | undefined = undefined
  private meanMillis: number
  private readonly agingMillis: number
  private only: Lane | undefined = undefined
  private others: Map<LaneId, Lane> | undefined = undefined

  /** `meanMillis`: how long its attempts are taken to last until one has. */
  constructor(key: string, weight: number, virtual: number, meanMillis: number, agingMillis: number) {
    this.key = key
    this.weight = weight
    this.virtual = virtual
    this.meanMillis = meanMillis
    this.agingMillis = agingMillis === Infinity ? 0 : agingMillis
  }

  /** The places that it has in the queue's capacity. */
  get places(): number {
    return this.waiting + this.delayed
  }

  get isIdle(): boolean {
    return this.places + this.running === 0
  }

  /**
   * Lower is earlier: what it has had, what its attempts that run now will take, and the head start of the one that would be
   * next (borrowed virtual time: Duda and Cheriton, 1999). Used up by what it then gets, so that it buys no share.
   */
  rankOf(lane: Seated): number {
    return this.virtual + this.expected(this.running) - this.headStartOf(lane)
  }

  /** What so many attempts are expected to take, by its weight. Of those that run it is never part of the time of the queue. */
  expected(attempts: number): number {
    return (attempts * this.meanMillis) / this.weight
  }

  headStartOf({ priority }: Seated): number {
    return priority * this.agingMillis
  }

  /** An attempt has kept a worker for so long. */
  charge(millis: number): void {
    this.virtual += millis / this.weight
    this.meanMillis += (millis - this.meanMillis) * newest
  }

  laneOf(id: LaneId): Lane | undefined {
    return this.only?.id === id ? this.only : this.others?.get(id)
  }

  addLane(lane: Lane): void {
    if (this.only === undefined) this.only = lane
    else (this.others ??= new Map()).set(lane.id, lane)
  }

  removeLane(lane: Lane): void {
    if (this.only === lane) this.only = undefined
    else this.others?.delete(lane.id)
  }

  *lanes(): Iterable<Lane> {
    if (this.only !== undefined) yield this.only
    if (this.others !== undefined) yield* this.others.values()
  }
}

/** Which of the lanes of its key it is. A text where functions of limits have their say. */
export type LaneId = number | string

export const laneIdOf = (
  { index }: TagState,
  priority: number,
  values: ReadonlyArray<string | undefined> | undefined
): LaneId => {
  const number = index * 32 + priority + 10
  if (values === undefined || values.every((value) => value === undefined)) return number
  // The length goes before a value: whatever is in it, two that differ give two texts.
  return values.reduce<string>(
    (id, value) => (value === undefined ? `${id}/` : `${id}/${value.length}:${value}`),
    String(number)
  )
}

/** How lanes of one key stand to each other. */
export interface Ordering {
  /** What one step of priority is worth, in milliseconds; `Infinity`: the higher one always comes first. */
  readonly agingMillis: number
  readonly isNewestFirst: boolean
}

/** Requests of one key that are alike: of one tag and one priority, and counted at the same gates. Among them order is exact. */
export class Lane implements Seated {
  readonly id: LaneId
  readonly flow: Flow
  readonly tag: TagState
  readonly priority: number
  /** Those of the limits, in the order of these. */
  readonly gates: ReadonlyArray<Gate>
  /** The one of them that hears how attempts end. */
  readonly breaker: BreakerGate | undefined
  /** What runs of it. */
  running = 0
  /** The gate at which it waits. */
  parkedAt: Gate | undefined = undefined
  /** The gate that has let it go, until it is used. */
  wokenBy: Gate | undefined = undefined
  heapAt = -1
  /** Those of strict priorities; 0: ages decide. */
  level: number
  /** Lower is earlier. */
  turn = 0
  tie = 0
  private readonly requests = new Ring<PoolRequest>(2)
  /** Where the newest comes first: those that come before it, since what others wait for may depend on them. */
  private returned: Ring<PoolRequest> | undefined = undefined
  protected readonly ordering: Ordering

  constructor(id: LaneId, flow: Flow, tag: TagState, priority: number, gates: ReadonlyArray<Gate>, ordering: Ordering) {
    this.id = id
    this.flow = flow
    this.tag = tag
    this.priority = priority
    this.gates = gates
    this.breaker = gates.find((gate) => gate instanceof BreakerGate)
    this.ordering = ordering
    this.level = ordering.agingMillis === Infinity ? priority : 0
  }

  get size(): number {
    return this.requests.size + (this.returned?.size ?? 0)
  }

  /** Whose turn it is. */
  get head(): PoolRequest | undefined {
    return this.ordering.isNewestFirst ? (this.returned?.last ?? this.requests.last) : this.requests.first
  }

  /** The one that has waited longest. */
  get oldest(): PoolRequest | undefined {
    return this.requests.first ?? this.returned?.first
  }

  push(request: PoolRequest): void {
    this.requests.push(request)
  }

  /** It is to be the next. */
  pushFirst(request: PoolRequest): void {
    if (this.ordering.isNewestFirst) (this.returned ??= new Ring(2)).push(request)
    else this.requests.unshift(request)
  }

  take(): PoolRequest {
    return (this.ordering.isNewestFirst ? (this.returned?.pop() ?? this.requests.pop()) : this.requests.shift())!
  }

  remove(request: PoolRequest): void {
    if (this.returned?.has(request) === true) this.returned.remove(request)
    else this.requests.remove(request)
  }

  /** The one whose age is that of the lane. */
  protected get turnOf(): PoolRequest | undefined {
    return this.head
  }

  /** The head is another one. */
  refresh(): void {
    const { turnOf } = this
    if (turnOf === undefined) return
    const { agingMillis, isNewestFirst } = this.ordering
    const start = agingMillis === Infinity ? 0 : this.priority * agingMillis
    this.turn = (isNewestFirst ? -turnOf.since : turnOf.since) - start
    this.tie = isNewestFirst ? -turnOf.sequence : turnOf.sequence
  }

  *[Symbol.iterator](): Iterator<PoolRequest> {
    yield* this.requests
    if (this.returned !== undefined) yield* this.returned
  }
}
