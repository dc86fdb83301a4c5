/** The handlers that the tests run on threads. */
import { Effect, Option } from "effect"
import { group, Odd } from "./group.ts"

export { group }

export const layer = group.toLayer({
  Add: ({ a, b }) => Effect.succeed(a + b),
  Halve: ({ n }) =>
    n % 2 === 0 ? Effect.succeed(n === 0 ? Option.none() : Option.some(n / 2)) : new Odd({ n, when: new Date(0) }),
  Boom: ({ message }) => Effect.die(new TypeError(message)),
  Spin: ({ millis }) =>
    Effect.sync(() => {
      const until = performance.now() + millis
      while (performance.now() < until);
    }),
  Sleep: ({ cleanUpMillis, millis }) => Effect.onInterrupt(Effect.sleep(millis), () => Effect.sleep(cleanUpMillis))
})
