/** `worker-pool jobs list`: the requests of a store, the newest first. */
import { Clock, Effect, Result } from "effect"
import type { Durable } from "../../durable/service.ts"
import type { Query, RequestRecord } from "../../durable/Store.ts"
import { Outcome } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { columns } from "../output/columns.ts"
import { ago, stateOf, toJson } from "./rows.ts"

/** As the command line gives them; `undefined` is not set. */
export interface Flags {
  readonly state: string | undefined
  readonly type: string | undefined
  readonly key: string | undefined
  readonly limit: number
  readonly before: string | undefined
}

type State = NonNullable<Query["state"]>

const states: ReadonlyArray<State> = ["waiting", "delayed", "claimed", "ended", "dead", ...Outcome.ends]
export const statesInWords = states.join(", ")

/** Checked before anything is asked of a store. */
export const queryOf = ({ key, limit, state, type }: Flags): Result.Result<Omit<Query, "before">, BadUsage> => {
  const known = states.find((one) => one === state)
  if (state !== undefined && known === undefined) {
    return Result.fail(new BadUsage({ reason: `Expected --state to be one of ${statesInWords}, got "${state}"` }))
  }
  if (!(limit >= 1 && limit <= 1000)) {
    return Result.fail(new BadUsage({ reason: `Expected --limit to be a whole number from 1 to 1000, got ${limit}` }))
  }
  return Result.succeed({ tag: type, key, state: known, limit })
}

export const list = Effect.fnUntraced(function* (
  durable: Durable["Service"],
  query: Omit<Query, "before">,
  { before, json }: { readonly before: string | undefined; readonly json: boolean }
) {
  const last = before === undefined ? undefined : yield* durable.find(before)
  const records = yield* durable.list(
    last === undefined ? query : { ...query, before: { storedAt: last.storedAt, id: last.request.id } }
  )
  // There may be none behind a full page: to look once more costs less than to count.
  const next = records.length < query.limit ? undefined : records.at(-1)!.request.id
  if (json) return `${JSON.stringify({ requests: records.map(toJson), next: next ?? null })}\n`
  return toTable(records, next, yield* Clock.currentTimeMillis)
})

const toTable = (records: ReadonlyArray<RequestRecord>, next: string | undefined, now: number): string => {
  if (records.length === 0) return "no such requests\n"
  const hasKeys = records.some(({ request }) => request.key !== "")
  const rows = records.map((record) => {
    const { deliveries, request, storedAt } = record
    return [
      request.id,
      request.tag,
      stateOf(record),
      ...(hasKeys ? [request.key] : []),
      String(deliveries),
      ago(storedAt, now)
    ]
  })
  const head = ["id", "type", "state", ...(hasKeys ? ["key"] : []), "deliveries", "stored"]
  return columns([head, ...rows]) + (next === undefined ? "" : `there may be more: --before ${next}\n`)
}
