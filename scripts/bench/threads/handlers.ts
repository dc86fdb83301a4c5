/** The same functions as handlers. */
import { Effect } from "effect"
import { group } from "./group.ts"

export { group }

const spin = (millis: number): number => {
  const until = performance.now() + millis
  while (performance.now() < until);
  return millis
}

export const layer = group.toLayer({
  Noop: (n) => Effect.succeed(n),
  Spin: (millis) => Effect.sync(() => spin(millis)),
  Echo: (bytes) => Effect.succeed(bytes),
  Move: (bytes) => Effect.succeed(bytes)
})
