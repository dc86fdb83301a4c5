import { Effect } from "effect"
import "effect/rpc"

export const open = () => (n, done) => {
  Effect.runPromise(Effect.succeed(n)).then(done)
}
