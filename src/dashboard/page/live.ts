/** The stream of the service's events: opened, watched, and opened again after it broke. */
import { effect } from "@preact/signals"
import type { Decision, Point } from "../../http/points.ts"
import { ask, session } from "./api.ts"
import { addDecision, addHistory, addPoint, connection, refresh } from "./state.ts"
import { followThreads, unfollowThreads } from "./threadNews.ts"
import { lookAtTurns } from "./turns.ts"

const firstRetryMillis = 500
const longestRetryMillis = 10_000
/** A point comes each second. */
const silenceMillis = 6000

let source: EventSource | undefined
let timer: ReturnType<typeof setTimeout> | undefined
let silence: ReturnType<typeof setTimeout> | undefined
let retryMillis = firstRetryMillis

/** Asks whether a token is needed, then follows the events for as long as the page lives. */
export const start = (): void => {
  effect(() => {
    if (session.value !== undefined && session.value.required && !session.value.loggedIn) stop()
  })
  addEventListener("online", () => reconnect())
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && connection.value.state === "lost") reconnect()
  })
  void open()
}

/** Now, and not when the wait is over. */
export const reconnect = (): void => {
  stop()
  void open()
}

const open = async (): Promise<void> => {
  try {
    session.value = await ask<{ required: boolean; loggedIn: boolean }>("GET", "session")
  } catch {
    return lose()
  }
  if (session.value.required && !session.value.loggedIn) return
  stop()
  void refresh()
  const opened = new EventSource("events?only=point,decision")
  source = opened
  hear()
  opened.addEventListener("history", ({ data }) => {
    hear()
    addHistory(JSON.parse(data))
  })
  let heard = 0
  opened.addEventListener("point", ({ data }) => {
    hear()
    retryMillis = firstRetryMillis
    if (connection.value.state !== "live") connection.value = { state: "live" }
    addPoint(JSON.parse(data) as Point)
    if (document.visibilityState !== "visible") return
    followThreads()
    if (heard++ % 2 === 0) void lookAtTurns()
    else void refresh()
  })
  opened.addEventListener("decision", ({ data }) => addDecision(JSON.parse(data) as Decision))
  // The browser would retry by itself, but not after every failure, and it would not say when.
  opened.addEventListener("error", () => {
    if (source === opened) lose()
  })
}

const hear = (): void => {
  clearTimeout(silence)
  silence = setTimeout(lose, silenceMillis)
}

const lose = (): void => {
  stop()
  const since = connection.value.state === "lost" ? connection.value.since : Date.now()
  connection.value = { state: "lost", since, retryAt: Date.now() + retryMillis }
  timer = setTimeout(() => void open(), retryMillis)
  retryMillis = Math.min(longestRetryMillis, retryMillis * 2)
}

const stop = (): void => {
  clearTimeout(timer)
  clearTimeout(silence)
  unfollowThreads()
  source?.close()
  source = undefined
}
