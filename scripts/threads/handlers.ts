/** What the measurements of threads run on them. */
import { Effect } from "effect"
import { group } from "./group.ts"
import spin from "./spin.ts"

export { group }

export const layer = group.toLayer({
  Spin: ({ millis }) => Effect.sync(() => spin({ millis })),
  Endless: ({ begun }) =>
    Effect.sync(() => {
      const view = new Int32Array(begun as SharedArrayBuffer)
      Atomics.store(view, 0, 1)
      Atomics.notify(view, 0)
      spin({ millis: Infinity })
    })
})
