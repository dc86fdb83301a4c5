/** The limits of a queue, and which of their gates a request has to pass. */
import type * as Limit from "../Limit.ts"
import type { Flow, Lane } from "./flow.ts"
import { type Gate, LimitState } from "./gate.ts"
import type { Values } from "./ranked.ts"
import type { TagState } from "./tagState.ts"

/** One for all lanes. */
const none: ReadonlyArray<Gate> = []

export class Limits {
  readonly all: Array<LimitState>
  /** Those that count the whole pool have one gate, by their index. */
  private readonly ofPool: ReadonlyArray<Gate | undefined>
  /** Those with a function, in whose order their values come. */
  private readonly valued: ReadonlyArray<LimitState>

  constructor(limits: ReadonlyArray<Limit.Limit>) {
    this.all = limits.map((limit, index) => new LimitState(index, limit))
    this.valued = this.all.filter(({ limit }) => typeof limit.per === "function")
    this.ofPool = this.all.map((state) => (state.limit.per === "pool" ? state.newGate(undefined) : undefined))
  }

  /** One more, which no lane that is there has to pass. */
  add<L extends LimitState>(make: (index: number) => L): L {
    const made = make(this.all.length)
    this.all.push(made)
    return made
  }

  find(name: string): LimitState | undefined {
    return this.all.find(({ limit }) => limit.name === name)
  }

  /** The gates that a request has to pass, in the order of the limits. */
  gatesOf(flow: Flow, tag: TagState, values: Values | undefined): ReadonlyArray<Gate> {
    if (this.all.length === 0) return none
    const gates: Array<Gate> = []
    for (const state of this.all) {
      const gate = state.appliesTo(tag.tag) ? this.gateOf(state, flow, tag, values) : undefined
      if (gate !== undefined) gates.push(gate)
    }
    return gates
  }

  /** That of the limit of this name, if a request has to pass it. */
  gateAt(name: string, flow: Flow, tag: TagState, values: Values | undefined): Gate | undefined {
    const state = this.find(name)
    const gate = state?.appliesTo(tag.tag) === true ? this.gateOf(state, flow, tag, values) : undefined
    // It is for no lane.
    if (gate !== undefined) this.letGoOf(gate)
    return gate
  }

  private gateOf(state: LimitState, flow: Flow, tag: TagState, values: Values | undefined): Gate | undefined {
    const { index, limit } = state
    const { per } = limit
    if (per === "pool") return this.ofPool[index]
    if (per === "tag") return (tag.gates[index] ??= state.newGate(tag.tag))
    if (per === "key") return ((flow.gates ??= [])[index] ??= state.newGate(flow.key))
    const value = values?.[this.valued.indexOf(state)]
    if (value === undefined) return undefined
    let gate = state.byValue.get(value)
    if (gate === undefined) state.byValue.set(value, (gate = state.newGate(value)))
    gate.lanes++
    state.lingering.delete(gate)
    return gate
  }

  /** This lane is no more. */
  release(lane: Lane): void {
    for (const gate of lane.gates) this.letGoOf(gate)
  }

  private letGoOf(gate: Gate): void {
    const { limit, lingering } = gate.limit!
    if (typeof limit.per === "function" && --gate.lanes === 0) lingering.add(gate)
  }

  /** Forgets gates of values of which nothing needs to be known, two for each request that leaves the queue or ends. */
  sweep(now: number): void {
    for (const { byValue, lingering } of this.valued) {
      for (let looks = 0; looks < 2; looks++) {
        const gate = lingering.values().next().value
        if (gate === undefined) break
        lingering.delete(gate)
        if (gate.isBlank(now)) {
          byValue.delete(gate.of!)
          gate.forget()
        } else lingering.add(gate)
      }
    }
  }

  /** Every gate of a limit. */
  *gatesIn(
    { byValue, index, limit: { per } }: LimitState,
    tags: Iterable<TagState>,
    flows: Iterable<Flow>
  ): Iterable<Gate> {
    if (per === "pool") yield this.ofPool[index]!
    else if (typeof per === "function") yield* byValue.values()
    else for (const { gates } of per === "tag" ? tags : flows) if (gates?.[index]) yield gates[index]
  }

  /** Breakers that are not closed. */
  *tripped(): Iterable<Gate> {
    for (const { tripped } of this.all) yield* tripped
  }

  /** The gates of limits that count the whole pool, or each tag: there are few. */
  *few(tags: Iterable<TagState>): Iterable<Gate> {
    for (const gate of this.ofPool) if (gate !== undefined) yield gate
    for (const { gates } of tags) for (const gate of gates) if (gate !== undefined) yield gate
  }
}
