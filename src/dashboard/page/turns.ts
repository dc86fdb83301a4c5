/** Who runs next, as the page knows it: keys, gates, and the actions that pause, resume and change them. */
import { computed, signal } from "@preact/signals"
import type { LimitCounts } from "../../http/points.ts"
import { ask, type Gate, messageOf, Problem, type Waiters } from "./api.ts"
import { isolated } from "./names.tsx"
import { frozen, latest, points, say } from "./state.ts"

export const shownKeys = 10
const mostGates = 200

/** Those with most waiting first. */
export const keys = signal<ReadonlyArray<Waiters>>([])
export const gates = signal<ReadonlyArray<Gate>>([])
/** Starts per second that each gate let through since the look before, by its name. */
export const passed = signal<ReadonlyMap<string, number>>(new Map())
/** Whether any request had a key since the page was opened. */
export const hasKeys = signal(false)

/** Whether anything but the order of arrival has a say. A pool that uses none of it shows none of it. */
export const isRanked = computed(() => {
  const point = latest.value
  return point !== undefined && (point.keys > 0 || point.heldBack > 0 || Object.keys(point.limits).length > 0)
})

/** Whether what waits may have to wait for more than a worker. */
export const holdsBack = computed(
  () => Object.keys(latest.value?.limits ?? {}).length > 0 || points.value.some(({ heldBack }) => heldBack > 0)
)

/** What tells one gate from all others. */
export const gateId = ({ kind, name, of }: Gate): string => JSON.stringify([kind, name, of])

let asking = false
let asked = 0
let heard = 0
let before: { readonly at: number; readonly started: ReadonlyMap<string, number> } | undefined
/** One look at a time. A list that somebody points at stands still; `isDue`: it is asked for by what somebody has just done to it. */
export const lookAtTurns = async (isDue = false): Promise<void> => {
  if (!isRanked.value) {
    keys.value = []
    gates.value = []
    return
  }
  if (asking && !isDue) return
  asking = true
  const mine = ++asked
  try {
    const [heaviest, { gates: now }] = await Promise.all([
      ask<{ keys: ReadonlyArray<Waiters> }>("GET", `pool/keys?top=${shownKeys}`),
      ask<{ gates: ReadonlyArray<Gate> }>("GET", `pool/gates?limit=${mostGates}`)
    ])
    // An answer that was overtaken by a later one is out of date.
    if (mine < heard) return
    heard = mine
    if (!frozen.keys) keys.value = heaviest.keys
    if (heaviest.keys.some(({ name }) => name !== "")) hasKeys.value = true
    if (frozen.gates && !isDue) return
    gates.value = now
    count(now)
  } catch (error) {
    // That it failed is shown by the connection.
    if (!(error instanceof Problem)) say(messageOf(error), true)
  } finally {
    asking = false
  }
}

const count = (now: ReadonlyArray<Gate>): void => {
  const at = performance.now()
  const started = new Map(now.map((gate) => [gateId(gate), gate.started]))
  if (before !== undefined && at - before.at > 500) {
    const seconds = (at - before.at) / 1000
    const last = before.started
    // One that is seen for the first time may be old, and one that was forgotten meanwhile counts from nothing again.
    passed.value = new Map(
      [...started].map(([id, count]) => [id, Math.max(0, count - (last.get(id) ?? count)) / seconds])
    )
  } else if (before !== undefined) return
  before = { at, started }
}

/** Starts per second of a limit, over all of its gates, by the last two points. */
export const startsOf = (limit: string): number => {
  const [first, last] = points.value.slice(-2)
  const [from, until] = [first?.limits[limit]?.started, last?.limits[limit]?.started]
  return from === undefined || until === undefined ? 0 : Math.max(0, until - from) / ((last!.at - first!.at) / 1000)
}

export type Part = "tag" | "key" | "limit"
const words: Readonly<Record<Part, string>> = { tag: "type", key: "key", limit: "limit" }

export const setPaused = async (part: Part, name: string, paused: boolean): Promise<void> => {
  try {
    await ask("POST", `pool/${paused ? "pause" : "resume"}?${part}=${encodeURIComponent(name)}`)
    const what = name === "" ? "What has no key" : `The ${words[part]} ${isolated(name)}`
    say(paused ? `${what} is paused: what runs of it goes on.` : `${what} runs again.`)
  } catch (error) {
    // Half a character cannot be written in an address.
    say(error instanceof URIError ? "This name cannot be sent." : messageOf(error), true)
  }
  await lookAtTurns(true)
}

export const setConcurrency = async (limit: string, concurrency: LimitCounts["concurrency"]): Promise<void> => {
  try {
    await ask("PATCH", `pool/limits/${encodeURIComponent(limit)}`, { concurrency })
    say(`The limit ${isolated(limit)} lets ${concurrency} run at once.`)
  } catch (error) {
    say(error instanceof URIError ? "This name cannot be sent." : messageOf(error), true)
  }
  await lookAtTurns(true)
}
