/** All gates of a queue: which a request has to pass, and who closes them. */
import type { Exit } from "effect"
import type { Discipline } from "../Discipline.ts"
import type * as Limit from "../Limit.ts"
import { Batches, Filling } from "./batching.ts"
import type { BreakerGate } from "./breaker.ts"
import { Breakers } from "./breakers.ts"
import type { Flow, Lane } from "./flow.ts"
import { Gate, type LimitState } from "./gate.ts"
import { Limits } from "./limits.ts"
import { type Alarm, type OnLetGo, Parking } from "./parking.ts"
import type { Ranked } from "./ranked.ts"
import { TagState } from "./tagState.ts"
import { verdictOf } from "./verdict.ts"

export class Gates extends Parking {
  readonly limits: Limits
  readonly batches = new Batches()
  /** For times of the whole pool. */
  pool: Gate | undefined = undefined
  private readonly tags = new Map<string, TagState>()
  /** Those that somebody has closed. */
  private readonly paused = new Set<Gate>()
  /** There are, or were, others than those of limits. */
  private hasOwn = false

  /** `undefined`: there are none. */
  readonly breakers: Breakers | undefined

  constructor({ breakerOf, limits }: Pick<Discipline, "breakerOf" | "limits">, alarm: Alarm, onLetGo: OnLetGo) {
    super(alarm, onLetGo)
    this.limits = new Limits(limits)
    this.breakers = breakerOf === undefined ? undefined : new Breakers(breakerOf)
  }

  tag(tag: string): TagState {
    let state = this.tags.get(tag)
    if (state !== undefined) return state
    this.tags.set(tag, (state = new TagState(tag, this.tags.size)))
    state.breakers = this.breakers?.of(tag, this.limits)
    return state
  }

  /** The breaker of this tag, or of this key of it, where there has been one for it. */
  breakerOf(tag: string, flow: Flow | undefined): BreakerGate | undefined {
    const { breakers, gates = [] } = this.tags.get(tag) ?? {}
    if (breakers === undefined) return undefined
    const of = breakers.limit.per === "key" ? flow?.gates : gates
    return of?.[breakers.index] as BreakerGate | undefined
  }

  /** A request waits in this lane from now on. */
  placed(request: Ranked, lane: Lane, now: number): void {
    lane.breaker!.placed(lane)
    this.breakers!.onPlaced(request, lane.breaker!, now)
  }

  /** How its attempt went, or, `undefined`, that nobody will hear of that. `isOver`: whoever ran it looks for others now. */
  judge(request: Ranked, exit: Exit.Exit<unknown, unknown> | undefined, isOver: boolean, now: number): void {
    const { epoch, lane } = request
    if (epoch === undefined) return
    request.epoch = undefined
    const breaker = lane!.breaker!
    if (epoch !== breaker.epoch) return
    const says =
      exit === undefined
        ? "Ignored"
        : verdictOf(breaker.options, exit, (what) => this.breakers!.onStrange(breaker, what))
    breaker.judge(epoch, says, now)
    if (!breaker.isCrowded) return
    this.letGo(breaker, now)
    if (!isOver) this.breakers!.onLetGo()
  }

  /** Whether anything could be in the way of anybody. */
  get areAny(): boolean {
    return this.hasOwn || this.limits.all.length > 0
  }

  /** The first closed gate before the head of this lane. */
  closed(lane: Lane, now: number): Gate | undefined {
    const { flow, gates, tag } = lane
    if (this.pool !== undefined && !this.pool.isOpen(now)) return this.pool
    if (tag.gate !== undefined && !tag.gate.isOpen(now)) return tag.gate
    if (flow.gate !== undefined && !flow.gate.isOpen(now)) return flow.gate
    if (gates.length > 0) {
      const holds = (lane.head as Ranked).holds === true
      for (let at = 0; at < gates.length; at++) if (!gates[at]!.isOpen(now, holds)) return gates[at]
    }
    return tag.batching === undefined ? undefined : this.batches.closed(lane, now)
  }

  /** Another request is the next of a lane that waits at a gate. */
  headChanged(lane: Lane, now: number): void {
    this.changed(lane)
    this.grown(lane, now)
  }

  /** One more stands in a lane that waits at a gate. */
  grown({ parkedAt, tag }: Lane, now: number): void {
    if (tag.batching !== undefined && parkedAt instanceof Filling) this.letGo(parkedAt, now)
  }

  /** One of this lane has started. Takes out those that come along with it, and says how many. */
  bringAlong(lane: Lane, now: number): number {
    const along = this.batches.gather(lane, now)
    if (lane.parkedAt !== undefined) this.count(lane, lane.parkedAt, -along)
    return along
  }

  /** The attempt has ended of one that came along, with that exit. */
  endAlong(request: Ranked, exit: Exit.Exit<unknown, unknown> | undefined, now: number): void {
    request.isStarted = false
    if (request.lane!.breaker !== undefined) this.judge(request, exit, true, now)
    if (request.holds !== true || request.phase !== "ended") return
    request.holds = false
    this.leave(request.lane!, "request", now)
  }

  /**
   * From when on no gate is closed for it, but for what `callers` count at already; `Infinity`: from when something ends, or
   * somebody says so. What counts at a breaker but is no probe of it passes there as others do.
   */
  opensAt(request: Ranked, callers: ReadonlyArray<Ranked>): number {
    const { flow, gates, tag } = request.lane!
    const countsAt = (gate: Gate) =>
      callers.some(
        ({ epoch, holds, isStarted, lane }) =>
          (isStarted === true || holds === true) && lane!.gates.includes(gate) && gate.carries(epoch)
      )
    if (gates.some(({ hasTokens }) => !hasTokens)) return Infinity
    if (gates.some((gate) => !gate.hasPlace(request.holds === true) && !countsAt(gate))) return Infinity
    const others = [this.pool, tag.gate, flow.gate, this.batches.fillingOf(request.lane!)]
    return Math.max(...[...others, ...gates].map((gate) => gate?.opensAt ?? -Infinity))
  }

  /** An attempt starts: in the same step as the look whether it may. */
  enter(request: Ranked, lane: Lane, now: number): void {
    const { gates } = lane
    let keeps = false
    for (let at = 0; at < gates.length; at++) {
      const gate = gates[at]!
      const isKept = gate.limit!.limit.until === "request"
      keeps ||= isKept
      if (isKept && request.holds) gate.pay(now)
      else gate.enter(now)
      gate.tokens?.take(now, lane.size)
      if (gate.isCrowded) gate.shares?.onStart(lane)
    }
    if (keeps) request.holds = true
    if (lane.breaker !== undefined) request.epoch = lane.breaker.begin(now)
  }

  /** An attempt has ended after so many milliseconds: that much its key has had of the gates at which others wait. */
  charge(lane: Lane, millis: number): void {
    const { flow, gates } = lane
    for (let at = 0; at < gates.length; at++) {
      const { isCrowded, parked, shares } = gates[at]!
      if (shares === undefined || !isCrowded) continue
      shares.onEnd(lane, millis)
      parked!.rerank(flow)
    }
  }

  /** What lasts until then is over. All are left before anybody is let go. */
  leave({ gates }: Lane, until: "attempt" | "request", now: number): void {
    for (let at = 0; at < gates.length; at++) if (gates[at]!.limit!.limit.until === until) gates[at]!.leave()
    for (let at = 0; at < gates.length; at++) if (gates[at]!.isCrowded) this.letGo(gates[at]!, now)
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
    this.open(state, flows, now)
  }

  /** What waits at this limit may start now, as far as there is room. */
  open(state: LimitState, flows: Iterable<Flow>, now: number): void {
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

  /** Whatever somebody has paused goes on, and nothing waits for others to come along. */
  resumeAll(flows: Iterable<Flow>, now: number): void {
    this.batches.areHasty = true
    for (const gate of this.crowded) if (gate instanceof Filling) this.letGo(gate, now)
    for (const gate of this.paused) {
      gate.paused = false
      this.paused.delete(gate)
      this.letGo(gate, now)
    }
    for (const state of this.limits.all) if (state.paused) this.pauseLimit(state, false, flows, now)
  }

  /** Those that somebody has closed or that hold something back, breakers that are not closed, and then the others of limits that count the pool or each tag. */
  inUse(most: number): ReadonlyArray<Gate> {
    const found = new Set<Gate>()
    for (const gates of [this.paused, this.crowded, this.limits.tripped(), this.limits.few(this.tags.values())]) {
      for (const gate of gates) {
        if (found.size >= most) break
        if (!(gate instanceof Filling)) found.add(gate)
      }
    }
    return [...found]
  }
}
