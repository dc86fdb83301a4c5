/** Lanes that wait for the same, in the order of their turns: first that of their key, and within a key their own. */
import { Heap, type Heaped } from "./heap.ts"

/** A key, as far as its turn goes. */
export interface Ranking {
  /** Lower is earlier. It may grow without a word; where it may have become less somebody says so. */
  rankOf(first: Seated): number
  readonly weight: number
  /** What so many attempts of it will take, by its weight. */
  expected(attempts: number): number
  /** What its priority is worth to this lane. */
  headStartOf(first: Seated): number
  /** Owned by the bench that keeps its seats with the keys. */
  seat?: Heaped | undefined
}

/** A lane, as far as its turn goes. */
export interface Seated extends Heaped {
  readonly flow: Ranking
  readonly priority: number
  /** Higher is earlier, whatever its turn. */
  readonly level: number
  /** Lower is earlier. */
  readonly turn: number
  readonly tie: number
}

/** Of two lanes, whose turn is first. Within a key it is what decides, between keys of equal rank too. */
export const isBefore = (a: Seated, b: Seated): boolean =>
  a.level !== b.level ? a.level > b.level : a.turn !== b.turn ? a.turn < b.turn : a.tie < b.tie

/** Whoever says whose turn it is, where that is not the key's own rank. */
export interface Ranks {
  rankOf(first: Seated): number
}

export class Bench<L extends Seated> {
  private readonly seats = new Heap<Seat<L>>(isSeatBefore)
  /** By key. `undefined` while there is but one, as at the gate of a key. */
  private byFlow: Map<Ranking, Seat<L>> | undefined = undefined
  private readonly isWithKeys: boolean
  private readonly ranks: Ranks | undefined
  size = 0

  /** `isWithKeys`: seats are found at their keys, without a look-up. Of the benches of a queue one can do so. */
  constructor(isWithKeys = false, ranks?: Ranks) {
    this.isWithKeys = isWithKeys
    this.ranks = ranks
  }

  add(lane: L): void {
    this.size++
    const { flow } = lane
    let seat = this.seatOf(flow)
    if (seat === undefined) {
      seat = new Seat(lane, this.rankOf(lane))
      if (this.isWithKeys) flow.seat = seat
      else if (this.seats.size === 1) this.byFlow ??= new Map([[this.seats.first!.flow, this.seats.first!]])
      this.byFlow?.set(flow, seat)
      this.seats.push(seat)
    } else {
      seat.add(lane)
      this.changedSeat(seat)
    }
  }

  remove(lane: L): void {
    this.size--
    const { flow } = lane
    const seat = this.seatOf(flow)!
    if (seat.remove(lane)) this.changedSeat(seat)
    else {
      this.seats.remove(seat)
      if (this.isWithKeys) flow.seat = undefined
      this.byFlow?.delete(flow)
    }
  }

  /** Whether a lane of this key is there. */
  has(flow: Ranking): boolean {
    return this.seatOf(flow) !== undefined
  }

  /** The head of this lane is another one. */
  changed(lane: L): void {
    const seat = this.seatOf(lane.flow)!
    seat.changed(lane)
    this.changedSeat(seat)
  }

  /** The rank of this key is another one. Nothing happens where it is not. */
  rerank(flow: Ranking): void {
    const seat = this.seatOf(flow)
    if (seat !== undefined) this.changedSeat(seat)
  }

  /** The one whose turn it is. Where ranks have grown without a word that is found out here. */
  get first(): L | undefined {
    for (let seat = this.seats.first; seat !== undefined; seat = this.seats.first) {
      if (seat.rank >= this.rankOf(seat.first)) return seat.first
      this.changedSeat(seat)
    }
    return undefined
  }

  /** In no order. */
  *[Symbol.iterator](): Iterator<L> {
    for (const seat of this.seats) yield* seat.all
  }

  private seatOf(flow: Ranking): Seat<L> | undefined {
    if (this.isWithKeys) return flow.seat as Seat<L> | undefined
    if (this.byFlow !== undefined) return this.byFlow.get(flow)
    const only = this.seats.first
    return only?.flow === flow ? only : undefined
  }

  private rankOf(first: L): number {
    return this.ranks === undefined ? first.flow.rankOf(first) : this.ranks.rankOf(first)
  }

  private changedSeat(seat: Seat<L>): void {
    seat.rank = this.rankOf(seat.first)
    this.seats.changed(seat)
  }
}

/** The lanes of one key. There is mostly one: then there is no heap. */
class Seat<L extends Seated> implements Heaped {
  readonly flow: Ranking
  rank: number
  heapAt = -1
  private only: L | undefined
  private lanes: Heap<L> | undefined = undefined

  constructor(lane: L, rank: number) {
    this.flow = lane.flow
    this.only = lane
    this.rank = rank
  }

  get first(): L {
    return this.only ?? this.lanes!.first!
  }

  get all(): Iterable<L> {
    return this.lanes ?? [this.only!]
  }

  add(lane: L): void {
    if (this.lanes === undefined) {
      this.lanes = new Heap<L>(isBefore)
      this.lanes.push(this.only!)
      this.only = undefined
    }
    this.lanes.push(lane)
  }

  /** Whether any is left. */
  remove(lane: L): boolean {
    if (this.lanes === undefined) return false
    this.lanes.remove(lane)
    return this.lanes.size > 0
  }

  changed(lane: L): void {
    this.lanes?.changed(lane)
  }
}

/** One for all benches: each gate has one. */
const isSeatBefore = <L extends Seated>(a: Seat<L>, b: Seat<L>): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.flow !== b.flow && isBefore(a.first, b.first))
