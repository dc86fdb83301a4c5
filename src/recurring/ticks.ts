/** The instants of a cron or of a schedule, one after another. */
import { Cron, Duration, Effect, Schedule } from "effect"

export interface Ticks {
  /** The first one after this one, in milliseconds since 1970; `undefined`: there is none any more. */
  readonly after: (epochMillis: number) => Effect.Effect<number | undefined>
  /** A later one than `epochMillis` that is not after `until`, the last if that can be told: for those who would have to count too many. */
  readonly jump: (epochMillis: number, until: number) => number
}

/** A cron finds its own way through changes of clock: see `onDstOverlap` of `Cron.parse`. */
export const ofCron = (cron: Cron.Cron): Ticks => ({
  after: (epochMillis) => Effect.sync(() => orNone(() => Cron.next(cron, epochMillis).getTime())),
  jump: (epochMillis, until) => Math.max(epochMillis, orNone(() => Cron.prev(cron, until + 1).getTime()) ?? epochMillis)
})

/** Cron throws where it finds no date. */
const orNone = (find: () => number): number | undefined => {
  try {
    return find()
  } catch {
    return undefined
  }
}

/** Each delay counts from the tick before it. One that fails, or dies, has ended. */
export const ofSchedule = (schedule: Schedule.Schedule<unknown, unknown, unknown>): Effect.Effect<Ticks> =>
  Effect.map(Schedule.toStep(schedule), (step) => ({
    after: (epochMillis) =>
      Effect.matchCause(step(epochMillis, undefined), {
        onSuccess: ([, delay]) => {
          const millis = Math.max(1, Math.ceil(Duration.toMillis(delay)))
          return millis === Infinity ? undefined : epochMillis + millis
        },
        onFailure: () => undefined
      }),
    jump: (_, until) => until
  }))
