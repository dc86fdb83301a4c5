/** The module of the threads that help to tune. */
import { Effect } from "effect"
import * as Tuning from "../../Tuning.ts"
import type { BadUsage } from "../errors.ts"
import { type Flags, make, refused } from "./settings.ts"
import { group } from "./tunings.ts"

export { group }

/** The load is read, or drawn, once: all that a thread is asked has the same flags. */
let made: { readonly flags: string; readonly measurer: Tuning.Measurer } | undefined

const measurerOf = (flags: Flags): Effect.Effect<Tuning.Measurer, BadUsage> =>
  Effect.suspend(() => {
    const text = JSON.stringify(flags)
    if (made?.flags === text) return Effect.succeed(made.measurer)
    return Effect.flatMap(make(flags), ({ options }) =>
      Effect.mapBoth(Tuning.measurerOf(options), {
        onFailure: refused,
        onSuccess: (measurer) => {
          made = { flags: text, measurer }
          return measurer
        }
      })
    )
  })

export const layer = group.toLayer({
  Measure: ({ flags, task }) =>
    Effect.flatMap(measurerOf(flags), (measurer) => Effect.mapError(measurer.run(task), refused))
})
