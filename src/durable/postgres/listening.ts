/** One connection that hears the notices of a store for all of this process, and comes back by itself. */
import { Deferred, Effect, Exit, Redacted, type Scope } from "effect"
import { Socket } from "node:net"
import type * as Pg from "pg"
import type { PoolError } from "../../index.ts"
import type { Notice } from "../Store.ts"
import { asked } from "./connection.ts"
import { unavailable } from "./failure.ts"
import { noticeOf } from "./notices.ts"

export interface Listening {
  /** Calls back with each notice until the scope ends. */
  readonly listen: (listener: (notice: Notice) => void) => Effect.Effect<void, never, Scope.Scope>
}

/** After so long without a word the connection is asked whether it is one still. */
const lookMillis = 30_000
const firstPauseMillis = 200
const longestPauseMillis = 5_000

/** It is there once it listens, or has seen that it cannot yet. Without an address nothing is ever heard. */
export const make = Effect.fnUntraced(function* (pg: typeof Pg, url: Redacted.Redacted | undefined, channel: string) {
  const listeners = new Set<{ readonly hear: (notice: Notice) => void }>()
  const tell = (notice: Notice | undefined) => {
    if (notice !== undefined) for (const { hear } of listeners) hear(notice)
  }
  if (url !== undefined) {
    const tried = yield* Deferred.make<void>()
    yield* Effect.forkScoped(forEver(pg, url, channel, tell, tried))
    yield* Deferred.await(tried)
  }
  const listening: Listening = {
    listen: (hear) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            // A function may be given twice.
            const listener = { hear }
            listeners.add(listener)
            return listener
          }),
          (listener) => Effect.sync(() => listeners.delete(listener))
        )
      )
  }
  return listening
})

const forEver = Effect.fnUntraced(function* (
  pg: typeof Pg,
  url: Redacted.Redacted,
  channel: string,
  tell: (notice: Notice | undefined) => void,
  tried: Deferred.Deferred<void>
) {
  let isFirst = true
  let pause = firstPauseMillis
  while (true) {
    const heard = Effect.sync(() => {
      if (!isFirst) tell({ _tag: "Missed" })
      pause = firstPauseMillis
      Deferred.doneUnsafe(tried, Exit.void)
    })
    const ended = yield* Effect.flip(Effect.scoped(hearing(pg, url, channel, tell, heard)))
    yield* Effect.logDebug(`Notices of the store are not heard: ${ended.detail}`)
    isFirst = false
    Deferred.doneUnsafe(tried, Exit.void)
    yield* Effect.sleep(pause)
    pause = Math.min(longestPauseMillis, pause * 2)
  }
})

/** Until the connection is lost. */
const hearing = Effect.fnUntraced(function* (
  pg: typeof Pg,
  url: Redacted.Redacted,
  channel: string,
  tell: (notice: Notice | undefined) => void,
  heard: Effect.Effect<void>
) {
  const lost = yield* Deferred.make<never, PoolError.StoreUnavailable>()
  const lose = (error: unknown) => Deferred.doneUnsafe(lost, Exit.fail(unavailable(error)))
  const socket = new Socket()
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const client = new pg.Client({
        connectionString: Redacted.value(url),
        application_name: "worker-pool notices",
        connectionTimeoutMillis: 5_000,
        query_timeout: 5_000,
        keepAlive: true,
        stream: () => socket
      })
      client.on("error", lose)
      client.on("end", () => lose(new Error("connection terminated")))
      client.on("notification", ({ payload }) => tell(noticeOf(payload ?? "")))
      return client
    }),
    (client) =>
      Effect.promise(() => client.end()).pipe(
        Effect.timeoutOption(300),
        Effect.andThen(Effect.sync(() => socket.destroy()))
      )
  )
  yield* asked(() => client.connect())
  yield* asked(() => client.query(`LISTEN "${channel}"`))
  yield* heard
  const look = Effect.andThen(
    Effect.sleep(lookMillis),
    asked(() => client.query("SELECT 1"))
  )
  return yield* Effect.raceFirst(Deferred.await(lost), Effect.forever(look))
})
