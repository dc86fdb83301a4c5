/** The host's clock, whose timers do not keep the process alive unless somebody waits for the pool. */
import { Clock, Context, Duration, Effect } from "effect"

const longestMillis = 2 ** 31 - 1

type Timer = ReturnType<typeof setTimeout>

export interface HeldClock extends Clock.Clock {
  /** Its timers keep the process alive, until `release`. */
  readonly hold: () => void
  readonly release: () => void
}

/** A pool that nobody waits for does not keep its program from ending, though nobody has closed it. */
export class HostClock implements HeldClock {
  private readonly host = Context.get(Context.empty(), Clock.Clock)
  private readonly timers = new Set<Timer>()
  private isHeld = false
  readonly currentTimeMillis = this.host.currentTimeMillis
  readonly currentTimeNanos = this.host.currentTimeNanos
  readonly monotonicTimeNanos = this.host.monotonicTimeNanos

  currentTimeMillisUnsafe(): number {
    return this.host.currentTimeMillisUnsafe()
  }

  currentTimeNanosUnsafe(): bigint {
    return this.host.currentTimeNanosUnsafe()
  }

  monotonicTimeNanosUnsafe(): bigint {
    return this.host.monotonicTimeNanosUnsafe()
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.sleepMillis(Duration.toMillis(duration))
  }

  hold(): void {
    if (this.isHeld) return
    this.isHeld = true
    for (const timer of this.timers) timer.ref?.()
  }

  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    for (const timer of this.timers) timer.unref?.()
  }

  private sleepMillis(millis: number): Effect.Effect<void> {
    if (millis <= 0) return Effect.yieldNow
    if (millis === Infinity) return Effect.never
    return Effect.callback((resume) => {
      const timer = setTimeout(
        () => {
          this.timers.delete(timer)
          resume(millis > longestMillis ? this.sleepMillis(millis - longestMillis) : Effect.void)
        },
        Math.min(millis, longestMillis)
      )
      this.timers.add(timer)
      if (!this.isHeld) timer.unref?.()
      return Effect.sync(() => {
        clearTimeout(timer)
        this.timers.delete(timer)
      })
    })
  }
}
