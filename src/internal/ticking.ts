/** When a scaler looks: each interval from its first look on, however late a timer rings. */
import { Clock, Context, Effect } from "effect"
import { recordedOf } from "./recordedPools.ts"

/** For a scaler that is built with it: milliseconds until its first tick. Default: an interval. */
export const FirstTick = Context.Reference<number | undefined>("effect-worker-pool/FirstTick", {
  defaultValue: () => undefined
})

/** Timers ring up to this much early. */
const earlyMillis = 2

/**
 * Counts from now on. Whoever records the pool finds here when the next tick is: the load comes to the same number of workers only
 * if it is looked at in the same moments.
 */
export const make = Effect.fnUntraced(function* (pool: object, intervalMillis: number) {
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const now = () => Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6
  let next = (yield* FirstTick) ?? intervalMillis
  const recorded = recordedOf(pool)
  if (recorded !== undefined) recorded.untilTick = () => Math.max(0, next - now())

  /** A tick that came very late is not followed by one at once, which would have nothing to measure. */
  const pass = () => {
    const at = now()
    const intervals = Math.ceil((at + intervalMillis / 2 - next) / intervalMillis)
    next += intervalMillis * Math.max(1, intervals)
  }

  return {
    /** Runs the tick each time, until it answers `false`. */
    each: (tick: Effect.Effect<boolean>): Effect.Effect<void> =>
      Effect.gen(function* () {
        for (;;) {
          yield* Effect.sleep(next - now())
          // The clock does not go with the timers.
          if (next - now() > earlyMillis) next = now()
          if (!(yield* tick)) return
          pass()
        }
      })
  }
})
