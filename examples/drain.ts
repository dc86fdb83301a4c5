/** A shutdown with a deadline, and what it says. Run it: `npm run example examples/drain.ts`. */
import { Effect, Layer, Schema } from "effect"
import { DrainReport, ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import { Rpc, RpcGroup } from "effect/rpc"

const Job = Rpc.make("Job", { payload: { millis: Schema.Finite } })
class Jobs extends RpcGroup.make(Job) {}

const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.WorkerPool
  // Two workers: a short job ends, two long ones run, the last one still waits at the deadline.
  for (const [id, millis] of Object.entries({ short: 1, long: 60_000, longer: 60_000, last: 1 })) {
    yield* pool.submit(Job, { millis }, { id })
  }
  yield* Effect.sleep("50 millis")

  const report = yield* pool.drain({ deadline: "100 millis" })
  console.log(`forced: ${report.forced}, succeeded: ${report.ends.succeeded}, stuck: ${report.stuckCount}`)
  const left = report.interrupted.map(({ attempts, id, phase }) => `${id} was ${phase}, ${attempts} attempts`)
  for (const line of left.sort()) console.log(line)

  // Asked again, it gives the same report; nothing is done twice.
  const again = yield* pool.drain()
  console.log(DrainReport.format(again) === DrainReport.format(report))
})

await program.pipe(
  Effect.provide(
    ElasticPool.layer({ minWorkers: 2, maxWorkers: 2 }).pipe(
      Layer.provide(Handlers.layer(Jobs)),
      Layer.provide(Jobs.toLayer({ Job: ({ millis }) => Effect.sleep(millis) }))
    )
  ),
  Effect.runPromise
)

// => forced: true, succeeded: 1, stuck: 0
// => last was waiting, 0 attempts
// => long was running, 1 attempts
// => longer was running, 1 attempts
// => true
