/** Handlers with what protects a pool, for the tests of the service. */
import { Effect, Schedule, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { CircuitBreaker, Recurring, RequestPolicy, WorkerPool } from "../../src/index.ts"

const breaker = CircuitBreaker.make({
  per: "key",
  tripPolicy: CircuitBreaker.consecutive(1),
  openDuration: "90 seconds",
  whenOpen: "fail"
})
const Tidy = Rpc.make("Tidy")

export class group extends RpcGroup.make(
  Tidy,
  Rpc.make("Charge", { payload: { fails: Schema.Boolean }, error: Schema.String }).annotate(
    RequestPolicy.RequestPolicy,
    { breaker }
  ),
  Rpc.make("Fails", { error: Schema.String }),
  Rpc.make("Sleep", { payload: { millis: Schema.Finite } })
) {}

export const layer = group.toLayer({
  Tidy: () => Effect.void,
  Charge: ({ fails }) => (fails ? Effect.fail("down") : Effect.void),
  Fails: () => Effect.fail("down"),
  Sleep: ({ millis }) => Effect.sleep(millis)
})

export const recurring = Recurring.layer({
  name: "tidy",
  schedule: Schedule.spaced("20 millis"),
  call: WorkerPool.call(Tidy, undefined)
})
