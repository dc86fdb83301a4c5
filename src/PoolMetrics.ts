/**
 * Mirrors a pool's counts to Effect's `Metric`s, tagged `pool: <name>`. They are read from the plain counters whenever
 * somebody takes a metrics snapshot; a request costs nothing for them.
 *
 * | metric | kind | what |
 * | --- | --- | --- |
 * | `worker_pool_requests_total` | counter, by `end` | requests that ended |
 * | `worker_pool_refused_total` | counter, by `reason` | requests refused: `full`, `draining`, `abandoned`, `not_found`, `invalid` |
 * | `worker_pool_accepted_total`, `worker_pool_attempts_total`, `worker_pool_retries_total` | counter | |
 * | `worker_pool_waited_seconds_total`, `worker_pool_ran_seconds_total` | counter | sums over ended requests |
 * | `worker_pool_waited_seconds`, `worker_pool_ran_seconds` | histogram | of ended requests; from 1 ms to 65.536 s, doubling |
 * | `worker_pool_requests` | gauge, by `phase` | `blocked`, `waiting`, `delayed`, `running` |
 * | `worker_pool_workers` | gauge, by `state` | `idle`, `running`, `ending`, `stuck`, `target` |
 */
import { Effect, Layer, Metric } from "effect"
import * as Latencies from "./Latencies.ts"
import { ends } from "./Outcome.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"
import { WorkerPool } from "./WorkerPool.ts"

/** Registered until the scope ends; then the pool's series are removed. */
export const layer: Layer.Layer<never, never, WorkerPool> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { latencies, name, snapshot } = yield* WorkerPool
    const context = yield* Effect.context<never>()
    const read = () => Effect.runSync(snapshot)
    const registrations = series.map(({ attributes, count, description, id, kind }) => {
      const options = { description, attributes: { pool: name, ...attributes } }
      const nothing = () => {}
      return kind === "counter"
        ? Metric.registerUnsafe(Metric.counter(id, { ...options, incremental: true }), context, {
            get: () => ({ count: count(read()), incremental: true }),
            update: nothing,
            modify: nothing
          })
        : Metric.registerUnsafe(Metric.gauge(id, options), context, {
            get: () => ({ value: count(read()) }),
            update: nothing,
            modify: nothing
          })
    })
    for (const [which, description] of histograms) {
      const metric = Metric.histogram(`worker_pool_${which}_seconds`, {
        description,
        boundaries: boundaries.map((millis) => millis / 1000),
        attributes: { pool: name }
      })
      const nothing = () => {}
      const get = () => stateOf(Effect.runSync(latencies)[which])
      registrations.push(Metric.registerUnsafe(metric, context, { get, update: nothing, modify: nothing }))
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const registration of registrations) registration.remove()
      })
    )
  })
)

const histograms = [
  ["waited", "Time that ended requests waited"],
  ["ran", "Time that ended requests ran"]
] as const

/** In milliseconds; each is the edge of a bucket, so that the counts are exact. */
const boundaries = Array.from({ length: 17 }, (_, at) => 2 ** at)

const stateOf = (counts: Latencies.HistogramCounts): Metric.HistogramState => ({
  buckets: [
    ...boundaries.map((millis): [number, number] => [millis / 1000, Latencies.countBelow(counts, millis)]),
    [Infinity, counts.count]
  ],
  count: counts.count,
  min: Latencies.quantile(counts, 0) / 1000,
  max: Latencies.quantile(counts, 1) / 1000,
  sum: counts.sumMillis / 1000
})

interface Series {
  readonly kind: "counter" | "gauge"
  readonly id: string
  readonly description: string
  readonly attributes: Readonly<Record<string, string>>
  readonly count: (snapshot: PoolSnapshot) => number
}

const of = (
  kind: Series["kind"],
  id: string,
  description: string,
  key: string,
  counts: Readonly<Record<string, Series["count"]>>
): ReadonlyArray<Series> =>
  Object.entries(counts).map(([value, count]) => ({
    kind,
    id: `worker_pool_${id}`,
    description,
    attributes: value === "" ? {} : { [key]: value },
    count
  }))

const series: ReadonlyArray<Series> = [
  of(
    "counter",
    "requests_total",
    "Requests that ended",
    "end",
    Object.fromEntries(ends.map((end) => [end, (s) => s[end]]))
  ),
  of("counter", "refused_total", "Requests that were not accepted", "reason", {
    full: (s) => s.refusedFull,
    draining: (s) => s.refusedDraining,
    abandoned: (s) => s.abandoned,
    not_found: (s) => s.handlerNotFound,
    invalid: (s) => s.invalid
  }),
  of("counter", "accepted_total", "Requests that were accepted", "", { "": (s) => s.accepted }),
  of("counter", "attempts_total", "Attempts that were started", "", { "": (s) => s.attempts }),
  of("counter", "retries_total", "Attempts that were not a request's first", "", { "": (s) => s.retries }),
  of("counter", "waited_seconds_total", "Time that ended requests waited", "", { "": (s) => s.waitedMillis / 1000 }),
  of("counter", "ran_seconds_total", "Time that ended requests ran", "", { "": (s) => s.ranMillis / 1000 }),
  of("gauge", "requests", "Requests that have not ended", "phase", {
    blocked: (s) => s.blocked,
    waiting: (s) => s.waiting,
    delayed: (s) => s.delayed,
    running: (s) => s.running
  }),
  of("gauge", "workers", "Workers by state, and the number asked for", "state", {
    idle: (s) => s.idle,
    running: (s) => s.running,
    ending: (s) => s.ending,
    stuck: (s) => s.stuck,
    target: (s) => s.target
  })
].flat()
