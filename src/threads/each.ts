/** Several at once, each of which has an end of its own. */
import { Effect, Exit } from "effect"

export type Ends = ReadonlyArray<Exit.Exit<unknown, unknown>>

/** What has failed by itself has its end. `run` is given the others, and where each stands, and gives their ends in their order. */
export const ofGood = <A, E>(
  all: ReadonlyArray<Exit.Exit<A, unknown>>,
  run: (good: ReadonlyArray<{ readonly value: A; readonly at: number }>) => Effect.Effect<Ends, E>
): Effect.Effect<Ends, E> => {
  const good = all.flatMap((exit, at) => (Exit.isSuccess(exit) ? [{ value: exit.value, at }] : []))
  if (good.length === 0) return Effect.succeed(all)
  return Effect.map(run(good), (ends) => {
    let next = 0
    return all.map((exit) => (Exit.isSuccess(exit) ? ends[next++]! : exit))
  })
}
