import { Effect } from "effect"

export const open = () => (n, done) => {
  Effect.runPromise(Effect.succeed(n)).then(done)
}
