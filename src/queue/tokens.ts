/** Starts that somebody outside allows, some at a time: how many are in hand, and when there may be more. It reads no clock. */
import { isDue } from "../internal/deadlines.ts"
import type { Lessor } from "../Limit.ts"

/** Where they are needed. */
interface Waited {
  readonly of: string | undefined
  /** Requests that wait for them now. */
  readonly heldBack: number
}

/** Those of one gate. At most one lease is in hand, and one question is on its way. */
export class Tokens {
  /** Starts that are allowed now. */
  left = 0
  /** Before this instant nobody is asked: it was said that there are none. */
  askableAt = -Infinity
  private isAsking = false
  /** Where half of what was leased is used. */
  private low = 0
  /** Starts since the last lease, and when that came: from them comes how many the next one should have. */
  private used = 0
  private leasedAt = -Infinity
  /** How many were to come when it was asked, and when that was. */
  private coming = 0
  private askedAt = 0
  private readonly lessor: Lessor
  private readonly gate: Waited
  private readonly onAnswer: (leased: number, againMillis: number) => void

  /** `onAnswer` hears how many were leased or, of none, when to ask again; never from within `want` or `take`. */
  constructor(lessor: Lessor, gate: Waited, onAnswer: (leased: number, againMillis: number) => void) {
    this.lessor = lessor
    this.gate = gate
    this.onAnswer = onAnswer
  }

  /** When there may be some; `-Infinity`: there are, or one only has to ask. */
  get opensAt(): number {
    return this.left > 0 ? -Infinity : this.askableAt
  }

  /** One starts; so many wait behind it. Where they are more than are in hand, more are asked for before that is used up. */
  take(now: number, waiting: number): void {
    this.left--
    this.used++
    if (waiting > this.left && this.left <= this.low) this.want(now, waiting)
  }

  /** More are asked for, where that is of use: for what waits for them, or for so many that will. */
  want(now: number, coming = 0): void {
    if (this.isAsking || !isDue(this.askableAt, now)) return
    this.coming = coming
    this.askedAt = now
    if (this.missing() < 1) return
    this.isAsking = true
    this.lessor.ask(this.gate.of, this.missing, this.onAnswer)
  }

  /** As many as wait or are to be expected, up to a lease. */
  private readonly missing = (): number =>
    Math.min(this.lessor.lease, Math.max(this.coming, this.gate.heldBack, this.expected())) - this.left

  /** What was asked for has come; or none of it, and somebody may ask again after so long. */
  answered(now: number, leased: number, againMillis: number): void {
    this.isAsking = false
    if (leased === 0) {
      this.askableAt = now + againMillis
      return
    }
    this.left += leased
    this.low = this.left / 2
    this.used = 0
    this.leasedAt = now
    this.askableAt = -Infinity
  }

  /** Whether one made anew would do as well, but for what is left in hand. */
  isBlank(now: number): boolean {
    return !this.isAsking && isDue(this.askableAt, now)
  }

  /** As many as start here, at their rate since the last lease, while a whole lease lasts at the full rate; at most twice as many as last time. */
  private expected(): number {
    if (this.used === 0) return 0
    const { lease, leaseMillis } = this.lessor
    return Math.min(lease, 2 * this.used, Math.ceil((this.used * leaseMillis) / (this.askedAt - this.leasedAt)))
  }
}
