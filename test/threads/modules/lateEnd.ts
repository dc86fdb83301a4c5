/** A layer that takes as long to end as whoever has called it last likes: until the first of the shared numbers is not 0. */
import { Effect, Layer } from "effect"
import { group } from "./lateEndGroup.ts"

export { group }

let held: Int32Array | undefined

const released: Effect.Effect<void> = Effect.suspend(() =>
  held === undefined || Atomics.load(held, 0) !== 0 ? Effect.void : Effect.andThen(Effect.sleep(5), released)
)

export const layer = group
  .toLayer({ Hold: ({ shared }) => Effect.sync(() => void (held = new Int32Array(shared as SharedArrayBuffer))) })
  .pipe(Layer.merge(Layer.effectDiscard(Effect.addFinalizer(() => released))))
