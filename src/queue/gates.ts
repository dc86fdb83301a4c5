/** All gates of a queue: which a request has to pass, when they open, and who waits at them meanwhile. */
import { isDue } from "../internal/deadlines.ts"
import type * as Limit from "../Limit.ts"
import { Bench } from "./bench.ts"
import type { Flow, Lane } from "./flow.ts"
import { Gate, type LimitState } from "./gate.ts"
import { Heap } from "./heap.ts"
import { Limits } from "./limits.ts"
import type { Ranked } from "./ranked.ts"
import { TagState } from "./tagState.ts"

/** What rings when a gate opens. */
export interface Alarm {
  /** At this instant, in place of any other. */
  set(at: number, now: number): void
  clear(): void
}

/** So many lanes go from one closed gate to another in one step. */
const mostMoved = 1000

export class Gates {
  readonly limits: Limits
  /** Requests that wait at a gate. */
  heldBack = 0
  /** For times of the whole pool. */
  pool: Gate | undefined = undefined
  private readonly tags = new Map<string, TagState>()
  /** Of those that open by themselves, and at which somebody waits. */
  private readonly timed = new Heap<Gate>((a, b) => a.timedAt < b.timedAt)
  /** Those at which somebody waits. */
  private readonly crowded = new Set<Gate>()
  /** Those that somebody has closed. */
  private readonly paused = new Set<Gate>()
  /** There are, or were, others than those of limits. */
  private hasOwn = false
  private alarmAt = Infinity
  private readonly alarm: Alarm
  /** This lane waits no more: it goes where its requests can be taken. The gate has so many places for them. */
  private readonly onLetGo: (lane: Lane, places: number) => void

  constructor(limits: ReadonlyArray<Limit.Limit>, alarm: Alarm, onLetGo: (lane: Lane, places: number) => void) {
    this.limits = new Limits(limits)
    this.alarm = alarm
    this.onLetGo = onLetGo
  }

  tag(tag: string): TagState {
    let state = this.tags.get(tag)
    if (state === undefined) this.tags.set(tag, (state = new TagState(tag, this.tags.size)))
    return state
  }

  /** Whether anything could be in the way of anybody. */
  get areAny(): boolean {
    return this.hasOwn || this.limits.all.length > 0
  }

  get allTags(): Iterable<TagState> {
    return this.tags.values()
  }

  /** The first closed gate before the head of this lane. */
  closed(lane: Lane, now: number): Gate | undefined {
    const { flow, gates, tag } = lane
    if (this.pool !== undefined && !this.pool.isOpen(now)) return this.pool
    if (tag.gate !== undefined && !tag.gate.isOpen(now)) return tag.gate
    if (flow.gate !== undefined && !flow.gate.isOpen(now)) return flow.gate
    if (gates.length === 0) return undefined
    const holds = (lane.head as Ranked).holds === true
    for (let at = 0; at < gates.length; at++) if (!gates[at]!.isOpenFor(holds, now)) return gates[at]
    return undefined
  }

  /** An attempt starts: in the same step as the look whether it may. */
  enter(request: Ranked, { gates }: Lane, now: number): void {
    let keeps = false
    for (let at = 0; at < gates.length; at++) {
      const gate = gates[at]!
      const isKept = gate.limit!.limit.until === "request"
      keeps ||= isKept
      if (isKept && request.holds) gate.pay(now)
      else gate.enter(now)
    }
    if (keeps) request.holds = true
  }

  /** What lasts until then is over. All are left before anybody is let go. */
  leave({ gates }: Lane, until: "attempt" | "request", now: number): void {
    for (let at = 0; at < gates.length; at++) if (gates[at]!.limit!.limit.until === until) gates[at]!.leave()
    for (let at = 0; at < gates.length; at++) if (gates[at]!.isCrowded) this.letGo(gates[at]!, now)
  }

  /** The lane waits at this gate until that opens. */
  park(lane: Lane, gate: Gate, now: number): void {
    lane.parkedAt = gate
    const parked = (gate.parked ??= new Bench())
    parked.add(lane)
    gate.noteHead(lane, (lane.head as Ranked | undefined)?.holds === true)
    if (parked.size === 1) this.crowded.add(gate)
    this.count(lane, gate, lane.size)
    // One whose time has come stays watched until what waits at it has been looked at.
    if (!isDue(gate.timedAt, now)) this.watch(gate, now)
  }

  unpark(lane: Lane): void {
    const gate = lane.parkedAt!
    lane.parkedAt = undefined
    gate.parked!.remove(lane)
    gate.returned?.delete(lane)
    this.count(lane, gate, -lane.size)
    if (gate.isCrowded) return
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
    if (gate.limit !== undefined) gate.limit.heldBack += requests
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
      this.onLetGo(lane, Math.max(1, gate.places(now)))
    }
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

  /**
   * Nothing that shares this gate starts for so long: that of the request's key, of its tag, of the pool, or of the limit of that
   * name. One that the request does not pass is taken for that of its tag.
   */
  close(request: Ranked, flow: Flow, at: string, now: number, millis: number): Gate {
    const gate = this.shared(request, flow, at)
    // Never earlier than somebody else has said.
    gate.notBefore = Math.max(gate.notBefore, now + millis)
    this.watch(gate, now)
    return gate
  }

  private shared({ tag, values }: Ranked, flow: Flow, at: string): Gate {
    if (at === "pool") {
      this.hasOwn = true
      return (this.pool ??= new Gate("pool", ""))
    }
    if (at === "key") return this.ofKey(flow)
    const state = this.tag(tag)
    // Not those of its lane: that may be forgotten, and its gates with it, once nothing of it waits or runs.
    return this.limits.gateAt(at, flow, state, values) ?? this.ofTag(state)
  }

  private ofKey(flow: Flow): Gate {
    this.hasOwn = true
    return (flow.gate ??= new Gate("key", flow.key))
  }

  private ofTag(state: TagState): Gate {
    this.hasOwn = true
    return (state.gate ??= new Gate("tag", state.tag))
  }

  /** Nothing of this tag, or of this key, starts until that is taken back. */
  pause(what: TagState | Flow, paused: boolean, now: number): void {
    const gate = what instanceof TagState ? this.ofTag(what) : this.ofKey(what)
    gate.paused = paused
    if (paused) this.paused.add(gate)
    else this.paused.delete(gate)
    this.letGo(gate, now)
  }

  pauseLimit(state: LimitState, paused: boolean, flows: Iterable<Flow>, now: number): void {
    state.paused = paused
    for (const gate of this.limits.gatesIn(state, this.tags.values(), flows)) this.letGo(gate, now)
  }

  /** Another limit in its place. */
  change(state: LimitState, limit: Limit.Limit, flows: Iterable<Flow>, now: number): void {
    state.change(limit)
    for (const gate of this.limits.gatesIn(state, this.tags.values(), flows)) {
      gate.forgive(now)
      this.letGo(gate, now)
    }
  }

  /** Whatever somebody has paused goes on. */
  resumeAll(flows: Iterable<Flow>, now: number): void {
    for (const gate of this.paused) {
      gate.paused = false
      this.paused.delete(gate)
      this.letGo(gate, now)
    }
    for (const state of this.limits.all) if (state.paused) this.pauseLimit(state, false, flows, now)
  }

  /** Those of the pool's and the tags' limits, and of the others those that are closed by somebody or hold something back. */
  inUse(most: number): ReadonlyArray<Gate> {
    const found = new Set<Gate>()
    for (const gates of [this.limits.few(this.tags.values()), this.paused, this.crowded]) {
      for (const gate of gates) {
        if (found.size >= most) break
        found.add(gate)
      }
    }
    return [...found]
  }

  /** Nobody waits any more, and nothing is to ring. */
  stop(): void {
    this.alarmAt = Infinity
    this.alarm.clear()
  }

  private watch(gate: Gate, now: number): void {
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
