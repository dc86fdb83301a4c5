/** Handlers that do nothing but compute, for `scripts/threads/serve.ts`. */
import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

/** Computes for so long, by the clock of its thread's own work. */
export const Spin = Rpc.make("Spin", { payload: { millis: Schema.Finite } })

export class group extends RpcGroup.make(Spin) {}

export const layer = group.toLayer({
  Spin: ({ millis }) =>
    Effect.sync(() => {
      const until = usedMillis() + millis
      while (usedMillis() < until);
    })
})

const usedMillis = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1000
}
