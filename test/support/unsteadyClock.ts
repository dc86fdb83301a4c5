/**
 * A clock beside whose sleeps, which are true, its monotonic time can stand still or step. Whatever lives by it sees that;
 * the clock that it is made of stays what it was, so a test goes on moving that one.
 */
import { Clock, Duration, Effect } from "effect"

export interface UnsteadyClock extends Clock.Clock {
  /** The monotonic time stands still, until it goes on. */
  readonly stall: () => void
  readonly goOn: () => void
  /** The monotonic time steps, ahead or back. */
  readonly step: (millis: number) => void
  /** The wall clock is set by that much, ahead or back. */
  readonly setWall: (millis: number) => void
  /** How many sleeps were asked for. */
  readonly sleeps: () => number
}

/** `"host"`: sleeps last what a host makes of them, whole milliseconds counted from a whole one on. */
export const unsteadyClock = (base: Clock.Clock, precision: "exact" | "host" = "exact"): UnsteadyClock => {
  let offset = 0n
  let wallOffset = 0
  let stalledAt: bigint | undefined
  let sleeps = 0
  const monotonic = () => (stalledAt ?? base.monotonicTimeNanosUnsafe()) + offset
  const wallMillis = () => Math.floor(Number(base.currentTimeNanosUnsafe()) / 1e6) + wallOffset
  const wallNanos = () => base.currentTimeNanosUnsafe() + BigInt(wallOffset) * 1_000_000n
  return {
    stall: () => {
      stalledAt ??= base.monotonicTimeNanosUnsafe()
    },
    goOn: () => {
      if (stalledAt !== undefined) offset -= base.monotonicTimeNanosUnsafe() - stalledAt
      stalledAt = undefined
    },
    step: (millis) => {
      offset += BigInt(millis * 1e6)
    },
    setWall: (millis) => {
      wallOffset += millis
    },
    sleeps: () => sleeps,
    currentTimeMillisUnsafe: wallMillis,
    currentTimeMillis: Effect.sync(wallMillis),
    currentTimeNanosUnsafe: wallNanos,
    currentTimeNanos: Effect.sync(wallNanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) =>
      Effect.suspend(() => {
        sleeps++
        if (precision === "exact") return base.sleep(duration)
        const passed = (Number(base.monotonicTimeNanosUnsafe()) / 1e6) % 1
        return base.sleep(Duration.millis(Math.max(1, Math.floor(Duration.toMillis(duration))) - passed))
      })
  }
}
