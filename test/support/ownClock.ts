/** A clock that the test moves from within running code, as time moves while a handler computes. Nothing real is waited for. */
import { Clock, Duration, Effect } from "effect"

export interface OwnClock extends Clock.Clock {
  /** Lets time pass at once. Sleepers that are due are woken in a later turn of the event loop, like timers. */
  readonly pass: (millis: number) => void
}

export const ownClock = (): OwnClock => {
  let millis = 0
  const nanos = () => BigInt(Math.round(millis * 1e6))
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  const ring = () => {
    for (const sleeper of sleepers) {
      if (sleeper.at > millis) continue
      sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
  return {
    pass: (more) => {
      millis += more
      setImmediate(ring)
    },
    currentTimeMillisUnsafe: () => millis,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback((resume) => {
        const sleeper = { at: millis + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      })
  }
}
