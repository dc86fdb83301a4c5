/** The module of the threads that simulate. */
import { Effect } from "effect"
import * as Simulation from "../../Simulation.ts"
import { make, refused } from "./settings.ts"
import { group } from "./simulations.ts"

export { group }

export const layer = group.toLayer({
  Simulate: ({ at, flags, progress }) =>
    Effect.flatMap(make(flags), ({ runs }) => {
      const onProgress = (share: number) => void Atomics.store(progress, at, Math.floor(1000 * share))
      return Effect.mapError(Simulation.run({ ...runs[at]!.options, onProgress }), refused)
    })
})
