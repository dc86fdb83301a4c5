/** What time it is for the pool: by the monotonic clock and, where that does not keep up with the timers, by them. */
import { Clock, Context } from "effect"

/** Hosts count the time of a timer in whole milliseconds, from a whole one on: it rings up to this much early. */
const earlyMillis = 2

/** From this length on a timer says whether the clock goes again. */
const tellingMillis = 10

/**
 * Milliseconds since this was made. A change of the wall clock moves none of them.
 *
 * A timer that has rung is evidence that its time has passed. Where the clock says otherwise (a test has put its timers in
 * the place of the host's, but not its clock) it is moved on. From then on the wall clock is followed if it goes with the
 * timers, and else the timers alone. A wall clock that says that a timer's time has come, before it has rung, was set: that moves nothing.
 */
export class Time {
  private readonly clock: Clock.Clock
  /** What the monotonic clock showed at zero, or would have shown had it kept up. */
  private start: bigint
  private last = 0
  private source: "clock" | "wall" | "timers" = "clock"
  /** An instant by both: time counts from there on while the wall clock is followed. */
  private wallFrom = 0
  private from = 0
  /** The timer that was set last: for how long, and what the clocks showed. */
  private millis = 0
  private clockThen = 0
  private wallThen = 0
  private ringsAt = Infinity
  /** What time it is at least, by the timers: those that follow one another add up. */
  private vouched = 0

  constructor(context: Context.Context<never>) {
    this.clock = Context.get(context, Clock.Clock)
    this.start = this.clock.monotonicTimeNanosUnsafe()
  }

  readonly now = (): number => {
    const millis = this.byClock()
    return millis >= this.last && this.source !== "wall" ? (this.last = millis) : this.nowDisturbed(millis)
  }

  /** A timer is set, in place of any earlier one. */
  set(now: number, millis: number): void {
    this.millis = millis
    this.ringsAt = now + Math.ceil(millis)
    this.vouched = Math.max(this.vouched, now)
    this.clockThen = this.byClock()
    this.wallThen = this.clock.currentTimeMillisUnsafe()
  }

  /** By how much its time is past already. */
  get lateMillis(): number {
    return this.now() - this.ringsAt
  }

  /** That timer has rung. Answers how many milliseconds the time was moved on for it: so far it had shown too little. */
  rang(): number {
    const now = this.now()
    this.ringsAt = Infinity
    // Of a fraction a host makes a whole number, and of less than one one.
    const slept = this.millis < 1 ? this.millis : Math.floor(this.millis)
    this.vouched += slept
    const missing = this.vouched - now
    if (this.source === "timers" && slept >= tellingMillis && missing <= earlyMillis) this.source = "clock"
    if (missing <= (this.source === "timers" ? 0 : earlyMillis)) return 0
    this.source = this.sourceAfter(slept)
    this.restart(this.vouched)
    return missing
  }

  /** What went with the timer that has rung. One that was short tells nothing. */
  private sourceAfter(slept: number): "clock" | "wall" | "timers" {
    if (slept < earlyMillis) return "timers"
    const wall = this.clock.currentTimeMillisUnsafe() - this.wallThen
    if (Math.abs(wall - slept) < earlyMillis) return "wall"
    return this.byClock() - this.clockThen >= slept - 1 ? "clock" : "timers"
  }

  // The difference of two is a small integer, which converts in half the time.
  private byClock(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() - this.start) / 1e6
  }

  private nowDisturbed(byClock: number): number {
    if (this.source === "wall") {
      const byWall = this.from + (this.clock.currentTimeMillisUnsafe() - this.wallFrom)
      // It was set: by the timers that time has not come. It counts from where it was.
      if (byWall > this.ringsAt + 1) this.restart(this.last)
      else if (byWall > this.last) this.last = byWall
      return this.last
    }
    // The clock has stepped back: from here on it goes on.
    this.start += BigInt(Math.round((byClock - this.last) * 1e6))
    return this.last
  }

  /** From here on both clocks show this time. */
  private restart(now: number): void {
    this.start += BigInt(Math.round((this.byClock() - now) * 1e6))
    this.wallFrom = this.clock.currentTimeMillisUnsafe()
    this.from = this.last = now
  }
}
