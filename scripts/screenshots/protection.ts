// Handlers for the picture of what protects a pool: mails whose server fails for some tenants, and images of which there are
// too many.
import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as CircuitBreaker from "../../src/CircuitBreaker.ts"
import { RequestPolicy } from "../../src/RequestPolicy.ts"

const breaker = CircuitBreaker.make({
  per: "key",
  tripPolicy: CircuitBreaker.consecutive(3),
  openDuration: "20 seconds"
})

export const group = RpcGroup.make(
  Rpc.make("SendMail", { payload: { fails: Schema.Boolean }, error: Schema.String }).annotate(RequestPolicy, {
    breaker
  }),
  Rpc.make("Resize", { payload: { millis: Schema.Finite } })
)

export const layer = group.toLayer({
  SendMail: ({ fails }) =>
    Effect.andThen(Effect.sleep("30 millis"), fails ? Effect.fail("the server does not answer") : Effect.void),
  Resize: ({ millis }) => Effect.sleep(millis)
})
