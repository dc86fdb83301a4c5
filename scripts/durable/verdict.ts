/** What must be true of all outcomes once all is over. */
import * as Durable from "../../src/durable/Durable.ts"
import { Effect } from "effect"
import { type Heard, idOf } from "./asking.ts"
import type { Run } from "./group.ts"

export interface Verdict {
  readonly outcomes: number
  readonly missing: number
  readonly twice: number
  /** Outcomes that a caller was told of otherwise than they are written down. */
  readonly otherwise: number
  readonly notSucceeded: number
  readonly law: ReadonlyArray<string>
}

export const isRight = ({ law, missing, notSucceeded, otherwise, twice }: Verdict): boolean =>
  missing + twice + otherwise + notSucceeded + law.length === 0

/** Reads every outcome from the store, page by page. */
export const judge = (
  durable: Durable.Durable["Service"],
  n: number,
  heard: ReadonlyMap<number, Heard>
): Effect.Effect<Verdict, unknown> =>
  Effect.gen(function* () {
    const found = yield* runsIn(durable)
    let [missing, otherwise] = [0, 0]
    for (let at = 0; at < n; at++) {
      const run = found.runs.get(durable.idOf("Nap", idOf(at)))
      const told = heard.get(at)?.run
      if (run === undefined) missing++
      else if (told !== undefined && (told.life !== run.life || told.delivery !== run.delivery)) otherwise++
    }
    const counts = yield* durable.counts
    return {
      outcomes: found.records,
      missing,
      twice: found.records - found.runs.size,
      otherwise,
      notSucceeded: found.notSucceeded,
      law: [
        ...Durable.lawViolations(counts),
        ...(counts.stored === n ? [] : [`${counts.stored} are stored, not ${n}`]),
        ...(counts.succeeded === n ? [] : [`${counts.succeeded} have succeeded, not ${n}`])
      ]
    }
  })

const runsIn = (durable: Durable.Durable["Service"]) =>
  Effect.gen(function* () {
    const runs = new Map<string, Run | undefined>()
    let [records, notSucceeded] = [0, 0]
    let before: { readonly storedAt: number; readonly id: string } | undefined
    for (;;) {
      const page = yield* durable.list({ tag: "Nap", state: "ended", limit: 1_000, before })
      for (const { end, request } of page) {
        records++
        if (end!.end !== "succeeded") notSucceeded++
        runs.set(request.id, (JSON.parse(end!.exit) as { readonly value?: Run }).value)
      }
      const last = page.at(-1)
      if (last === undefined) return { runs, records, notSucceeded }
      before = { storedAt: last.storedAt, id: last.request.id }
    }
  })
