/**
 * An order and the mail about it, stored together or not at all, with `pg`. Run it on a PostgreSQL of yours:
 * `DATABASE_URL=postgres://... npm run example examples/outbox-pg.ts`.
 */
import { Config, Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import { Handlers } from "effect-worker-pool"
import * as Durable from "effect-worker-pool/Durable"
import { Rpc, RpcGroup } from "effect/rpc"
import pg from "pg"

const Confirm = Rpc.make("Confirm", { payload: { item: Schema.String }, success: Schema.String })
class Mails extends RpcGroup.make(Confirm) {}

const url = await Effect.runPromise(Config.Redacted("DATABASE_URL"))

const runtime = ManagedRuntime.make(
  Durable.layer({ maxWorkers: 4 }).pipe(
    Layer.provide(Handlers.layer(Mails)),
    Layer.provide(Mails.toLayer({ Confirm: ({ item }) => Effect.succeed(`a mail about ${item}`) })),
    Layer.provide(Durable.layerPostgres({ url, schema: "outbox_pg" }))
  )
)
const durable = await runtime.runPromise(Durable.Durable)

const database = new pg.Pool({ connectionString: Redacted.value(url) })
await database.query(
  `CREATE TABLE IF NOT EXISTS orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL)`
)

/** Stores the order, and asks for the mail: both are there when it commits. */
const order = async (item: string, isPaid: boolean): Promise<string> => {
  const connection = await database.connect()
  try {
    await connection.query("BEGIN")
    await connection.query("INSERT INTO orders (item) VALUES ($1)", [item])
    const id = await runtime.runPromise(durable.submitIn(Durable.fromPg(connection), Confirm, { item }))
    if (!isPaid) throw new Error(`${item} is not paid`)
    await connection.query("COMMIT")
    return id
  } catch (error) {
    await connection.query("ROLLBACK")
    throw error
  } finally {
    connection.release()
  }
}

const id = await order("a lamp", true)
await order("a chair", false).catch((error) => console.log(String(error)))

const mail = await runtime.runPromise(Effect.flatMap(durable.ticket(id, Confirm), (ticket) => ticket.await))
const { rows } = await database.query("SELECT item FROM orders")
const { stored } = await runtime.runPromise(durable.counts)
console.log(
  rows.map(({ item }) => item),
  mail,
  { stored }
)

await database.end()
await runtime.dispose()

// => Error: a chair is not paid
// => [ 'a lamp' ] a mail about a lamp { stored: 1 }
