/** The requests of one group, as programs without Effect hold it. */
import { Effect, Exit } from "effect"
import type { Core } from "../internal/core.ts"
import { currentTask } from "../internal/task.ts"
import type { Group as Inner, GroupCounts, GroupReport } from "../Selection.ts"
import { failureOf } from "./door.ts"
import { errorAt, publicError } from "./publicError.ts"

/** The requests of one group, of which there may be none yet. Whoever holds it keeps the counts. */
export interface Group {
  /** Its name. */
  readonly id: string
  /**
   * Resolves once none of the group is left, with how all of them ended: at once where there is none. A task of the group that asks is
   * rejected with `NestedWaitRefused`.
   */
  awaitAll(): Promise<GroupReport>
  /** Cancels every request of it, and gives how many. Others may run in between. */
  cancel(): Promise<number>
  /** What it has in the pool, and how the others ended. It looks at each that has not. */
  counts(): GroupCounts
}

export class GroupOf implements Group {
  readonly id: string
  private readonly inner: Inner
  private readonly core: Core

  constructor(inner: Inner, core: Core) {
    this.id = inner.id
    this.inner = inner
    this.core = core
  }

  awaitAll(): Promise<GroupReport> {
    const { groups, nesting, now, turn } = this.core
    const group = groups.of(this.id)
    const by = currentTask()
    const waiting = by === undefined || group.isOver ? undefined : nesting.waitFor(group, by)
    if (Exit.isExit(waiting)) return Promise.reject(errorAt(this.awaitAll, publicError(failureOf(waiting))))
    return new Promise((resolve) => {
      if (group.isOver) return resolve(group.report)
      const stop = group.whenOver(() => {
        stop()
        waiting?.end()
        const done = () => turn.run(now(), () => resolve(group.report))
        if (waiting === undefined) done()
        else waiting.afterReturn(done)
      })
      waiting?.begin()
      waiting?.lend()
    })
  }

  cancel(): Promise<number> {
    return Effect.runPromise(this.inner.cancel)
  }

  counts(): GroupCounts {
    return Effect.runSync(this.inner.counts) // @allowed: it looks at what is there
  }
}
