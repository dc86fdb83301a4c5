/** Which pool this is and how it is, and whether the page still hears of it. */
import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { ask, session } from "./api.ts"
import { clock } from "./format.ts"
import { reconnect } from "./live.ts"
import { connection, latest, pool } from "./state.ts"

export const Header = () => {
  const { loggedIn, required } = session.value ?? {}
  return (
    <header class="top">
      <svg class="mark" viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
        <rect x="1" y="1" width="6" height="6" rx="1.5" />
        <rect x="9" y="1" width="6" height="6" rx="1.5" />
        <rect x="1" y="9" width="6" height="6" rx="1.5" />
        <rect class="free" x="9.6" y="9.6" width="4.8" height="4.8" rx="1.2" />
      </svg>
      <h1>{pool.value?.name ?? "worker-pool"}</h1>
      <State />
      <nav aria-label="Elsewhere">
        <a href="docs">API</a>
        <a href="metrics">Metrics</a>
        {required === true && loggedIn === true ? (
          <button type="button" class="quiet" onClick={() => void logOut()}>
            Log out
          </button>
        ) : null}
        <Connected />
      </nav>
    </header>
  )
}

const State = () => {
  const { paused, state } = latest.value ?? pool.value ?? {}
  if (state === undefined) return null
  const shown = state === "open" ? (paused === true ? "paused" : "open") : state
  return (
    <span class={`badge ${shown}`} role="status">
      {shown}
    </span>
  )
}

const Connected = () => {
  const { state } = connection.value
  const text = state === "live" ? "Live" : state === "connecting" ? "Connecting" : "Not connected"
  return (
    <span class={`connection ${state}`}>
      <i aria-hidden="true" />
      {text}
    </span>
  )
}

/** Stands there only while nothing is heard of the service. */
export const Banner = () => {
  const now = useSignal(Date.now())
  const { value } = connection
  const isLost = value.state === "lost"
  useEffect(() => {
    if (!isLost) return
    now.value = Date.now()
    const timer = setInterval(() => (now.value = Date.now()), 500)
    return () => clearInterval(timer)
  }, [isLost])
  return (
    <div class="banner" role="alert">
      {value.state === "lost" ? (
        <p>
          <strong>The connection to the service is lost.</strong> What you see is of {clock(value.since)} and may have
          changed. <span aria-hidden="true">{trying(value.retryAt - now.value)}</span>
          <button type="button" onClick={reconnect}>
            Try now
          </button>
        </p>
      ) : null}
    </div>
  )
}

const trying = (millis: number): string =>
  millis <= 0 ? "Trying to connect." : `Trying again in ${Math.ceil(millis / 1000)} s.`

const logOut = async () => {
  await ask("DELETE", "session").catch(() => undefined)
  location.reload()
}
