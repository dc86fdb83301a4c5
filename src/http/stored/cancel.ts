/** Cancels many stored requests, whichever process has them. */
import { Effect } from "effect"
import type { Durable } from "../../durable/service.ts"
import type { PoolError } from "../../index.ts"
import { statesOf } from "./pages.ts"

/** As many are read at once. */
const pageSize = 500
/** As many are cancelled at once: each is a transaction. */
const concurrency = 16

export interface Filter {
  readonly type: string | undefined
  readonly key: string | undefined
  readonly wanted: ReadonlyArray<string> | undefined
}

/** How many it has ended. What is stored meanwhile is left alone. */
export const cancelAll = (
  durable: Pick<Durable["Service"], "cancel" | "list">,
  { key, type: tag, wanted = ["waiting", "delayed", "running"] }: Filter
): Effect.Effect<number, PoolError.StoreUnavailable> =>
  Effect.gen(function* () {
    let cancelled = 0
    for (const state of statesOf(wanted)) {
      let before: { readonly storedAt: number; readonly id: string } | undefined
      for (;;) {
        const page = yield* durable.list({ tag, key, state, before, limit: pageSize })
        const done = yield* Effect.forEach(page, ({ request }) => cancelOne(durable, request.id), { concurrency })
        cancelled += done.filter((isEnded) => isEnded).length
        const last = page.at(-1)
        if (last === undefined || page.length < pageSize) break
        before = { storedAt: last.storedAt, id: last.request.id }
      }
    }
    return cancelled
  })

const cancelOne = ({ cancel }: Pick<Durable["Service"], "cancel">, id: string) =>
  cancel(id).pipe(
    Effect.map((how) => how !== "settled"),
    Effect.catchTag("NoSuchRequest", () => Effect.succeed(false))
  )
