/** The breakers of a queue: which tag has which, and who hears of them. */
import type { CircuitBreaker, State } from "../CircuitBreaker.ts"
import * as Limit from "../Limit.ts"
import { type BreakerGate, BreakerLimit } from "./breaker.ts"
import type { Limits } from "./limits.ts"
import type { Ranked } from "./ranked.ts"

export class Breakers {
  /** One of them is in another state than `from`. Where it has opened, what waits may have to end. */
  onChange: (gate: BreakerGate, from: State) => void = () => {}
  /** This one has come to wait at a breaker whose requests do not wait. */
  onRefused: (request: Ranked) => void = () => {}
  /** Some that were held back are not, though nothing else has ended. */
  onLetGo: () => void = () => {}
  /** Its `classify`, or `failures`, has thrown this, or has answered it, which is no answer. */
  onStrange: (gate: BreakerGate, what: unknown) => void = () => {}
  private readonly breakerOf: (tag: string) => CircuitBreaker | undefined

  constructor(breakerOf: (tag: string) => CircuitBreaker | undefined) {
    this.breakerOf = breakerOf
  }

  /** Those of a tag that comes for the first time. */
  of(tag: string, limits: Limits): BreakerLimit | undefined {
    const breaker = this.breakerOf(tag)
    if (breaker === undefined) return undefined
    const limit = Limit.ofBreaker(tag, breaker.per)
    return limits.add(
      (index) => new BreakerLimit(index, limit, tag, breaker, (gate, from) => this.onChange(gate, from))
    )
  }

  /** `request` waits behind this breaker now. */
  onPlaced(request: Ranked, gate: BreakerGate, now: number): void {
    if (gate.options.whenOpen === "fail" && gate.isTooMuch(gate.waiting, now)) this.onRefused(request)
  }
}
