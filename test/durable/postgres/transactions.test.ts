/** Requests that are stored as part of a caller's own transaction, with the clients of PostgreSQL that one is likely to have. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import pg from "pg"
import * as Durable from "../../../src/durable/Durable.ts"
import { PoolError } from "../../../src/index.ts"
import { Work } from "../cluster.ts"
import { serverOf } from "./server.ts"

const server = serverOf("transactions")

const layer = Layer.unwrap(
  Effect.sync(() => {
    const url = Redacted.make(server.url())
    const { schema } = server
    return Layer.merge(
      Durable.layerClient().pipe(Layer.provide(Durable.layerPostgres({ url, schema, maxConnections: 2 }))),
      PgClient.layer({ url, transformQueryNames: String, transformResultNames: (name) => name.toUpperCase() })
    )
  })
)

/** How many are stored after it. */
const storedAfter = (transaction: Effect.Effect<unknown, unknown, Durable.Durable | SqlClient.SqlClient>) =>
  Effect.gen(function* () {
    const durable = yield* Durable.Durable
    const before = yield* durable.counts
    yield* Effect.exit(transaction)
    const { stored, waiting } = yield* durable.counts
    assert.strictEqual(stored - before.stored, waiting - before.waiting)
    return stored - before.stored
  })

const refused = (error: unknown, what: string) => {
  assert.instanceOf(error, PoolError.StoreUnavailable)
  assert.strictEqual(error.reason, "refused")
  assert.include(error.detail, what)
}

describe("a request in a transaction", () => {
  it.live("of sql-pg is stored when that commits, and not when it does not, whatever names it transforms", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const durable = yield* Durable.Durable
      const submit = Effect.gen(function* () {
        return yield* durable.submitIn(yield* Durable.fromSql(sql), Work, { id: "one" }, { expiresIn: "1 day" })
      })
      assert.strictEqual(yield* storedAfter(sql.withTransaction(submit)), 1)
      assert.strictEqual(yield* storedAfter(sql.withTransaction(Effect.andThen(submit, Effect.fail("no")))), 0)
      // A savepoint that is undone within a transaction that commits.
      const inner = Effect.ignore(sql.withTransaction(Effect.andThen(submit, Effect.fail("no"))))
      assert.strictEqual(yield* storedAfter(sql.withTransaction(Effect.andThen(submit, inner))), 1)
      const [{ expiring }] = yield* server.query(`SELECT count(*)::int AS expiring FROM ${server.schema}.pool_expiry`)
      assert.strictEqual(expiring, 2)
    }).pipe(Effect.provide(layer))
  )

  it.live("of sql-pg must be open, and not undone already", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const durable = yield* Durable.Durable
      refused(yield* Effect.flip(Durable.fromSql(sql)), "no transaction")
      const broken = Effect.gen(function* () {
        yield* Effect.ignore(sql`SELECT nothing`)
        return yield* durable.submitIn(yield* Durable.fromSql(sql), Work, { id: "one" })
      })
      refused(yield* Effect.flip(sql.withTransaction(broken)), "25P02")
    }).pipe(Effect.provide(layer))
  )

  it.live("of pg is stored when that commits, and not when it does not", () =>
    Effect.gen(function* () {
      const durable = yield* Durable.Durable
      const client = yield* Effect.acquireRelease(
        Effect.promise(async () => {
          const client = new pg.Client({ connectionString: server.url() })
          await client.connect()
          return client
        }),
        (client) => Effect.promise(() => client.end())
      )
      const run = (text: string) => Effect.promise(() => client.query(text))
      const ending = (end: string) =>
        run("BEGIN").pipe(
          Effect.andThen(durable.submitIn(Durable.fromPg(client), Work, { id: "one" })),
          Effect.andThen(run(end))
        )
      assert.strictEqual(yield* storedAfter(ending("COMMIT")), 1)
      assert.strictEqual(yield* storedAfter(ending("ROLLBACK")), 0)
      // @ts-expect-error: statements of a `Pool` may go to several connections.
      const wrong: Durable.PgConnection = new pg.Pool()
      assert.isDefined(wrong)
    }).pipe(Effect.provide(layer), Effect.scoped)
  )
})
