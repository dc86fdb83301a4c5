/** Handlers with calls that recur: one that asks at once and again, and one that is for some other year. */
import { Effect, Layer, Schedule } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Recurring, WorkerPool } from "../../src/index.ts"

const Tidy = Rpc.make("Tidy")
export class group extends RpcGroup.make(Tidy) {}

export const layer = group.toLayer({ Tidy: () => Effect.void })

const call = WorkerPool.call(Tidy, undefined)

export const recurring = Layer.mergeAll(
  Recurring.layer({ name: "leap", cron: "0 0 29 2 *", call }),
  Recurring.layer({ name: "tidy", schedule: Schedule.spaced("5 millis"), call })
)
