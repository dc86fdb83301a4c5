/** A transaction of the caller's own, as `submitIn` takes it, from the clients of PostgreSQL that one is likely to have. */
import { Context, Effect, Exit, Option } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { PoolError } from "../index.ts"
import type { Transaction } from "./Store.ts"

/** A connection of `pg` between its `BEGIN` and its `COMMIT`: a `Client`, or what `pool.connect()` gives. */
export interface PgConnection {
  /** As `pg` has it. */
  readonly query: (text: string, values?: Array<any>) => Promise<{ readonly rows: Array<any> }>
  /** Each statement of a `Pool` may go to another connection: it can have no transaction. */
  readonly totalCount?: never
}

/** The transaction that is open on a connection of `pg`. To begin it, and to commit it, stays the caller's. */
export const fromPg = (connection: PgConnection): Transaction => ({
  executeSql: (text, values) => connection.query(text, values)
})

/**
 * The transaction that is open in this fiber, by `sql.withTransaction` of `@effect/sql-pg`. Fails where none is: what is stored would
 * not depend on anything then.
 */
export const fromSql = (sql: SqlClient.SqlClient): Effect.Effect<Transaction, PoolError.StoreUnavailable> =>
  Effect.contextWith((context: Context.Context<never>) => {
    if (Option.isNone(Context.getOption(context, sql.transactionService))) {
      const detail = "expected `fromSql` within `sql.withTransaction`, and no transaction of that client is open"
      return Effect.fail(new PoolError.StoreUnavailable({ reason: "refused", detail }))
    }
    const plain = sql.withoutTransforms()
    const run = Effect.runPromiseExitWith(context)
    return Effect.succeed({
      executeSql: async (text, values) => {
        const exit = await run(plain.unsafe<object>(text, values))
        if (Exit.isSuccess(exit)) return { rows: [...exit.value] }
        return Promise.reject(driverError(exit))
      }
    })
  })

/** What PostgreSQL has said, where it was that: its code tells what is to be done. */
const driverError = (exit: Exit.Failure<unknown, SqlError.SqlError>): unknown => {
  for (const reason of exit.cause.reasons) {
    if (reason._tag === "Fail") return reason.error.cause.cause ?? reason.error
    if (reason._tag === "Die") return reason.defect
  }
  return new Error("interrupted")
}
