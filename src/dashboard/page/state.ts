/** What the page knows of the pool, and the actions that ask for more of it. */
import { computed, signal } from "@preact/signals"
import type { Decision, Point } from "../../http/points.ts"
import { ask, messageOf, type Pool, Problem, type Request } from "./api.ts"

/** As long as the service remembers. */
export const keptMillis = 600_000
const keptDecisions = 100

export const pool = signal<Pool | undefined>(undefined)
/** Oldest first. */
export const points = signal<ReadonlyArray<Point>>([])
/** Newest first. */
export const decisions = signal<ReadonlyArray<Decision>>([])
export const running = signal<ReadonlyArray<Request>>([])
export const deadLetters = signal<ReadonlyArray<Request>>([])
export const latest = computed(() => points.value.at(-1))

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly since: number; readonly retryAt: number }
export const connection = signal<Connection>({ state: "connecting" })

/** The last thing there was to say about an action. */
export const notice = signal<{ readonly text: string; readonly isError: boolean } | undefined>(undefined)

let hideNotice: ReturnType<typeof setTimeout> | undefined
export const say = (text: string, isError = false): void => {
  clearTimeout(hideNotice)
  notice.value = { text, isError }
  hideNotice = setTimeout(() => (notice.value = undefined), isError ? 12_000 : 5000)
}

/** After a restart of the service its history is short: what the page saw before stays, with a gap. */
export const addHistory = (history: {
  readonly points: ReadonlyArray<Point>
  readonly decisions: ReadonlyArray<Decision>
}): void => {
  const first = history.points[0]?.at ?? Number.POSITIVE_INFINITY
  points.value = recent([...points.value.filter(({ at }) => at < first), ...history.points])
  const firstDecision = history.decisions[0]?.at ?? Number.POSITIVE_INFINITY
  decisions.value = [
    ...history.decisions.toReversed(),
    ...decisions.value.filter(({ at }) => at < firstDecision)
  ].slice(0, keptDecisions)
}

export const addPoint = (point: Point): void => {
  points.value = recent([...points.value, point])
}

export const addDecision = (decision: Decision): void => {
  decisions.value = [decision, ...decisions.value].slice(0, keptDecisions)
}

const recent = (all: ReadonlyArray<Point>): ReadonlyArray<Point> => {
  const from = (all.at(-1)?.at ?? 0) - keptMillis
  return all[0] !== undefined && all[0].at < from ? all.filter(({ at }) => at >= from) : all
}

/** Lists that somebody points at stand still: a button must not move away from under the pointer. */
export const frozen = { running: false, deadLetters: false, keys: false, gates: false }

let refreshing = false
/** One refresh at a time; that it failed is shown by the connection. */
export const refresh = async (): Promise<void> => {
  if (refreshing) return
  refreshing = true
  try {
    const list = (state: string) => ask<{ requests: ReadonlyArray<Request> }>("GET", `requests?state=${state}&limit=25`)
    const lists = Promise.all([list("running"), list("deadLetter")])
    // A store that is away has no lists, and the pool says so.
    lists.catch(() => {})
    pool.value = await ask<Pool>("GET", "pool")
    const [runs, letters] = await lists
    if (!frozen.running) running.value = runs.requests
    if (!frozen.deadLetters) deadLetters.value = letters.requests
  } catch (error) {
    if (!(error instanceof Problem)) say(messageOf(error), true)
  } finally {
    refreshing = false
  }
}

/** Changes the pool's settings. Fails with a `Problem`. */
export const patch = async (change: object, done: string): Promise<void> => {
  pool.value = await ask<Pool>("PATCH", "pool", change)
  say(done)
}

export const cancel = async ({ id }: Request): Promise<void> => {
  await reporting(async () => {
    const { cancel } = await ask<{ cancel: string }>("DELETE", `requests/${encodeURIComponent(id)}`)
    running.value = running.value.filter((request) => request.id !== id)
    say(cancel === "settled" ? `${id} has already ended.` : `${id} is being cancelled.`)
  })
}

export const retry = async ({ id }: Request): Promise<void> => {
  await reporting(async () => {
    const { id: again } = await ask<Request>("POST", `requests/${encodeURIComponent(id)}/retry`)
    deadLetters.value = deadLetters.value.filter((request) => request.id !== id)
    say(`${id} was sent again as ${again}.`)
  })
}

/** One after the other, and no further than the first that is refused. */
export const retryAll = async (letters: ReadonlyArray<Request>): Promise<void> => {
  await reporting(async () => {
    for (const { id } of letters) {
      await ask("POST", `requests/${encodeURIComponent(id)}/retry`)
      deadLetters.value = deadLetters.value.filter((request) => request.id !== id)
    }
    say(`${letters.length} dead letters were sent again.`)
  })
}

const reporting = async (action: () => Promise<void>): Promise<void> => {
  try {
    await action()
  } catch (error) {
    say(messageOf(error), true)
  }
}
