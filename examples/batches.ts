/** Rows that are written together, one statement for up to 100 of them. Run it: `npm run example examples/batches.ts`. */
import { Effect, Exit, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, RequestPolicy, RetryPolicy, WorkerPool } from "effect-worker-pool"

class BadRow extends Schema.TaggedError<BadRow>()("BadRow", { row: Schema.Number }) {}

const Insert = Rpc.make("Insert", {
  payload: { row: Schema.Number },
  success: Schema.Number,
  error: BadRow
}).annotate(RequestPolicy.RequestPolicy, {
  // The first waits no longer than 5 ms for others.
  batch: { size: 100, within: "5 millis" },
  // Of each row by itself, and not where the row is to blame.
  retry: RetryPolicy.make({ times: 2, base: "1 millis", failures: false, defects: true })
})
class Rows extends RpcGroup.make(Insert) {}

let statements = 0

const RowsHandlers = Rows.toLayer({
  Insert: Handlers.batched(Insert, (rows) =>
    Effect.gen(function* () {
      const statement = ++statements
      // What takes its time is the way there and back.
      yield* Effect.sleep("5 millis")
      // A statement that fails has failed for each of its rows.
      if (statement === 3) return yield* Effect.die("the database restarts")
      return rows.map(({ row }) => (row % 250 === 13 ? Exit.fail(new BadRow({ row })) : Exit.succeed(row)))
    })
  )
})

const PoolLayer = ElasticPool.layer({ maxWorkers: 2 }).pipe(
  Layer.provide(Handlers.layer(Rows)),
  Layer.provideMerge(RowsHandlers)
)

const program = Effect.gen(function* () {
  const { Insert } = yield* WorkerPool.client(Rows)
  const pool = yield* WorkerPool.WorkerPool
  const rows = Array.from({ length: 1_000 }, (_, row) => row)
  const written = yield* Effect.forEach(
    rows,
    (row) => Effect.catchTag(Insert({ row }), "BadRow", ({ row }) => Effect.succeed(`not ${row}`)),
    { concurrency: "unbounded" }
  )
  console.log(written.filter((what) => typeof what === "string").join(", "))
  console.log("few statements:", statements < 50)
  const { failed, retries, succeeded } = yield* pool.snapshot
  console.log({ failed, retries, succeeded })
})

await Effect.runPromise(Effect.provide(program, PoolLayer))
// => not 13, not 263, not 513, not 763
// => few statements: true
// => { failed: 4, retries: 100, succeeded: 996 }
