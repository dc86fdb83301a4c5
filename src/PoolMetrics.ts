/**
 * Mirrors a pool's counts to Effect's `Metric`s, tagged `pool: <name>`. They are read from the plain counters whenever
 * somebody takes a metrics snapshot; a request costs nothing for them.
 *
 * | metric | kind | what |
 * | --- | --- | --- |
 * | `worker_pool_requests_total` | counter, by `end` | requests that ended |
 * | `worker_pool_defects_total` | counter | of the failed ones, those that ended with a defect |
 * | `worker_pool_refused_total` | counter, by `reason` | requests refused: `full`, `draining`, `abandoned`, `not_found`, `invalid` |
 * | `worker_pool_accepted_total`, `worker_pool_attempts_total`, `worker_pool_retries_total` | counter | |
 * | `worker_pool_waited_seconds_total`, `worker_pool_ran_seconds_total` | counter | sums over ended requests |
 * | `worker_pool_waited_seconds`, `worker_pool_ran_seconds` | histogram | of ended requests; from 1 ms to 65.536 s, doubling |
 * | `worker_pool_requests` | gauge, by `phase` | `blocked`, `waiting`, `delayed`, `running` |
 * | `worker_pool_workers` | gauge, by `state` | `idle`, `running`, `ending`, `stuck`, `target` |
 * | `worker_pool_lent_workers` | gauge | of these, those in the slot of an attempt that waits for them: beyond the bounds |
 * | `worker_pool_state` | gauge, by `state` | `open`, `draining`, `closed`: 1 for the one that the pool is in, else 0 |
 * | `worker_pool_paused` | gauge | 1 while it is paused, else 0 |
 * | `worker_pool_min_workers`, `worker_pool_max_workers` | gauge | the bounds in force |
 * | `worker_pool_capacity` | gauge | requests that may wait; not there when unbounded |
 * | `worker_pool_handler_offered_total`, `worker_pool_handler_retries_total` | counter, by `type` | requests and retries of that type |
 * | `worker_pool_handler_attempts_total` | counter, by `type` and `end` | attempts that ended: `succeeded`, `failed`, `timed_out` |
 * | `worker_pool_handler_busy_seconds_total` | counter, by `type` | time that its attempts kept workers |
 * | `worker_pool_handler_running` | gauge, by `type` | attempts that keep a worker now |
 *
 * The types are those that the pool has handlers for, and `run`. A pool of a name that another living one has already
 * is told apart by the label `instance`, from `2` on.
 */
import { Context, Effect, Layer, Metric } from "effect"
import * as Latencies from "./Latencies.ts"
import { ends } from "./Outcome.ts"
import type { HandlerCounts, PoolSnapshot, State } from "./PoolSnapshot.ts"
import { WorkerPool } from "./WorkerPool.ts"

/** Registered until the scope ends; then the pool's series are removed, and no others. */
export const layer: Layer.Layer<never, never, WorkerPool> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { latencies, name, snapshot } = yield* WorkerPool
    const context = yield* Effect.context<never>()
    const instance = yield* Effect.acquireRelease(
      Effect.sync(() => takeInstance(context, name)),
      ({ release }) => Effect.sync(release)
    )
    const pool = { pool: name, ...(instance.number === 1 ? undefined : { instance: String(instance.number) }) }
    if (instance.number > 1) {
      yield* Effect.logWarning(
        `there is another pool of the name "${name}": the metrics of this one have the label instance="${instance.number}"; give each pool a \`name\` of its own`
      )
    }
    const read = () => Effect.runSync(snapshot)
    const { capacity, handlers } = read()
    const own = [
      ...series,
      ...(Number.isFinite(capacity) ? queueSeries : []),
      ...[...new Set([...Object.keys(handlers), "run"])].flatMap(handlerSeries)
    ]
    const registrations = own.map(({ attributes, count, description, id, kind }) => {
      const options = { description, attributes: { ...pool, ...attributes } }
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
        attributes: pool
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

/** Which of the pools of one name are alive, by the registry in which they meet and the attributes that they share. */
const living = new WeakMap<Metric.MetricRegistry, Map<string, Set<number>>>()

/** The least number, from 1 on, that no living pool of this name has. */
const takeInstance = (context: Context.Context<never>, name: string) => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const pools = living.get(registry) ?? new Map<string, Set<number>>()
  living.set(registry, pools)
  const key = JSON.stringify([name, Context.get(context, Metric.CurrentMetricAttributes)])
  const taken = pools.get(key) ?? new Set<number>()
  pools.set(key, taken)
  let number = 1
  while (taken.has(number)) number++
  taken.add(number)
  const release = () => {
    taken.delete(number)
    if (taken.size === 0) pools.delete(key)
  }
  return { number, release }
}

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

const states: ReadonlyArray<State> = ["open", "draining", "closed"]

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
  of("counter", "defects_total", "Requests that ended with a defect", "", { "": (s) => s.defects }),
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
  }),
  of("gauge", "lent_workers", "Workers in the slot of an attempt that waits for them", "", { "": (s) => s.lent }),
  of(
    "gauge",
    "state",
    "1 for the state that the pool is in",
    "state",
    Object.fromEntries(states.map((state) => [state, (s) => Number(s.state === state)]))
  ),
  of("gauge", "paused", "1 while the pool is paused", "", { "": (s) => Number(s.paused) }),
  of("gauge", "min_workers", "The least workers that the pool may have", "", { "": (s) => s.minWorkers }),
  of("gauge", "max_workers", "The most workers that the pool may have", "", { "": (s) => s.maxWorkers })
].flat()

const queueSeries = of("gauge", "capacity", "Requests that may wait", "", { "": (s) => s.capacity })

/** A handler that has not been asked for yet has no counts. */
const handlerSeries = (type: string): ReadonlyArray<Series> => {
  const counted = (key: keyof HandlerCounts) => (s: PoolSnapshot) => s.handlers[type]?.[key] ?? 0
  return [
    of("counter", "handler_offered_total", "Requests of this type", "", { "": counted("offered") }),
    of("counter", "handler_retries_total", "Attempts that were not a request's first", "", { "": counted("retries") }),
    of("counter", "handler_attempts_total", "Attempts that ended", "end", {
      succeeded: counted("succeeded"),
      failed: counted("failed"),
      timed_out: counted("timedOut")
    }),
    of("counter", "handler_busy_seconds_total", "Time that attempts kept workers", "", {
      "": (s) => counted("occupiedMillis")(s) / 1000
    }),
    of("gauge", "handler_running", "Attempts that keep a worker now", "", { "": counted("running") })
  ]
    .flat()
    .map((one) => ({ ...one, attributes: { type, ...one.attributes } }))
}
