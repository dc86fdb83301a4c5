/** Lists of stored requests, page by page, over several states at once. */
import { Effect } from "effect"
import type { Durable } from "../../durable/service.ts"
import type { Query, RequestRecord } from "../../durable/Store.ts"
import type { PoolError } from "../../index.ts"

type Of = Pick<Durable["Service"], "list">
type State = NonNullable<Query["state"]>

/** Newest first, at most `limit`. Each state is a list of the store's: of several, each may have all of them. */
export const listStates = (
  durable: Of,
  wanted: ReadonlyArray<string> | undefined,
  query: Omit<Query, "state">
): Effect.Effect<ReadonlyArray<RequestRecord>, PoolError.StoreUnavailable> => {
  if (wanted === undefined) return durable.list(query)
  const states = statesOf(wanted)
  return Effect.map(
    Effect.forEach(states, (state) => durable.list({ ...query, state }), { concurrency: 4 }),
    (lists) => (lists.length === 1 ? lists[0]! : lists.flat().toSorted(newestFirst).slice(0, query.limit))
  )
}

/** In the words of the store. Dead letters are ends among others: who asks for them gets them alone. Nobody is outside a store. */
export const statesOf = (wanted: ReadonlyArray<string>): ReadonlyArray<State> => {
  if (wanted.includes("deadLetter")) return ["dead"]
  const words: Readonly<Record<string, State | undefined>> = { running: "claimed", blocked: undefined }
  const states = wanted.flatMap((name) => (name in words ? (words[name] ?? []) : (name as State)))
  return [...new Set(states)]
}

const newestFirst = (a: RequestRecord, b: RequestRecord): number =>
  b.storedAt - a.storedAt || (a.request.id < b.request.id ? 1 : -1)

/** Where the next page begins: after this one, which may have gone by then. */
export const cursorOf = ({ request, storedAt }: RequestRecord): string => `${storedAt}.${request.id}`

export const beforeOf = (cursor: string | undefined): Query["before"] | "wrong" => {
  if (cursor === undefined) return undefined
  const [, storedAt, id] = /^(\d{1,15}(?:\.\d{1,6})?)\.([0-9a-f-]{36})$/.exec(cursor) ?? []
  return storedAt === undefined || id === undefined ? "wrong" : { storedAt: Number(storedAt), id }
}
