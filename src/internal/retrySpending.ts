/** What retries have left to spend: see `RetryBudget`. */
import type { RetryBudget } from "../RetryBudget.ts"

/** The window is made of so many parts: what was paid in goes with its part, after nine to ten tenths of the window. */
const parts = 10

/**
 * Available is `minPerSecond * window + ratio * first attempts - retries`, both of the window: the token budget of Finagle's `RetryBudget`
 * (its `LeakyTokenBucket`) and of Linkerd's `tower` budget. What was taken out comes back with its part as well, so that
 * what is there does not depend on what was spent long ago. Whole numbers are counted: sums of a fraction would miss one.
 */
export class RetrySpending {
  private readonly firsts = new Float64Array(parts)
  private readonly retries = new Float64Array(parts)
  private sumOfFirsts = 0
  private sumOfRetries = 0
  /** The number of the part in which we are, from the beginning of time. */
  private part = 0
  private readonly partMillis: number
  private readonly reserve: number
  private readonly ratio: number

  constructor({ minPerSecond, ratio, windowMillis }: RetryBudget) {
    this.partMillis = windowMillis / parts
    this.reserve = (minPerSecond * windowMillis) / 1000
    this.ratio = ratio
  }

  /** A first attempt starts. */
  deposit(now: number): void {
    this.moveTo(now)
    this.firsts[this.part % parts]!++
    this.sumOfFirsts++
  }

  /** A retry is decided. `false`: there is none left. */
  withdraw(now: number): boolean {
    if (this.available(now) < 1) return false
    this.retries[this.part % parts]!++
    this.sumOfRetries++
    return true
  }

  /** Retries that could be decided now. */
  available(now: number): number {
    this.moveTo(now)
    return this.reserve + this.ratio * this.sumOfFirsts - this.sumOfRetries + rounding
  }

  private moveTo(now: number): void {
    const part = Math.floor((now + rounding) / this.partMillis)
    // Each part is left once: however long nobody asked, ten of them are all.
    for (let left = Math.min(parts, part - this.part), at = part; left > 0; left--, at--) {
      const place = at % parts
      this.sumOfFirsts -= this.firsts[place]!
      this.sumOfRetries -= this.retries[place]!
      this.firsts[place] = this.retries[place] = 0
    }
    if (part > this.part) this.part = part
  }
}

/** Far less than one retry or a millisecond: what products and clocks may miss. */
const rounding = 1e-6
