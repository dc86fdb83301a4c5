/** All keys, and the time of the queue: how much service a key would have had that always wanted some. */
import type { Discipline } from "../Discipline.ts"
import type { PoolRequest } from "../internal/request.ts"
import { Flow } from "./flow.ts"
import { Ring } from "./ring.ts"

/**
 * Start-time fair queuing (Goyal, Vin and Cheng, 1996), with the cost charged when it is known. The time of the queue goes on with
 * the work that is done: otherwise keys that are always new would come before those that have had something.
 */
export class Flows {
  /** What a key has that comes new, or comes back. */
  virtual = 0
  /** Called whenever a key has one place more or fewer. */
  readonly onPlaces: Array<(flow: Flow) => void> = []
  private readonly byKey = new Map<string, Flow>()
  /** Keys without a request, in the order in which they became so. */
  private readonly idle = new Ring<Flow>()
  private active = 0
  private activeWeight = 0
  private running = 0
  private meanMillis = 0
  private readonly discipline: Discipline

  constructor(discipline: Discipline) {
    this.discipline = discipline
  }

  get size(): number {
    return this.byKey.size
  }

  /** As often as one likes. */
  get all(): Iterable<Flow> {
    return { [Symbol.iterator]: () => this.byKey.values() }
  }

  /** All that wait, oldest first. */
  requests(): ReadonlyArray<PoolRequest> {
    const requests: Array<PoolRequest> = []
    // One by one: as arguments of one call there may not be so many.
    for (const flow of this.byKey.values()) {
      for (const lane of flow.lanes()) for (const request of lane) requests.push(request)
    }
    return requests.sort((a, b) => a.since - b.since || a.sequence - b.sequence)
  }

  find(key: string): Flow | undefined {
    return this.byKey.get(key)
  }

  /** The key, which may be new. It is remembered until `release`, and while it has any request. */
  of(key: string): Flow {
    const flow = this.byKey.get(key)
    if (flow !== undefined) {
      if (flow.position >= 0) this.idle.remove(flow)
      return flow
    }
    const { agingMillis, weight } = this.discipline
    const weighs = weight === undefined ? 1 : weightOf(weight, key)
    // Whoever was asked may have sent a request of this very key.
    if (this.byKey.has(key)) return this.of(key)
    const made = new Flow(key, weighs, this.virtual, this.meanMillis, agingMillis)
    this.byKey.set(key, made)
    return made
  }

  /** So many more, or fewer, of its requests wait, or are between two attempts. */
  count(flow: Flow, waiting: number, delayed: number): void {
    flow.waiting += waiting
    flow.delayed += delayed
    const { onPlaces } = this
    for (let at = 0; at < onPlaces.length; at++) onPlaces[at]!(flow)
  }

  /** It wants workers again: what it did without meanwhile is not made up for, and what it has had too much is not forgotten. */
  join(flow: Flow): void {
    flow.virtual = Math.max(flow.virtual, this.virtual - flow.expected(flow.running))
    this.activate(flow)
  }

  /** It wants a worker, or has one. */
  activate(flow: Flow): void {
    if (flow.isActive) return
    flow.isActive = true
    this.active++
    this.activeWeight += flow.weight
  }

  /** It neither has workers nor wants any. */
  deactivate(flow: Flow): void {
    if (flow.isActive) {
      flow.isActive = false
      // Without any the sum is zero: rounding does not add up.
      this.activeWeight = --this.active === 0 ? 0 : this.activeWeight - flow.weight
    }
    this.release(flow)
  }

  /** One of its requests starts, at this rank. */
  onStart({ virtual }: Flow, rank: number): void {
    this.virtual = Math.max(this.virtual, Math.min(rank, virtual))
  }

  /** So many more, or fewer, of its attempts run. */
  run(flow: Flow, attempts: 1 | -1): void {
    flow.running += attempts
    this.running += attempts
  }

  /**
   * Whether it is lighter than its share: what runs of it and what could is no more, by its weight, than its part of all that runs,
   * among the keys that have workers or want some.
   */
  isLight({ heldBack, running, waiting, weight }: Flow): boolean {
    return (running + waiting - heldBack) * this.activeWeight <= this.running * weight
  }

  /** An attempt has kept a worker for so long. */
  charge(flow: Flow, millis: number): void {
    flow.charge(millis)
    this.meanMillis += (millis - this.meanMillis) / 8
    if (this.activeWeight > 0) this.virtual += millis / this.activeWeight
  }

  /** Nobody asks for it any more, unless it has a request. */
  release(flow: Flow): void {
    if (flow.isIdle && !flow.isActive && flow.position < 0) this.idle.push(flow)
  }

  /** Forgets keys of which nothing needs to be known: two looks for each request that leaves the queue or ends keep up with those that come. */
  sweep(now: number): void {
    for (let looks = 0; looks < 2; looks++) {
      const flow = this.idle.shift()
      if (flow === undefined) return
      const areMany = this.idle.size >= this.discipline.forgetKeys
      if ((flow.virtual > this.virtual && !areMany) || !hasBlankGates(flow, now, areMany)) {
        this.idle.push(flow)
        continue
      }
      this.byKey.delete(flow.key)
      for (const gate of flow.gates ?? []) gate?.forget()
    }
  }
}

const leastWeight = 1e-6
const mostWeight = 1e6

/** A weight that cannot be had is that of all others. Beyond the bounds sums of times would stop to be numbers, or to grow. */
const weightOf = (weight: (key: string) => number, key: string): number => {
  try {
    const said = weight(key)
    return said >= leastWeight && said <= mostWeight ? said : 1
  } catch {
    return 1
  }
}

const hasBlankGates = ({ gate, gates = [] }: Flow, now: number, areMany: boolean): boolean =>
  (gate === undefined || gate.isBlank(now, areMany)) &&
  gates.every((gate) => gate === undefined || gate.isBlank(now, areMany))
