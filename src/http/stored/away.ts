/** What a pool answers as if there was nothing while its store is away, told as what it is. */
import { Effect } from "effect"
import type { Durable } from "../../durable/service.ts"
import { PoolError, type WorkerPool } from "../../index.ts"
import { cancelFitting } from "../lists.ts"

export interface Filter {
  readonly type: string | undefined
  readonly key: string | undefined
  readonly wanted: ReadonlyArray<string> | undefined
}

/** Where one may be. Each is a list of the store's: without one it would read all that has ended as well. */
const phases = ["waiting", "delayed", "running"] as const

/** Cancels them, whichever process has them, and answers how many. */
export const cancelAll = (
  durable: Pick<Durable["Service"], "local">,
  pool: Pick<WorkerPool.WorkerPool["Service"], "cancelAll">,
  { key, type: tag, wanted = phases }: Filter
): Effect.Effect<number, PoolError.StoreUnavailable> =>
  Effect.gen(function* () {
    let cancelled = 0
    for (const phase of phases) {
      if (!wanted.includes(phase)) continue
      cancelled += yield* cancelFitting(pool, { tag, key, phase })
      // The pool knows of none while it cannot ask.
      yield* failAway(durable)
    }
    return cancelled
  })

/** Fails where the last step of the store has not come through: what was answered then is not so. */
export const failAway = ({
  local
}: Pick<Durable["Service"], "local">): Effect.Effect<void, PoolError.StoreUnavailable> =>
  Effect.flatMap(local, ({ isAway }) =>
    isAway ? new PoolError.StoreUnavailable({ reason: "away", detail: "it has not answered" }) : Effect.void
  )
