/** Who waits at which gate, and when those open: nothing that waits is looked at again before. */
import { isDue } from "../internal/deadlines.ts"
import { Bench, type Seated } from "./bench.ts"
import type { Lane } from "./flow.ts"
import type { Gate } from "./gate.ts"
import { Heap } from "./heap.ts"
import type { Ranked } from "./ranked.ts"
import { Shares } from "./shares.ts"

/** What rings when a gate opens. */
export interface Alarm {
  /** At this instant, in place of any other. */
  set(at: number, now: number): void
  clear(): void
}

/** This lane waits no more: it goes where its requests can be taken. The gate has so many places for them. */
export type OnLetGo = (lane: Lane, places: number, now: number) => void

/** So many lanes go from one closed gate to another in one step. */
const mostMoved = 1000

export abstract class Parking {
  /** Requests that wait at a gate. */
  heldBack = 0
  /** Those at which somebody waits. */
  protected readonly crowded = new Set<Gate>()
  /** Of those that open by themselves, and at which somebody waits. */
  private readonly timed = new Heap<Gate>((a, b) => a.timedAt < b.timedAt)
  private alarmAt = Infinity
  private readonly alarm: Alarm
  private readonly onLetGo: OnLetGo

  constructor(alarm: Alarm, onLetGo: OnLetGo) {
    this.alarm = alarm
    this.onLetGo = onLetGo
  }

  /** The first closed gate before the head of this lane. */
  abstract closed(lane: Lane, now: number): Gate | undefined

  /** The lane waits at this gate until that opens. */
  park(lane: Lane, gate: Gate, now: number): void {
    lane.parkedAt = gate
    const parked = (gate.parked ??= benchOf(gate))
    gate.shares?.onPark(lane)
    parked.add(lane)
    gate.noteHead(lane, (lane.head as Ranked | undefined)?.holds === true)
    if (parked.size === 1) this.crowded.add(gate)
    this.count(lane, gate, lane.size)
    gate.seekTokens(now)
    // One whose time has come stays watched until what waits at it has been looked at.
    if (!isDue(gate.timedAt, now)) this.watch(gate, now)
  }

  unpark(lane: Lane): void {
    const gate = lane.parkedAt!
    lane.parkedAt = undefined
    gate.parked!.remove(lane)
    gate.shares?.onUnpark(lane)
    gate.returned?.delete(lane)
    this.count(lane, gate, -lane.size)
    if (gate.isCrowded) return
    gate.shares?.clear()
    this.crowded.delete(gate)
    this.unwatch(gate)
  }

  /** Another request is the next of a lane that waits at a gate. */
  changed(lane: Lane): void {
    const gate = lane.parkedAt!
    gate.parked!.changed(lane)
    gate.noteHead(lane, (lane.head as Ranked | undefined)?.holds === true)
  }

  /** So many more, or fewer, requests stand in a lane that waits at a gate. */
  count({ flow, tag }: Lane, gate: Gate, requests: number): void {
    this.heldBack += requests
    gate.heldBack += requests
    flow.heldBack += requests
    tag.heldBack += requests
    const { limit } = gate
    if (limit === undefined) return
    limit.heldBack += requests
    if (requests > 0) limit.limit.places?.want()
  }

  /** A lane that a gate has let go has been used, or is of no use: another one may go. */
  used(lane: Lane, now: number): void {
    const gate = lane.wokenBy
    if (gate === undefined) return
    lane.wokenBy = undefined
    gate.woken--
    if (gate.isCrowded) this.letGo(gate, now)
  }

  /**
   * Lets as many lanes go as have room, first those that count already. One that comes to another closed gate waits there. `false`:
   * so many did that the host is to have a turn before the others.
   */
  letGo(gate: Gate, now: number): boolean {
    let moved = 0
    for (let next = gate.nextToGo(now); next !== undefined; next = gate.nextToGo(now)) {
      const lane = next as Lane
      this.unpark(lane)
      const closed = this.closed(lane, now)
      if (closed !== undefined) {
        this.park(lane, closed, now)
        if (++moved < mostMoved) continue
        this.watchAt(gate, now, now)
        return false
      }
      lane.wokenBy = gate
      gate.woken++
      // One that counts already needs no place.
      this.onLetGo(lane, Math.max(1, gate.places(now)), now)
    }
    gate.seekTokens(now)
    this.watch(gate, now)
    return true
  }

  /** Lets go what waits at gates whose time has come. */
  openDue(now: number): void {
    for (let gate = this.timed.first; gate !== undefined && isDue(gate.timedAt, now); gate = this.timed.first) {
      this.unwatch(gate)
      if (!this.letGo(gate, now)) break
    }
    this.setAlarm(now)
  }

  /** The alarm has rung. */
  onAlarm(now: number): void {
    this.alarmAt = Infinity
    this.openDue(now)
  }

  get hasTimed(): boolean {
    return this.timed.size > 0
  }

  /** Nobody waits any more, and nothing is to ring. */
  stop(): void {
    this.alarmAt = Infinity
    this.alarm.clear()
  }

  protected watch(gate: Gate, now: number): void {
    const at = gate.isCrowded ? gate.opensAt : Infinity
    if (at === Infinity || isDue(at, now)) this.unwatch(gate)
    else this.watchAt(gate, at, now)
  }

  private watchAt(gate: Gate, at: number, now: number): void {
    gate.timedAt = at
    if (gate.heapAt < 0) this.timed.push(gate)
    else this.timed.changed(gate)
    this.setAlarm(now)
  }

  private unwatch(gate: Gate): void {
    if (gate.heapAt < 0) return
    this.timed.remove(gate)
    gate.timedAt = Infinity
    if (this.timed.size === 0 && this.alarmAt !== Infinity) this.stop()
  }

  /** The alarm may ring too early, never too late. */
  private setAlarm(now: number): void {
    const at = this.timed.first?.timedAt ?? Infinity
    if (at >= this.alarmAt) return
    this.alarmAt = at
    this.alarm.set(at, now)
  }
}

/** At the gate of a key, and at pauses and times, the keys stand as they do for a worker. */
const benchOf = (gate: Gate): Bench<Seated> => {
  if (gate.limit !== undefined && gate.limit.limit.per !== "key") gate.shares = new Shares()
  return new Bench(false, gate.shares)
}
