/** The handlers that go wrong, on their threads. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { group } from "./risky.ts"

export { group }

export const layer = group.toLayer({
  Spin: () =>
    Effect.sync(() => {
      for (;;);
    }),
  Wait: () => Effect.never,
  Crash: ({ message }) =>
    Effect.callback<never>(() => {
      setImmediate(() => {
        throw new Error(message)
      })
    }),
  Native: ({ seconds }) => Effect.sync(() => void spawnSync("sleep", [String(seconds)]))
})
