/**
 * An order and the mail about it, stored together or not at all, with `@effect/sql-pg`. Run it on a PostgreSQL of yours:
 * `DATABASE_URL=postgres://... npm run example examples/outbox-sql.ts`.
 */
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Schema } from "effect"
import { Handlers } from "effect-worker-pool"
import * as Durable from "effect-worker-pool/Durable"
import { Rpc, RpcGroup } from "effect/rpc"
import { SqlClient } from "effect/sql"

const Confirm = Rpc.make("Confirm", { payload: { item: Schema.String }, success: Schema.String })
class Mails extends RpcGroup.make(Confirm) {}
class NotPaid extends Schema.TaggedError<NotPaid>()("NotPaid", { item: Schema.String }) {}

const url = Config.Redacted("DATABASE_URL")

const PoolLayer = Durable.layer({ maxWorkers: 4 }).pipe(
  Layer.provide(Handlers.layer(Mails)),
  Layer.provide(Mails.toLayer({ Confirm: ({ item }) => Effect.succeed(`a mail about ${item}`) })),
  Layer.provide(Durable.layerPostgres({ url, schema: "outbox_sql" }))
)

/** Stores the order, and asks for the mail: both are there when it commits. */
const order = Effect.fn("order")(function* (item: string, isPaid: boolean) {
  const sql = yield* SqlClient.SqlClient
  const durable = yield* Durable.Durable
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`INSERT INTO sales ${sql.insert({ item })}`
      const id = yield* durable.submitIn(yield* Durable.fromSql(sql), Confirm, { item })
      return isPaid ? id : yield* new NotPaid({ item })
    })
  )
})

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const durable = yield* Durable.Durable
  yield* sql`CREATE TABLE IF NOT EXISTS sales (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL)`

  const id = yield* order("a lamp", true)
  yield* Effect.catchTag(order("a chair", false), "NotPaid", ({ item }) =>
    Effect.sync(() => console.log(`${item} is not paid`))
  )

  const ticket = yield* durable.ticket(id, Confirm)
  const mail = yield* ticket.await
  const { stored } = yield* durable.counts
  console.log(yield* sql`SELECT item FROM sales`, mail, { stored })
})

await Effect.runPromise(Effect.provide(program, Layer.merge(PoolLayer, PgClient.layerConfig({ url }))))

// => a chair is not paid
// => [ { item: 'a lamp' } ] a mail about a lamp { stored: 1 }
