/** What the handlers do, in effects: as `tasks.ts` says it in promises and callbacks. */
import { Effect } from "effect"
import type { TaskName } from "./load.ts"
import { bodies, hangs, hangMillis, workMillis } from "./overload.ts"
import { burnsOn, burst, failsNow, failure, indexMillis, napMillis, sleepMillis } from "./tasks.ts"

export type EffectTask = (n: number) => Effect.Effect<number, Error>

export const effectTasks: Readonly<Record<TaskName, EffectTask>> = {
  noop: (n) => Effect.succeed(n),
  suspend: (n) => Effect.callback((resume) => queueMicrotask(() => resume(Effect.succeed(n)))),
  immediate: (n) => Effect.callback((resume) => void setImmediate(() => resume(Effect.succeed(n)))),
  sleep: (n) => Effect.as(Effect.sleep(sleepMillis), n),
  nap: (n) => Effect.as(Effect.sleep(napMillis), n),
  index: (n) => Effect.as(Effect.sleep(indexMillis(1)), n),
  flaky: (n) => Effect.suspend(() => (failsNow(n) ? Effect.fail(failure) : Effect.succeed(n))),
  never: () => Effect.never,
  burn: (n) =>
    Effect.as(
      Effect.whileLoop({
        while: burnsOn,
        body: () => {
          burst()
          return Effect.yieldNow
        },
        step: () => {}
      }),
      n
    ),
  work: (n) =>
    Effect.suspend(() => {
      bodies.begin(n)
      return Effect.as(Effect.sleep(hangs(n) ? hangMillis : workMillis), n)
    }).pipe(Effect.onExit(() => Effect.sync(() => bodies.end(n))))
}
