/** Requests of one lane that run in one attempt: whether there are enough of them yet, and who comes along with the first. */
import { isDue } from "../internal/deadlines.ts"
import type { PoolRequest } from "../internal/request.ts"
import type { Lane } from "./flow.ts"
import { Gate } from "./gate.ts"
import type { Ranked } from "./ranked.ts"

const nobody: ReadonlyArray<PoolRequest> = []

export class Batches {
  /** Nobody waits for others any more: the pool drains. */
  areHasty = false
  private readonly fillings = new WeakMap<Lane, Filling>()
  private along: ReadonlyArray<PoolRequest> = nobody

  /** Where this lane waits for more to come; `undefined`: its requests run one by one. */
  fillingOf(lane: Lane): Filling | undefined {
    if (lane.tag.batching === undefined) return undefined
    let filling = this.fillings.get(lane)
    if (filling === undefined) this.fillings.set(lane, (filling = new Filling(lane, this)))
    return filling
  }

  /** The same, if it has to. */
  closed(lane: Lane, now: number): Gate | undefined {
    const filling = this.fillingOf(lane)
    return filling === undefined || filling.isOpen(now) ? undefined : filling
  }

  /**
   * One of this lane has started: takes out those that come along, in their order, and says how many. An attempt is one, so they pass
   * where attempts are counted; each pays for itself where starts, or requests until their end, are.
   */
  gather(lane: Lane, now: number): number {
    const { parkedAt } = lane
    // One was taken out of turn, past a gate that is closed to the others.
    if (parkedAt !== undefined && !(parkedAt instanceof Filling)) return 0
    const along: Array<PoolRequest> = []
    const others = lane.tag.batching!.size - 1
    for (let head = lane.head as Ranked | undefined; along.length < others; head = lane.head) {
      if (head === undefined || isDue(head.expiresAt, now) || !mayCome(lane, head, now)) break
      along.push(lane.take())
      enter(lane, head, now)
    }
    this.along = along
    return along.length
  }

  /** The one of a batch that speaks for a probe has its end before the others: one that goes on speaks in its place. */
  handOn(from: Ranked, members: ReadonlyArray<Ranked>): void {
    const { epoch } = from
    if (epoch === undefined) return
    // Where each speaks for itself there is none.
    const to = members.find((member) => member !== from && member.phase === "running" && member.epoch === undefined)
    if (to === undefined) return
    to.epoch = epoch
    from.epoch = undefined
  }

  /** Those that came along with the one that started last. */
  takeAlong(): ReadonlyArray<PoolRequest> {
    const { along } = this
    this.along = nobody
    return along
  }
}

/** A lane waits at it until there are enough for a batch, or the first has waited for long enough. */
export class Filling extends Gate {
  private readonly lane: Lane
  private readonly batches: Batches

  constructor(lane: Lane, batches: Batches) {
    super("tag", lane.tag.tag)
    this.lane = lane
    this.batches = batches
  }

  override get opensAt(): number {
    const { oldest, size, tag } = this.lane
    const { size: enough, withinMillis } = tag.batching!
    if (this.batches.areHasty || size >= enough || oldest === undefined) return -Infinity
    return oldest.since + withinMillis
  }

  /** For one lane: it is its own. */
  override places(now: number): number {
    return this.isOpen(now) ? 1 : 0
  }
}

/** Whether it counts there from now on until its end, by itself. */
const comesToStay = (gate: Gate, { holds }: Ranked): boolean => gate.limit!.limit.until === "request" && holds !== true

const mayCome = ({ gates }: Lane, request: Ranked, now: number): boolean =>
  gates.every((gate) => (comesToStay(gate, request) ? gate.isOpen(now) : gate.hasTokens && isDue(gate.opensAt, now)))

const enter = (lane: Lane, request: Ranked, now: number): void => {
  const { breaker, gates, size } = lane
  for (const gate of gates) {
    if (comesToStay(gate, request)) gate.enter(now)
    else gate.pay(now)
    gate.tokens?.take(now, size)
    if (gate.limit!.limit.until === "request") request.holds = true
  }
  if (breaker !== undefined) {
    request.epoch = breaker.begin(now)
    breaker.left(lane, false)
  }
  request.isStarted = true
}
