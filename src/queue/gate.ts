/** What a start must pass: one count of a limit, or a pause, or a time before which nothing starts. */
import type { Asker, ThreadChange } from "../Capacity.ts"
import { isDue } from "../internal/deadlines.ts"
import type { Limit } from "../Limit.ts"
import type { BreakerCounts } from "../PoolSnapshot.ts"
import type { Bench, Seated } from "./bench.ts"
import type { Heaped } from "./heap.ts"
import type { Shares } from "./shares.ts"
import { Tokens } from "./tokens.ts"

const nothing: Iterable<never> = []

/** One limit as it is in force, and what all of its gates have in common. */
export class LimitState implements Asker {
  limit!: Limit
  /** Its place among the limits of the pool. */
  readonly index: number
  paused = false
  /** Where others say how much may run at once: hears that more may. */
  onFree: () => void = () => {}
  isHeard: () => boolean = () => false
  onThread: (change: ThreadChange) => void = () => {}
  /** Where others allow starts: a gate has so many more or, of none, may ask again after so long. */
  onLeased: (gate: Gate, leased: number, againMillis: number) => void = () => {}
  running = 0
  heldBack = 0
  started = 0
  gates = 0
  /** Milliseconds that one start takes of the rate; `0`: there is none. */
  interval = 0
  /** How far ahead of the rate starts may be. */
  tolerance = 0
  /** Where a function says what is counted together: by what it says. */
  readonly byValue = new Map<string, Gate>()
  /** Of those, the ones that no lane refers to, in the order in which they became so. */
  readonly lingering = new Set<Gate>()

  constructor(index: number, limit: Limit) {
    this.index = index
    this.change(limit)
  }

  change(limit: Limit): void {
    this.limit = limit
    const { rate } = limit
    this.interval = rate === undefined ? 0 : rate.periodMillis / rate.limit
    this.tolerance = rate === undefined ? 0 : (rate.burst - 1) * this.interval
  }

  /** How many may run at once, at each of its gates. */
  get concurrency(): number {
    return this.limit.places === undefined ? this.limit.concurrency : this.limit.places.places
  }

  /** How many more may, where so many do already. */
  left(running: number): number {
    return this.limit.places === undefined ? this.limit.concurrency - running : this.limit.places.free
  }

  /** How its breakers stand, where it is none of numbers. */
  get breaker(): BreakerCounts | undefined {
    return undefined
  }

  /** Its breakers that are not closed. */
  get tripped(): Iterable<Gate> {
    return nothing
  }

  newGate(of: string | undefined): Gate {
    return new Gate("limit", this.limit.name, this, of)
  }

  appliesTo(tag: string): boolean {
    return this.limit.tags === undefined || this.limit.tags.has(tag)
  }
}

/** So many lanes are let go at once where nothing else bounds them; each that is used lets another one go. */
const mostAtOnce = 64

export class Gate implements Heaped {
  readonly kind: "pool" | "tag" | "key" | "limit"
  readonly name: string
  readonly of: string | undefined
  /** `undefined`: it is there for pauses and times alone. */
  readonly limit: LimitState | undefined
  /** Starts that others have allowed. `undefined`: nobody has to. */
  readonly tokens: Tokens | undefined
  paused = false
  /** Nothing starts before this instant. */
  notBefore = -Infinity
  /** What has passed and still counts. */
  running = 0
  started = 0
  /** Lanes that refer to it, where that is of interest. */
  lanes = 0
  /** Lanes that wait until it opens. */
  parked: Bench<Seated> | undefined = undefined
  /** What the keys that wait at it have had of it, where there can be several. */
  shares: Shares | undefined = undefined
  /** Of them those whose next request counts here already: time alone holds them back. */
  returned: Set<Seated> | undefined = undefined
  /** Requests in those lanes. */
  heldBack = 0
  /** Lanes that it has let go and that have not been used since. */
  woken = 0
  heapAt = -1
  /** When it opens, while somebody waits for that. */
  timedAt = Infinity
  /** When the last start would come if they all came at the rate: the "theoretical arrival time" of the algorithm. */
  private arrival = -Infinity

  constructor(kind: Gate["kind"], name: string, limit?: LimitState, of?: string) {
    this.kind = kind
    this.name = name
    this.limit = limit
    this.of = of
    if (limit !== undefined) limit.gates++
    const lessor = limit?.limit.lessor
    this.tokens =
      lessor && new Tokens(lessor, this, (leased, againMillis) => limit!.onLeased(this, leased, againMillis))
  }

  /** Whether one more may start; `holds`: it counts already where that lasts until its end. */
  isOpen(now: number, holds = false): boolean {
    return !this.isPaused && isDue(this.opensAt, now) && this.hasTokens && this.hasPlace(holds)
  }

  /** Whether it is open as far as others allow starts. */
  get hasTokens(): boolean {
    return this.tokens === undefined || this.tokens.left > 0
  }

  /** Whether it is open as far as their number goes. */
  hasPlace(holds: boolean): boolean {
    const { limit } = this
    return limit === undefined || (holds && limit.limit.until === "request") || limit.left(this.running) > 0
  }

  /** Whether one that counts here takes along what it asks for; `epoch`: that of a breaker in which it has begun. */
  carries(_epoch: number | undefined): boolean {
    return true
  }

  get isPaused(): boolean {
    return this.paused || this.limit?.paused === true
  }

  /** From when on it is open, as far as time says. */
  get opensAt(): number {
    const { limit, tokens } = this
    if (this.isPaused) return Infinity
    if (tokens !== undefined) return Math.max(this.notBefore, tokens.opensAt)
    return limit === undefined || limit.interval === 0
      ? this.notBefore
      : Math.max(this.notBefore, this.arrival - limit.tolerance)
  }

  /** How many may start now; `holds`: of those that count already. */
  places(now: number, holds = false): number {
    if (!this.isOpen(now, holds)) return 0
    const { limit } = this
    if (limit === undefined) return Infinity
    if (this.tokens !== undefined) return this.tokens.left
    const places = holds ? Infinity : limit.left(this.running)
    if (limit.interval === 0) return places
    const ahead = Math.max(this.arrival, now) - now
    // It is open: one may start, though the time to the next may be less than what clocks can tell.
    return Math.min(places, Math.max(0, Math.floor((limit.tolerance - ahead) / limit.interval + 1e-9)) + 1)
  }

  /** Whether a lane waits at it. */
  get isCrowded(): boolean {
    return this.parked !== undefined && this.parked.size > 0
  }

  /** The next request of a lane that waits at it is one that counts already, or is not. */
  noteHead(lane: Seated, holds: boolean): void {
    if (holds && this.limit?.limit.until === "request") (this.returned ??= new Set()).add(lane)
    else this.returned?.delete(lane)
  }

  /** The lane to be let go now, if any: first those whose next request counts already. */
  nextToGo(now: number): Seated | undefined {
    if (!this.isCrowded) return undefined
    const returned = this.returned?.values().next().value
    if (returned !== undefined && this.room(now, true) > 0) return returned
    return this.room(now) > 0 ? this.parked!.first : undefined
  }

  /** How many lanes may be let go now; `holds`: of those whose next request counts already. */
  room(now: number, holds = false): number {
    return Math.min(mostAtOnce, this.places(now, holds)) - this.woken
  }

  /** One starts. */
  enter(now: number): void {
    const limit = this.limit!
    this.running++
    limit.running++
    limit.limit.places?.enter()
    this.pay(now)
  }

  /** One starts that counts already. */
  pay(now: number): void {
    this.started++
    const limit = this.limit!
    limit.started++
    if (limit.interval > 0) this.arrival = Math.max(this.arrival, now) + limit.interval
  }

  /** What waits at it and needs nothing but tokens asks for some. */
  seekTokens(now: number): void {
    const { isCrowded, tokens } = this
    if (tokens === undefined || tokens.left > 0 || !isCrowded) return
    if (!this.isPaused && isDue(this.notBefore, now)) tokens.want(now)
  }

  leave(): void {
    const limit = this.limit!
    this.running--
    limit.running--
    limit.limit.places?.leave(limit)
  }

  /** Its limit has another rate: it owes no more than that allows to be owed. */
  forgive(now: number): void {
    const { interval, tolerance } = this.limit!
    this.arrival = Math.min(this.arrival, now + tolerance + interval)
  }

  /**
   * Whether it is as if it had just been made, or nearly so where there are very many: where nobody refers to it either it can be
   * forgotten.
   */
  isBlank(now: number, _areMany = false): boolean {
    return (
      this.running === 0 &&
      !this.paused &&
      this.notBefore <= now &&
      this.tokens?.isBlank(now) !== false &&
      (this.limit === undefined || this.limit.interval === 0 || this.arrival <= now)
    )
  }

  /** It is no more. */
  forget(): void {
    if (this.limit !== undefined) this.limit.gates--
  }
}
