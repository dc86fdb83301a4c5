/** Handlers that do nothing but compute, for `scripts/threads/serve.ts`. */
import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const Spin = Rpc.make("Spin", { payload: { millis: Schema.Finite } })

export class group extends RpcGroup.make(Spin) {}

export const layer = group.toLayer({
  Spin: ({ millis }) =>
    Effect.sync(() => {
      const until = performance.now() + millis
      while (performance.now() < until);
    })
})
