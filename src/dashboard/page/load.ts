/** A load of requests that this page sends, at a steady rate. */
import { signal } from "@preact/signals"
import { ask, messageOf, Problem } from "./api.ts"
import { connection, say } from "./state.ts"

export interface Load {
  readonly type: string
  readonly payload: unknown
  readonly perSecond: number
  readonly seconds: number
}

export interface Progress {
  readonly load: Load
  readonly isRunning: boolean
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly failed: number
  /** The last answer that was neither. */
  readonly problem: string
}

export const progress = signal<Progress | undefined>(undefined)

const tickMillis = 50
/** A browser opens a handful of connections; what is on its way beyond these would only queue up in the page. */
const mostInFlight = 128

let timer: ReturnType<typeof setInterval> | undefined

export const startLoad = (load: Load): void => {
  stopLoad()
  progress.value = { load, isRunning: true, sent: 0, accepted: 0, refused: 0, failed: 0, problem: "" }
  const startedAt = performance.now()
  const inFlight = new Set<object>()
  const count = (change: (before: Progress) => Partial<Progress>) => {
    const before = progress.value
    if (before?.load === load) progress.value = { ...before, ...change(before) }
  }
  const send = async () => {
    const one = {}
    inFlight.add(one)
    count(({ sent }) => ({ sent: sent + 1 }))
    try {
      await ask("POST", `requests/${encodeURIComponent(load.type)}`, load.payload)
      count(({ accepted }) => ({ accepted: accepted + 1 }))
    } catch (error) {
      const isRefusal = error instanceof Problem && (error.status === 429 || error.status === 503)
      if (isRefusal) count(({ refused }) => ({ refused: refused + 1 }))
      else count(({ failed }) => ({ failed: failed + 1, problem: messageOf(error) }))
    } finally {
      inFlight.delete(one)
    }
  }
  let due = 0
  let before = startedAt
  timer = setInterval(() => {
    const now = performance.now()
    // What could not be sent in time is left out: a burst afterwards would be another load.
    due = Math.min(due + ((now - before) / 1000) * load.perSecond, Math.max(1, load.perSecond))
    before = now
    const sendable = Math.min(Math.floor(due), mostInFlight - inFlight.size)
    due -= sendable
    for (let n = 0; n < sendable; n++) void send()
    if (now - startedAt >= load.seconds * 1000 || connection.value.state === "lost") stopLoad()
  }, tickMillis)
}

export const stopLoad = (): void => {
  clearInterval(timer)
  const { value } = progress
  if (value === undefined || !value.isRunning) return
  progress.value = { ...value, isRunning: false }
  say(`The test load has ended: ${value.sent} requests sent.`)
}
