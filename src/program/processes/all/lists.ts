/** Lists over all processes: of requests, of keys and types, and of gates. */
import { Effect } from "effect"
import type { IncomingMessage } from "node:http"
import { Page, wrongCursor } from "../../../http/lists.ts"
import type { GateResource } from "../../../http/shapes.ts"
import type { Crew } from "../crew.ts"
import { prefixOf } from "../places.ts"
import { added, type Counts } from "./pool.ts"
import { asClient, each, type Heard, json, refusalAmong, told, type Told } from "./voices.ts"

interface Listed {
  readonly id: string
  readonly acceptedAt?: string
}

/** Newest first. A cursor has the last one that was shown of each process. */
export const requests = (crew: Crew, request: IncomingMessage): Effect.Effect<Told> =>
  Effect.gen(function* () {
    const asked = asClient(request)
    const [path, query] = split(asked.url)
    const after = query.get("after")
    const shown = new Map<string, string>()
    for (const id of after === null ? [] : after.split(",")) {
      const prefix = prefixOf(id)
      if (prefix === undefined) return told(wrongCursor)
      shown.set(prefix, id)
    }
    const heard = yield* each(crew, crew.there, ({ prefix }) => {
      const own = new URLSearchParams(query)
      own.delete("after")
      if (shown.has(prefix)) own.set("after", shown.get(prefix)!)
      return { ...asked, url: `${path}?${own}` }
    })
    const refused = refusalAmong(heard)
    if (refused !== undefined) return refused
    const pages = heard.map(({ answer, member }) => ({
      prefix: member.prefix,
      ...(JSON.parse(answer.text) as { readonly requests: Array<Listed>; readonly next: string | null })
    }))
    const isMore = pages.some(({ next }) => next !== null)
    const page = new Page(Number(query.get("limit") ?? 50))
    let isFull = false
    for (;;) {
      const newest = pages.filter((page) => page.requests.length > 0).toSorted(byAcceptance)[0]
      if (newest === undefined) break
      const one = newest.requests[0]!
      isFull = !page.add({ cursor: one.id, text: JSON.stringify(one) })
      if (isFull) break
      newest.requests.shift()
      shown.set(newest.prefix, one.id)
      // What it has not sent may be newer than what the others have.
      if (newest.requests.length === 0 && newest.next !== null) break
    }
    const text = page.text.replace(/"next":(null|"[^"]*")}$/, "")
    return {
      status: 200,
      text: `${text}"next":${isFull || isMore ? JSON.stringify([...shown.values()].join()) : null}}`
    }
  })

/** Dead letters whose end is no longer kept have no time: the last of all. */
const byAcceptance = (a: { readonly requests: Array<Listed> }, b: { readonly requests: Array<Listed> }): number => {
  const [one, other] = [a.requests[0]!.acceptedAt ?? "", b.requests[0]!.acceptedAt ?? ""]
  return one < other ? 1 : one > other ? -1 : 0
}

type Waiter = Counts & { readonly name: never }

/** The keys or the types with most waiting. */
export const waiters = (crew: Crew, request: IncomingMessage, name: "keys" | "tags"): Effect.Effect<Told> =>
  Effect.map(counted(crew, request, "top"), ({ heard, most }) => {
    const refused = refusalAmong(heard)
    if (refused !== undefined) return refused
    const byName = new Map<string, Array<Counts>>()
    for (const { name: of, ...counts } of listOf<Waiter>(heard, name)) {
      const known = byName.get(of) ?? []
      known.push(counts as Counts)
      byName.set(of, known)
    }
    const rows: Array<Record<string, unknown>> = [...byName].map(([name, counts]) => ({ name, ...added(counts) }))
    const waiting = (row: Record<string, unknown>) => Number(row["waiting"])
    return json({ [name]: rows.toSorted((a, b) => waiting(b) - waiting(a)).slice(0, most ?? 20) })
  })

type Gate = typeof GateResource.Type

export const gates = (crew: Crew, request: IncomingMessage): Effect.Effect<Told> =>
  Effect.map(counted(crew, request, "limit"), ({ heard, most }) => {
    const refused = refusalAmong(heard)
    if (refused !== undefined) return refused
    const merged = new Map<string, Gate>()
    for (const gate of listOf<Gate>(heard, "gates")) {
      const key = JSON.stringify([gate.kind, gate.name, gate.of])
      const known = merged.get(key)
      merged.set(key, known === undefined ? gate : both(known, gate))
    }
    return json({ gates: [...merged.values()].slice(0, most ?? 100) })
  })

const standing = ["Closed", "HalfOpen", "Open"]

const both = (one: Gate, other: Gate): Gate => {
  const isWorse = standing.indexOf(other.breaker ?? "") > standing.indexOf(one.breaker ?? "")
  const opens = [one.opensInMillis, other.opensInMillis].filter((millis) => millis !== null)
  return {
    ...(isWorse ? other : one),
    paused: one.paused && other.paused,
    running: one.running + other.running,
    heldBack: one.heldBack + other.heldBack,
    started: one.started + other.started,
    opensInMillis: opens.length === 0 ? null : Math.min(...opens)
  }
}

/** All that each has: the first of each are not the first of all. What is no number of theirs they refuse. */
const counted = (crew: Crew, request: IncomingMessage, name: "top" | "limit") => {
  const asked = asClient(request)
  const [path, query] = split(asked.url)
  const given = query.get(name)
  const most = given === null ? undefined : Number(given)
  if (most === undefined || (Number.isInteger(most) && most >= 1 && most <= 1000)) query.set(name, "1000")
  return Effect.map(
    each(crew, crew.there, () => ({ ...asked, url: `${path}?${query}` })),
    (heard) => ({ heard, most })
  )
}

const listOf = <A>(heard: ReadonlyArray<Heard>, name: string): ReadonlyArray<A> =>
  heard.flatMap(({ answer }) => (JSON.parse(answer.text) as Record<string, ReadonlyArray<A>>)[name]!)

const split = (url: string): readonly [path: string, query: URLSearchParams] => {
  const [path, query] = url.split("?", 2)
  return [path!, new URLSearchParams(query ?? "")]
}
