/** Work that comes again and again, and what a tick does while the last one still works. Run it: `npm run example examples/recurring.ts`. */
import { Cron, DateTime, Effect, Layer, Schedule, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, Recurring, WorkerPool } from "effect-worker-pool"

const Report = Rpc.make("Report", { payload: { until: Schema.String } })
const Sync = Rpc.make("Sync", { payload: { name: Schema.String } })
class Jobs extends RpcGroup.make(Report, Sync) {}

const JobsHandlers = Jobs.toLayer({
  Report: ({ until }) => Effect.log(`all that was done until ${until}`),
  // It takes longer than it is to the next tick: for ever, unless somebody cancels it.
  Sync: () => Effect.never
})

const Nightly = Recurring.layer({
  name: "nightly",
  // At the same time of day, in summer and in winter.
  cron: Cron.parseUnsafe("30 4 * * *", "Europe/Berlin"),
  // Of what came while the machine slept the last one is made up for, and each comes up to five minutes later.
  missed: "latest",
  jitter: "5 minutes",
  call: (tick: DateTime.Utc) => WorkerPool.call(Report, { until: DateTime.formatIso(tick) }, { timeout: "1 hour" })
})

const syncing = (overlap: Recurring.Overlap) =>
  Recurring.layer({
    name: overlap,
    schedule: Schedule.spaced("20 millis"),
    overlap,
    call: WorkerPool.call(Sync, { name: overlap }, { timeout: "none" })
  })

const PoolLayer = Layer.mergeAll(Nightly, syncing("skip"), syncing("queue"), syncing("replace")).pipe(
  // What is left at the end is nothing to wait for.
  Layer.provideMerge(ElasticPool.layer({ minWorkers: 8, drainDeadline: 0 })),
  Layer.provide(Handlers.layer(Jobs)),
  Layer.provide(JobsHandlers)
)

const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.WorkerPool
  const views = Effect.map(Recurring.of(pool), (all) => Object.fromEntries(all.map((view) => [view.name, view])))
  /** Once each has had its share of ticks. */
  const isEnough = views.pipe(
    Effect.map(({ queue, replace, skip }) => skip!.skipped > 1 && queue!.skipped > 1 && replace!.replaced > 1)
  )
  while (!(yield* isEnough)) yield* Effect.sleep("10 millis")

  const { nightly, queue, replace, skip } = yield* views
  const next = DateTime.makeZonedUnsafe(nightly!.nextEpochMillis!, { timeZone: "Europe/Berlin" })
  const { hour, minute } = DateTime.toParts(next)
  console.log(`nightly: ${nightly!.state}, next at ${hour}:${minute}`)
  console.log(`skip: ${skip!.asked} asked for, ${skip!.pending} there`)
  console.log(`queue: ${queue!.asked} asked for, ${queue!.pending} there, ${queue!.waiting} waits`)
  console.log(`replace: one for each tick: ${replace!.asked === replace!.replaced + 1}, ${replace!.pending} there`)
})

await Effect.runPromise(Effect.provide(program, PoolLayer))
// => nightly: ticking, next at 4:30
// => skip: 1 asked for, 1 there
// => queue: 1 asked for, 1 there, 1 waits
// => replace: one for each tick: true, 1 there
