/** Hears the load of a pool beside whoever else does. */
import { Effect, type Scope } from "effect"
import type { Recorder } from "../internal/recorder.ts"
import { type Recorded, recordedOf } from "../internal/recordedPools.ts"
import type { WorkerPool } from "../WorkerPool.ts"
import { type Heard, Recent } from "./recent.ts"

export interface HearingOptions {
  readonly keepMillis: number
  readonly mostRequests: number
  readonly mostBytes: number
}

/** The load until now. */
export type Hearing = () => Heard

/** From now on until the scope ends. `undefined`: it is not a pool of this package. A recording that is to go on has to have begun. */
export const hear = (
  pool: WorkerPool["Service"],
  options: HearingOptions
): Effect.Effect<Hearing | undefined, never, Scope.Scope> =>
  Effect.gen(function* () {
    const recorded = recordedOf(pool)
    if (recorded === undefined) return undefined
    const { config, counts, now } = recorded
    const sheds = config.strategy === "shedding"
    const recent = new Recent({ ...options, startedAt: now(), workers: counts().workers, sheds })
    yield* Effect.acquireRelease(
      Effect.sync(() => attach(recorded, recent)),
      (detach) => Effect.sync(detach)
    )
    return () => recent.heardUntil(now())
  })

const attach = ({ events }: Recorded, recorder: Recorder): (() => void) => {
  const before = events.recorder
  const both = before === undefined ? recorder : new Both(before, recorder)
  events.recorder = both
  return () => {
    // A recording that has ended meanwhile leaves nobody.
    if (events.recorder === both) events.recorder = before
  }
}

class Both implements Recorder {
  private readonly first: Recorder
  private readonly second: Recorder

  constructor(first: Recorder, second: Recorder) {
    this.first = first
    this.second = second
  }

  ended(...of: Parameters<Recorder["ended"]>): void {
    this.first.ended(...of)
    this.second.ended(...of)
  }

  retried(...of: Parameters<Recorder["retried"]>): void {
    this.first.retried(...of)
    this.second.retried(...of)
  }

  scheduled(...of: Parameters<Recorder["scheduled"]>): void {
    this.first.scheduled(...of)
    this.second.scheduled(...of)
  }

  unaccepted(...of: Parameters<Recorder["unaccepted"]>): void {
    this.first.unaccepted(...of)
    this.second.unaccepted(...of)
  }

  workers(...of: Parameters<Recorder["workers"]>): void {
    this.first.workers(...of)
    this.second.workers(...of)
  }
}
