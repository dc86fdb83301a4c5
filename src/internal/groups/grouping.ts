/** What is asked of a group, or done to it. */
import { Effect, Exit } from "effect"
import type { NestedWaitRefused } from "../../PoolError.ts"
import type { GroupCounts, GroupReport } from "../../Selection.ts"
import { cancelMany } from "../cancelling.ts"
import type { Core } from "../core.ts"

export const makeGrouping = (core: Core) => {
  const { groups, nesting, now, turn } = core
  return {
    group: (id: string) => {
      const group = groups.of(id)
      return {
        id,
        counts: Effect.sync((): GroupCounts => group.counts),
        cancel: cancelMany(core, () => group.requests),
        awaitAll: Effect.callback<GroupReport, NestedWaitRefused>((resume) => {
          if (group.isOver) return resume(Effect.succeed(group.report))
          const waiting = nesting.waitFor(group)
          if (Exit.isExit(waiting)) return resume(waiting)
          // Those that come meanwhile are waited for as well.
          const look = () => {
            if (!group.isOver) return
            stop()
            waiting?.end()
            const done = () => turn.run(now(), () => resume(Effect.succeed(group.report)))
            if (waiting === undefined) done()
            else waiting.afterReturn(done)
          }
          const stop = group.whenOver(look)
          waiting?.begin()
          waiting?.lend()
          return Effect.sync(() => {
            stop()
            waiting?.end()
          })
        })
      }
    }
  }
}
