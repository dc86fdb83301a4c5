/** What wakes a loop: something to do has come, or so much time has passed. */
import { Clock, Effect, Schedule } from "effect"
import type { PoolError } from "../index.ts"

export class Signal {
  private isSet = false
  private resume: (() => void) | undefined = undefined

  /** The loop looks again, or does not stop to wait. */
  wake(): void {
    this.isSet = true
    this.resume?.()
  }

  /** Waits for one call of `wake` since the last wait, at most so long. */
  readonly wait = (millis?: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.isSet) {
        this.isSet = false
        return Effect.void
      }
      return millis === undefined ? this.woken : Effect.asVoid(Effect.timeoutOption(this.woken, millis))
    })

  private readonly woken = Effect.callback<void>((resume) => {
    // Others may have had a turn since that was looked at.
    if (this.isSet) {
      this.isSet = false
      return resume(Effect.void)
    }
    this.resume = () => {
      this.isSet = false
      this.resume = undefined
      resume(Effect.void)
    }
    return Effect.sync(() => (this.resume = undefined))
  })
}

/** Milliseconds of a clock that only goes forward: a date may be set back, by hours. */
export const elapsedOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
export const elapsed: Effect.Effect<number> = Effect.map(Clock.Clock, elapsedOf)

/** Milliseconds before the try after so many that have failed, from 100 ms to 1 s: a store that is away is asked no oftener. */
export const backoff = (failures: number): number => Math.min(1_000, 100 * 2 ** Math.min(failures, 4))

/**
 * How many go into one statement: fewer after one that has failed, since it may have been too much, or one of them may be to blame; soon
 * as many as ever.
 */
export class Portion {
  size: number
  private readonly most: number

  constructor(most: number) {
    this.most = this.size = most
  }

  readonly failed = (): void => {
    this.size = Math.max(1, this.size >> 1)
  }

  readonly succeeded = (): void => {
    this.size = Math.min(this.most, this.size * 2)
  }
}

/** What is asked of a store that is away is asked again until it answers, or nobody can. */
export const untilAnswered = <A>(
  ask: Effect.Effect<A, PoolError.StoreUnavailable>,
  isClosed: () => boolean
): Effect.Effect<A, PoolError.StoreUnavailable> =>
  Effect.retry(ask, { schedule: Schedule.spaced("500 millis"), while: (error) => isAway(error) && !isClosed() })

export const isAway = ({ reason }: PoolError.StoreUnavailable): boolean => reason === "away"
