/** What each tag, or each key, has in a pool: from what the queue knows of them where it does, and else request by request. */
import { keyOf, type Ranked } from "../queue/ranked.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Waiters } from "../Selection.ts"
import { requestsOf, type Worker } from "./worker.ts"

type Counts = { -readonly [Field in keyof Waiters]: Waiters[Field] }

/** The `most` that have most waiting. */
export const countsBy = (
  what: "tag" | "key",
  queue: WaitingRequests,
  workers: ReadonlyArray<Worker>,
  most: number,
  now: number
): ReadonlyArray<Waiters> => {
  const { fair } = queue
  const counts = new Map<string, Counts>()
  const of = (name: string): Counts => {
    let found = counts.get(name)
    if (found === undefined) {
      counts.set(name, (found = { name, blocked: 0, waiting: 0, heldBack: 0, delayed: 0, running: 0 }))
    }
    return found
  }
  const nameOf = (request: Ranked) => (what === "tag" ? request.tag : keyOf(request))
  if (fair === undefined) for (const request of queue.all("waiting")) of(nameOf(request)).waiting++
  else {
    const held = fair.heldBackAt(now)
    for (const flow of fair.flows.all) {
      for (const lane of flow.lanes()) {
        if (lane.size === 0) continue
        const count = of(what === "tag" ? lane.tag.tag : flow.key)
        count.waiting += lane.size
        count.heldBack = held.of(what === "tag" ? lane.tag : flow)
      }
    }
  }
  for (const phase of ["blocked", "delayed"] as const)
    for (const request of queue.all(phase)) of(nameOf(request))[phase]++
  for (const worker of workers) for (const request of requestsOf(worker)) of(nameOf(request)).running++
  return firstOf(counts.values(), most)
}

/** Of more than so many all are put in order. */
const few = 1000

/** The first ones in order; where they are few without putting all the others in order as well. */
const firstOf = (counts: Iterable<Counts>, most: number): ReadonlyArray<Waiters> => {
  if (!(most >= 1)) return []
  if (most > few) return [...counts].sort((a, b) => (isBefore(a, b) ? -1 : 1)).slice(0, most)
  const first: Array<Counts> = []
  for (const count of counts) {
    if (first.length === most && !isBefore(count, first[most - 1]!)) continue
    let at = first.length
    while (at > 0 && isBefore(count, first[at - 1]!)) at--
    first.splice(at, 0, count)
    if (first.length > most) first.pop()
  }
  return first
}

const isBefore = (a: Counts, b: Counts): boolean => {
  const more = a.waiting + a.blocked - (b.waiting + b.blocked) || a.running + a.delayed - (b.running + b.delayed)
  return more > 0 || (more === 0 && a.name < b.name)
}
