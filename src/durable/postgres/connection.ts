/** Connections to one PostgreSQL: statements and transactions that end within a bounded time, whatever the server does. */
import { Cause, Effect, Exit, Redacted, type Scope } from "effect"
import { Socket } from "node:net"
import type * as Pg from "pg"
import type { Db } from "pg-boss"
import { PoolError } from "../../index.ts"
import { isConflict, unavailable } from "./failure.ts"

/** What runs a statement: any connection, or one transaction. */
export interface Database {
  readonly executeSql: (text: string, values?: Array<unknown>) => Promise<{ rows: Array<any> }>
}

export interface Connection {
  /** For what takes any connection. */
  readonly database: Db
  /** For one statement without values: it goes by indexes, and points in time come as PostgreSQL writes them, with microseconds. */
  readonly byIndex: Database
  readonly query: (text: string, values?: Array<unknown>) => Effect.Effect<Array<any>, PoolError.StoreUnavailable>
  /** Commits what `run` did, or nothing of it. It is run again where it stood in another transaction's way. */
  readonly transaction: <A>(run: (database: Database) => Within<A>) => Effect.Effect<A, PoolError.StoreUnavailable>
}

/** A part of a transaction. */
export type Within<A> = Effect.Effect<A, PoolError.StoreUnavailable | Conflict>

export interface Options {
  readonly pg: typeof Pg
  readonly url: Redacted.Redacted
  readonly maxConnections: number
  /** Whether it is a pooler's: it takes no settings with a new connection. */
  readonly isPooled: boolean
  /** How long one statement may take. */
  readonly statementMillis: number
}

/** Stands for a transaction that is to be run again. */
export class Conflict {
  readonly _tag = "Conflict"
}

/**
 * Until a table was analysed, a minute or more after it was filled, PostgreSQL takes it for nearly empty, reads all of it and sorts it
 * to find the first ones. For the rest of a transaction it takes the index that has them in their order. Costs are meaningless then.
 * Points in time are read as the ISO writes them, whatever the server's own way.
 */
const goByIndex = `SELECT ${["sort", "bitmapscan", "seqscan", "hashjoin", "mergejoin"]
  .map((plan) => `set_config('enable_${plan}', 'off', true)`)
  .join(", ")}, set_config('jit', 'off', true), set_config('datestyle', 'ISO', true)`

const timestamptz = 1184

/** They are closed when the scope ends, which takes half a second at most. */
export const make = (options: Options): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => opened(options)),
      closed
    ),
    ({ pool }) => {
      const { pg } = options
      const getTypeParser = (oid: number, format?: any): any =>
        oid === timestamptz ? (text: string) => text : pg.types.getTypeParser(oid, format)
      const once = <A>(run: (database: Database) => Within<A>) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(connected(pool)), (client) =>
            Effect.onExit(restore(committed(client, run)), (exit) => left(client, exit))
          )
        )
      const again = <A>(run: (database: Database) => Within<A>, times: number): Within<A> =>
        Effect.catchTag(once(run), "Conflict", (conflict) =>
          times === 0 ? Effect.fail(conflict) : again(run, times - 1)
        )
      const gaveUp = () =>
        new PoolError.StoreUnavailable({ reason: "away", detail: "transactions stand in each other's way" })
      return {
        database: {
          executeSql: (text, values, stopping?: Stopping) =>
            stopping === undefined ? pool.query(text, values) : unbounded(pool, text, values, stopping)
        },
        byIndex: {
          executeSql: async (text) => {
            const answers: unknown = await pool.query({ text: `${goByIndex}; ${text}`, types: { getTypeParser } })
            return (answers as ReadonlyArray<Pg.QueryResult>).at(-1)!
          }
        },
        query: (text, values) =>
          Effect.map(
            asked(() => pool.query(text, values)),
            ({ rows }) => rows
          ),
        transaction: (run) => Effect.catchTag(again(run, 3), "Conflict", () => Effect.fail(gaveUp()))
      }
    }
  )

/** One statement, or one call of pg-boss. */
export const asked = <A>(ask: () => Promise<A>): Effect.Effect<A, PoolError.StoreUnavailable> =>
  Effect.tryPromise({ try: ask, catch: unavailable })

/** The same within a transaction. */
export const within = <A>(ask: () => Promise<A>): Within<A> =>
  Effect.tryPromise({ try: ask, catch: (error) => (isConflict(error) ? new Conflict() : unavailable(error)) })

/** One after another, for each. */
export const inTurn = <A, B, E>(
  items: Iterable<A>,
  each: (item: A) => Effect.Effect<B, E>
): Effect.Effect<Array<B>, E> => Effect.forEach(items, each)

const opened = ({ isPooled, maxConnections, pg, statementMillis, url }: Options) => {
  const sockets = new Set<Socket>()
  const pool = new pg.Pool({
    connectionString: Redacted.value(url),
    max: maxConnections,
    application_name: "worker-pool",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    // The server's limit comes first: then it has given up as well.
    query_timeout: statementMillis + 2_000,
    // To compile a statement takes longer than any of ours.
    ...(isPooled ? {} : { statement_timeout: statementMillis, options: "-c jit=off" }),
    stream: () => {
      const socket = new Socket()
      sockets.add(socket)
      return socket.once("close", () => sockets.delete(socket))
    }
  })
  // An idle connection that ends is no news: the next statement has another.
  pool.on("error", () => {})
  return { pool, sockets }
}

const closed = ({ pool, sockets }: ReturnType<typeof opened>) =>
  Effect.promise(() => pool.end()).pipe(
    Effect.timeoutOption(500),
    Effect.andThen(Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
  )

/** One that comes when nobody waits any more goes back. */
const connected = (pool: Pg.Pool): Effect.Effect<Pg.PoolClient, PoolError.StoreUnavailable> =>
  Effect.callback((resume) => {
    let isAwaited = true
    pool.connect().then(
      (client) => (isAwaited ? resume(Effect.succeed(client)) : client.release()),
      (error) => resume(Effect.fail(unavailable(error)))
    )
    return Effect.sync(() => {
      isAwaited = false
    })
  })

const committed = <A>(client: Pg.PoolClient, run: (database: Database) => Within<A>): Within<A> => {
  // The next statement tells of it.
  client.on("error", ignored)
  const statement = (text: string) => within(() => client.query(text))
  const database: Database = { executeSql: (text, values) => client.query(text, values) }
  return statement(`BEGIN; ${goByIndex}`).pipe(
    Effect.andThen(run(database)),
    Effect.tap(() => statement("COMMIT"))
  )
}

/** A connection in an unknown state is closed, which undoes what was begun on it. */
const left = (client: Pg.PoolClient, exit: Exit.Exit<unknown, PoolError.StoreUnavailable | Conflict>) => {
  const release = (isBroken: boolean) =>
    Effect.sync(() => {
      client.removeListener("error", ignored)
      client.release(isBroken)
    })
  if (Exit.isSuccess(exit)) return release(false)
  const error = Cause.squash(exit.cause)
  const isAnswer =
    error instanceof Conflict || (error instanceof PoolError.StoreUnavailable && error.reason === "refused")
  if (!isAnswer) return release(true)
  return Effect.tryPromise(() => client.query("ROLLBACK")).pipe(
    Effect.timeout(1_000),
    Effect.matchEffect({ onSuccess: () => release(false), onFailure: () => release(true) })
  )
}

const ignored = () => {}

interface Stopping {
  readonly signal?: AbortSignal
  readonly retire?: AbortSignal
}

/** pg-boss builds an index: it takes what it takes, on a connection of its own. */
const unbounded = async (pool: Pg.Pool, text: string, values: Array<unknown> | undefined, { signal }: Stopping) => {
  const client = await pool.connect()
  let isThere = true
  const drop = () => {
    if (isThere) client.release(true)
    isThere = false
  }
  signal?.addEventListener("abort", drop, { once: true })
  try {
    await client.query("SET statement_timeout = 0")
    const statement = { text, values: values ?? [], query_timeout: 24 * 3_600_000 }
    return await client.query(statement)
  } finally {
    signal?.removeEventListener("abort", drop)
    drop()
  }
}
