/** A store on PostgreSQL: requests are jobs of pg-boss, and their ends stand in a table of ours, written in the same transaction. */
import { Clock, Effect, Queue, Redacted, type Scope } from "effect"
import { PoolError } from "../../index.ts"
import type { Store } from "../Store.ts"
import { asked, make as connect } from "./connection.ts"
import { unavailable } from "./failure.ts"
import { make as makeListening } from "./listening.ts"
import { isCurrent, look, migrate, mustBeCurrent, quiet } from "./migrations.ts"
import { isSchema, make as namesOf } from "./names.ts"
import { load } from "./packages.ts"
import { make as makeSession } from "./session.ts"
import { makeQueues, type Shared } from "./shared.ts"

export interface Options {
  /** `postgres://…`. */
  readonly url: string | Redacted.Redacted
  readonly kind: "postgres" | "embedded"
  /** Where its tables are: lower-case letters, digits and underscores, at most 48. Default `"worker_pool"`. */
  readonly schema?: string | undefined
  /**
   * Where notices are heard, if `url` is a pooler's that gives a connection away after each transaction: the server's own address.
   * `"none"`: notices are not heard, and whoever waits for one looks now and then. Default: `url`.
   */
  readonly listenUrl?: string | Redacted.Redacted | undefined
  /** Whether tables that are missing or older are made. `false`: fails where they would have to be. Default `true`. */
  readonly migrate?: boolean | undefined
  /** Connections at most, beside the one that listens. At least 2. Default 6. */
  readonly maxConnections?: number | undefined
}

/**
 * Connects, and makes the tables where need be. Fails with `missingPackage` where `pg` or `pg-boss` is not installed, with `schema`
 * where the tables are not ones that it can use, and with `away` or `refused` where it cannot connect.
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Store["Service"], PoolError.StoreUnavailable, Scope.Scope> {
  const { kind, listenUrl, maxConnections = 6, schema = "worker_pool" } = options
  if (!isSchema(schema)) {
    const expected = "lower-case letters, digits and underscores, at most 48"
    return yield* refused(`expected \`schema\` to be ${expected}, got ${JSON.stringify(schema)}`)
  }
  if (!Number.isInteger(maxConnections) || maxConnections < 2) {
    return yield* refused(`expected \`maxConnections\` to be an integer from 2 up, got ${maxConnections}`)
  }
  const packages = yield* load
  const url = secret(options.url)
  const names = namesOf(schema)
  const connection = yield* connect({
    pg: packages.pg,
    url,
    maxConnections,
    isPooled: listenUrl !== undefined,
    statementMillis: 12_000
  })
  const versions = yield* look(connection, names, packages)
  if (!isCurrent(versions)) {
    if (options.migrate === false) yield* mustBeCurrent(versions)
    else yield* migrate({ url, schema })
  }

  const troubles = yield* Queue.unbounded<string>()
  const boss = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const boss = new packages.pgBoss.PgBoss({
        ...quiet,
        db: connection.database,
        schema,
        migrate: options.migrate !== false
      })
      boss.on("error", (error) => Queue.offerUnsafe(troubles, unavailable(error).message))
      boss.on("warning", ({ message }) => Queue.offerUnsafe(troubles, message))
      return boss
    }),
    (boss) =>
      Effect.ignore(
        Effect.timeoutOption(
          asked(() => boss.stop({ close: false, graceful: false })),
          300
        )
      )
  )
  yield* Effect.forkScoped(
    Effect.forever(Effect.flatMap(Queue.take(troubles), (trouble) => Effect.logDebug(`pg-boss: ${trouble}`)))
  )
  yield* asked(() => boss.start())
  const heardAt = listenUrl === "none" ? undefined : listenUrl === undefined ? url : secret(listenUrl)
  const listening = yield* makeListening(packages.pg, heardAt, names.channel)

  const clock = yield* Clock.Clock
  const held: Shared["held"] = new Map()
  yield* listening.listen((notice) => {
    if (notice._tag === "Ended") for (const id of notice.ids) held.delete(id)
  })

  let sequence = 0
  const shared: Shared = {
    boss,
    connection,
    names,
    listening,
    held,
    queues: makeQueues(boss),
    now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
    nextSequence: () => ++sequence
  }
  return { kind, join: (member) => makeSession(member, shared) }
})

const secret = (url: string | Redacted.Redacted): Redacted.Redacted =>
  Redacted.isRedacted(url) ? url : Redacted.make(url)

const refused = (detail: string) => Effect.fail(new PoolError.StoreUnavailable({ reason: "refused", detail }))
