/** A circuit breaker as a gate: closed it lets everything through, open nothing, and half-open only probes. */
import type { CircuitBreaker, Classification, State, TripPolicy } from "../CircuitBreaker.ts"
import { isDue } from "../internal/deadlines.ts"
import type { Limit } from "../Limit.ts"
import type { BreakerCounts } from "../PoolSnapshot.ts"
import type { Seated } from "./bench.ts"
import { Gate, LimitState } from "./gate.ts"

/** The breakers of one tag: one, or one for each of its keys. */
export class BreakerLimit extends LimitState {
  readonly options: CircuitBreaker
  readonly tag: string
  /** Called when one of its gates has gone from one state to another. */
  readonly onChange: (gate: BreakerGate, from: State) => void
  private readonly others = new Set<BreakerGate>()
  private readonly counts = { open: 0, halfOpen: 0, opened: 0 }

  constructor(
    index: number,
    limit: Limit,
    tag: string,
    options: CircuitBreaker,
    onChange: (gate: BreakerGate, from: State) => void
  ) {
    super(index, limit)
    this.tag = tag
    this.options = options
    this.onChange = onChange
  }

  override get breaker(): BreakerCounts {
    return { per: this.options.per, ...this.counts }
  }

  override get tripped(): Iterable<BreakerGate> {
    return this.others
  }

  override newGate(of: string): BreakerGate {
    return new BreakerGate(this, of)
  }

  /** One of its gates is in another state, or, without `to`, no more. */
  moved(gate: BreakerGate, from: State, to: State | undefined): void {
    if (to === undefined || to === "Closed") this.others.delete(gate)
    else this.others.add(gate)
    if (from === "Open") this.counts.open--
    if (from === "HalfOpen") this.counts.halfOpen--
    if (to === "HalfOpen") this.counts.halfOpen++
    if (to !== "Open") return
    this.counts.open++
    this.counts.opened++
  }
}

/**
 * It opens by what attempts say and half-opens by time, with its first probe and without a timer. Each attempt is told the epoch in which
 * it begins, and gives it back once, with what it says: of another epoch than the present one that changes nothing. A probe
 * that says nothing makes room for the next, so that none which ends, however it does, can keep it half-open.
 */
export class BreakerGate extends Gate {
  state: State = "Closed"
  /** Since when; of one that has never been in another state: since always. */
  since = -Infinity
  /** Another one whenever it opens or closes. */
  epoch = 0
  /** Requests that wait behind it, at whatever gate. */
  waiting = 0
  /** Their lanes. */
  readonly lines = new Set<Seated>()
  private probing = 0
  private succeeded = 0
  private readonly breakers: BreakerLimit
  private readonly history: History

  constructor(breakers: BreakerLimit, of: string) {
    super("limit", breakers.limit.name, breakers, of)
    this.breakers = breakers
    this.history = historyOf(breakers.options.tripPolicy)
  }

  get options(): CircuitBreaker {
    return this.breakers.options
  }

  get tag(): string {
    return this.breakers.tag
  }

  /** `undefined`: it is that of all keys. */
  get key(): string | undefined {
    return this.options.per === "key" ? this.of : undefined
  }

  override hasPlace(): boolean {
    return this.state === "Closed" || this.free > 0
  }

  override places(now: number): number {
    return !this.isOpen(now) ? 0 : this.state === "Closed" ? Infinity : this.free
  }

  /** What an attempt that probes asks for within itself belongs to the probe. */
  override carries(epoch: number | undefined): boolean {
    return this.state === "HalfOpen" && epoch === this.epoch
  }

  /** Whether so many that wait behind it are more than it will let through for now. */
  isTooMuch(waiting: number, now: number): boolean {
    return this.state !== "Closed" && (!isDue(this.notBefore, now) || waiting > this.free)
  }

  /** An attempt starts. Answers the epoch in which that is; `undefined`: it is part of a probe, and says nothing itself. */
  begin(now: number): number | undefined {
    if (this.state === "Closed") return this.epoch
    if (this.state === "Open") this.become("HalfOpen", now)
    if (this.free === 0) return undefined
    this.probing++
    return this.epoch
  }

  /** What an attempt says that has begun in this epoch. */
  judge(epoch: number, says: Classification, now: number): void {
    if (epoch !== this.epoch) return
    if (this.state === "Closed") {
      if (says !== "Ignored" && this.history.add(says === "Failure")) this.open(now)
      return
    }
    this.probing--
    if (says === "Failure") this.open(now)
    else if (says === "Success" && ++this.succeeded === this.options.probes) this.close(now)
  }

  /** In how many milliseconds it is worth to ask again. */
  retryAfterMillis(now: number): number {
    // How long a probe takes nobody knows: a tenth of the time for which it would be open again.
    return Math.ceil(isDue(this.notBefore, now) ? this.options.openMillis / 10 : this.notBefore - now)
  }

  /** Lets everything through, whatever was before. */
  close(now: number): void {
    this.epoch++
    this.history.clear()
    this.notBefore = -Infinity
    this.become("Closed", now)
  }

  placed(lane: Seated): void {
    this.waiting++
    this.lines.add(lane)
  }

  left(lane: Seated, isEmpty: boolean): void {
    this.waiting--
    if (isEmpty) this.lines.delete(lane)
  }

  /** Where very many keys are remembered already, failures that did not make it open are forgotten, and so is what nobody probes. */
  override isBlank(now: number, areMany = false): boolean {
    return super.isBlank(now) && (areMany || (this.state === "Closed" && this.history.isBlank))
  }

  override forget(): void {
    super.forget()
    this.breakers.moved(this, this.state, undefined)
  }

  private get free(): number {
    return this.options.probes - this.succeeded - this.probing
  }

  private open(now: number): void {
    this.epoch++
    this.notBefore = now + this.options.openMillis
    this.become("Open", now)
  }

  private become(to: State, now: number): void {
    const from = this.state
    this.since = now
    this.state = to
    this.probing = this.succeeded = 0
    this.breakers.moved(this, from, to)
    this.breakers.onChange(this, from)
  }
}

/** What the last attempts have said. */
interface History {
  /** One more. `true`: it is enough to open. */
  readonly add: (failed: boolean) => boolean
  readonly clear: () => void
  /** It is as if nothing had been said. */
  readonly isBlank: boolean
}

const historyOf = (trip: TripPolicy): History =>
  trip._tag === "Consecutive" ? new InARow(trip.failures) : new Last(trip)

class InARow implements History {
  private failures = 0
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  add(failed: boolean): boolean {
    this.failures = failed ? this.failures + 1 : 0
    return this.failures >= this.most
  }

  clear(): void {
    this.failures = 0
  }

  get isBlank(): boolean {
    return this.failures === 0
  }
}

class Last implements History {
  /** `undefined` until there is one: with a breaker for each key most never have any. */
  private failed: Uint8Array | undefined = undefined
  private next = 0
  private size = 0
  private failures = 0
  private readonly trip: Extract<TripPolicy, { readonly _tag: "Rate" }>

  constructor(trip: Extract<TripPolicy, { readonly _tag: "Rate" }>) {
    this.trip = trip
  }

  add(failed: boolean): boolean {
    const { minimumCalls, size, threshold } = this.trip
    const kept = (this.failed ??= new Uint8Array(size))
    this.failures += Number(failed) - kept[this.next]!
    kept[this.next] = Number(failed)
    this.next = (this.next + 1) % size
    if (this.size < size) this.size++
    return this.size >= minimumCalls && this.failures > 0 && this.failures >= threshold * this.size - rounding
  }

  clear(): void {
    this.failed = undefined
    this.next = this.size = this.failures = 0
  }

  /** Successes count as well: without them one failure would be a greater share. */
  get isBlank(): boolean {
    return this.size === 0
  }
}

/** What a product of a fraction may miss: 0.07 of 100 is more than 7. */
const rounding = 1e-9
