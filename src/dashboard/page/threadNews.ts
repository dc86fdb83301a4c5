/** Threads as the page knows them: how many there are, and what has gone wrong with some while it looked. */
import { computed, signal } from "@preact/signals"
import type { ThreadCounts } from "../../http/points.ts"
import { latest } from "./state.ts"

/** What becomes of a thread, as the service tells it. */
interface Change {
  readonly name: string
  readonly thread: number
  readonly change: string
  readonly type?: string
  readonly detail?: string
}

/** One that somebody may want to look into, and when the page heard of it. */
export interface Trouble extends Change {
  readonly at: number
}

const keptTroubles = 50

export interface Threads {
  readonly name: string
  readonly counts: ThreadCounts
}

/** Of each gate that stands for threads. */
export const threads = computed((): ReadonlyArray<Threads> =>
  Object.entries(latest.value?.limits ?? {}).flatMap(([name, { threads }]) =>
    threads === undefined ? [] : [{ name, counts: threads }]
  )
)

/** Newest first. */
export const troubles = signal<ReadonlyArray<Trouble>>([])

const isTrouble = ({ change }: Change): boolean => change === "killed" || change === "crashed" || change === "stuck"

let source: EventSource | undefined

/** A service without threads is not asked. To be called again and again: one that broke is opened anew. */
export const followThreads = (): void => {
  if (threads.value.length === 0 || source !== undefined) return
  const opened = new EventSource("events?only=threadChanged")
  source = opened
  opened.addEventListener("threadChanged", ({ data }) => {
    const change = JSON.parse(data) as Change
    if (!isTrouble(change)) return
    troubles.value = [{ ...change, at: Date.now() }, ...troubles.value].slice(0, keptTroubles)
  })
  opened.addEventListener("error", () => {
    opened.close()
    if (source === opened) source = undefined
  })
}

export const unfollowThreads = (): void => {
  source?.close()
  source = undefined
}
