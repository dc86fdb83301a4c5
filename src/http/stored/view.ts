/** The store as `GET /pool` shows it: the counts of the whole cluster, its processes, and this process's part in it. */
import { DateTime, Effect } from "effect"
import type { ProcessRecord } from "../../durable/Store.ts"
import type { Room } from "./room.ts"

export const viewOf = ({ durable, look }: Room) =>
  Effect.gen(function* () {
    const { at, counts, processes } = yield* look.fresh
    const { held, isAway, pauses, unsettled } = yield* durable.local
    const { oldestMillis = 0, tags = {}, ...requests } = counts ?? {}
    return {
      kind: durable.store,
      process: durable.process,
      away: isAway,
      seenAt: at === 0 ? null : textOf(at),
      requests: counts === undefined ? null : requests,
      oldestWaitMillis: counts === undefined ? null : oldestMillis,
      types: tags,
      held,
      unsettled,
      pauses: pauses.map(({ key, tag }) => ({
        ...(key !== undefined && { key }),
        ...(tag !== undefined && { type: tag })
      })),
      processes: processes.map(processOf)
    }
  })

const processOf = ({ host, id, live, pid, pool, role, says, seenAt, startedAt }: ProcessRecord) => ({
  id,
  pool,
  host,
  pid,
  role,
  live,
  ...saidBy(says),
  startedAt: textOf(startedAt),
  seenAt: textOf(seenAt)
})

/** Another version may say other things. */
const saidBy = (says: unknown): { readonly workers: number | null; readonly running: number | null } => {
  const { running, workers } = (typeof says === "object" && says !== null ? says : {}) as Record<string, unknown>
  return { workers: countOf(workers), running: countOf(running) }
}

const countOf = (said: unknown): number | null => (typeof said === "number" && Number.isInteger(said) ? said : null)

const textOf = (at: number): string => DateTime.formatIso(DateTime.makeUnsafe(at))
