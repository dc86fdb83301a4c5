/** Handlers whose places tell of threads, without any: for what is written of them. */
import { Effect, Layer } from "effect"
import { Capacity } from "../../src/index.ts"
import { Works } from "./bench.ts"

export const onThreads = Works.toLayer({ Work: ({ id }) => Effect.succeed(id) }).pipe(
  Layer.provide(
    Layer.succeed(
      Capacity.Capacity,
      Capacity.make({
        name: "threads",
        places: 1,
        threads: () => ({
          now: { starting: 0, idle: 1, busy: 0, dying: 0, stuck: 0 },
          total: { started: 1, killed: 0, crashed: 0 },
          startMillis: 100
        })
      })
    )
  )
)
