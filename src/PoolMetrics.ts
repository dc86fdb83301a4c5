/**
 * Mirrors a pool's counts to Effect's `Metric`s, tagged `pool: <name>`. They are read from the plain counters, in one step, whenever
 * somebody takes a metrics snapshot; a request costs nothing for them.
 *
 * | metric | kind | what |
 * | --- | --- | --- |
 * | `worker_pool_requests_total` | counter, by `end` | requests that ended |
 * | `worker_pool_defects_total` | counter | of the failed ones, those that ended with a defect |
 * | `worker_pool_refused_total` | counter, by `reason` | requests refused: `full`, `draining`, `circuit_open`, `duplicate`, `abandoned`, `not_found`, `invalid` |
 * | `worker_pool_accepted_total`, `worker_pool_attempts_total`, `worker_pool_retries_total` | counter | |
 * | `worker_pool_retries_denied_total` | counter | retries that were not in the `retryBudget` |
 * | `worker_pool_joined_total` | counter | calls that had the end of a request which was there already |
 * | `worker_pool_shed_total` | counter | of the evicted requests, those that were given up since there was too much to do |
 * | `worker_pool_overloaded` | gauge | 1 while a pool of the strategy `"shedding"` has too much to do, else 0 |
 * | `worker_pool_waited_seconds_total`, `worker_pool_ran_seconds_total` | counter | sums over ended requests |
 * | `worker_pool_waited_seconds`, `worker_pool_ran_seconds` | histogram | of ended requests; from 1 ms to 65.536 s, doubling |
 * | `worker_pool_requests` | gauge, by `phase` | `blocked`, `waiting`, `delayed`, `running` |
 * | `worker_pool_scheduled` | gauge | of the delayed ones, those whose time has not come yet |
 * | `worker_pool_batched` | gauge | of the running ones, those in the batch of another one |
 * | `worker_pool_held_back` | gauge | of the waiting ones, those at a closed gate: at a limit, a pause, or for a time not yet come |
 * | `worker_pool_keys` | gauge | keys that the queue knows now |
 * | `worker_pool_workers` | gauge, by `state` | `idle`, `running`, `ending`, `stuck`, `target` |
 * | `worker_pool_lent_workers` | gauge | of these, those in the slot of an attempt that waits for them: beyond the bounds |
 * | `worker_pool_state` | gauge, by `state` | `open`, `draining`, `closed`: 1 for the one that the pool is in, else 0 |
 * | `worker_pool_paused` | gauge | 1 while it is paused, else 0 |
 * | `worker_pool_min_workers`, `worker_pool_max_workers` | gauge | the bounds in force |
 * | `worker_pool_capacity` | gauge | requests that may wait; not there when unbounded |
 * | `worker_pool_handler_offered_total`, `worker_pool_handler_retries_total` | counter, by `type` | requests and retries of that type |
 * | `worker_pool_handler_attempts_total` | counter, by `type` and `end` | attempts that ended: `succeeded`, `failed`, `timed_out` |
 * | `worker_pool_handler_batches_total` | counter, by `type` | how often a worker took some of them at once: attempts by it are the mean size of a batch |
 * | `worker_pool_handler_busy_seconds_total` | counter, by `type` | time that its attempts kept workers |
 * | `worker_pool_handler_running` | gauge, by `type` | attempts that keep a worker now |
 * | `worker_pool_handler_held_back` | gauge, by `type` | of its waiting requests, those at a closed gate |
 * | `worker_pool_limit_started_total` | counter, by `limit` | starts that it has let through |
 * | `worker_pool_limit_running`, `worker_pool_limit_held_back` | gauge, by `limit` | what has passed and still counts, and what waits at it, over all of its gates |
 * | `worker_pool_limit_concurrency`, `worker_pool_limit_starts_per_second` | gauge, by `limit` | what each of its gates allows; not there where any number is allowed |
 * | `worker_pool_breaker_open`, `worker_pool_breaker_half_open` | gauge, by `type` | its circuit breakers that let nothing through, or only probes: one, or one for each key |
 * | `worker_pool_breaker_opened_total` | counter, by `type` | how often one of them has opened, or opened again |
 * | `worker_pool_threads` | gauge, by `name` and `state` | threads behind the handlers: `starting`, `idle`, `busy`, `dying`, `stuck` |
 * | `worker_pool_threads_started_total`, `worker_pool_threads_killed_total`, `worker_pool_threads_crashed_total` | counter, by `name` | what has become of threads |
 * | `worker_pool_threads_start_seconds` | gauge, by `name` | how long the last one took to become ready; not there until one has |
 *
 * What a pool does not use is not there: denied retries without a `retryBudget`, shedding and overload with another strategy, batches and
 * breakers without an annotation, or an option, that asks for them. Those of threads are there where handlers run on threads; `name` is
 * what they are called there, and `limit` of their gate. The types are those that the pool has handlers for, and `run`; those that a module
 * on threads adds later come, as a bound that `setLimit` gives or takes away comes or goes, with the reading after the next. Nothing is by
 * key: callers choose their keys, and there is no end of them. A pool of a name that another living one has already is told apart by the
 * label `instance`, from `2` on.
 */
import { Context, Effect, Layer, Metric } from "effect"
import { Handlers } from "./Handlers.ts"
import * as Latencies from "./Latencies.ts"
import { alwaysThere, boundsOf, ofBreaker, ofType, type Series, type Uses } from "./internal/series.ts"
import { PoolConfig } from "./PoolConfig.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"
import { WorkerPool } from "./WorkerPool.ts"

/** Registered until the scope ends; then the pool's series are removed, and no others. */
export const layer: Layer.Layer<never, never, WorkerPool> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { latencies, name, snapshot } = yield* WorkerPool
    const context = yield* Effect.context<never>()
    const uses = usesOf(context)
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
    const nothing = () => {}
    const register = (
      { attributes, count, description, id, kind }: Series,
      read: () => PoolSnapshot = () => seen
    ): Metric.Registration => {
      const options = { description, attributes: { ...pool, ...attributes } }
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
    }
    let seen = yield* snapshot
    const bounds = boundsOf(seen)
    const registeredBounds = new Map<Series, Metric.Registration>()
    const registrations: Array<Metric.Registration> = []
    const types = new Set<string>()
    const breakers = new Set<string>()
    const addType = (type: string) => {
      types.add(type)
      for (const series of ofType(type, uses)) registrations.push(register(series))
    }
    const addBreakers = (name: string) => {
      breakers.add(name)
      for (const series of ofBreaker(name)) registrations.push(register(series))
    }
    /** A number that is not finite says nothing, and some exporters cannot write it. */
    const follow = () => {
      // A module on threads tells later what is in it. No type ever goes.
      for (const type in seen.handlers) if (!types.has(type)) addType(type)
      // That of a type is there from its first request on.
      for (const name in seen.limits)
        if (seen.limits[name]!.breaker !== undefined && !breakers.has(name)) addBreakers(name)
      for (const bound of bounds) {
        const registered = registeredBounds.get(bound)
        const isThere = Number.isFinite(bound.count(seen))
        if (isThere && registered === undefined) registeredBounds.set(bound, register(bound))
        if (!isThere && registered !== undefined) {
          registered.remove()
          registeredBounds.delete(bound)
        }
      }
    }
    // The series are read in the order in which they were registered: one snapshot is enough for all of them, and they agree.
    const look = () => {
      seen = Effect.runSync(snapshot)
      follow()
      return seen
    }
    for (const [at, series] of alwaysThere(seen, uses).entries()) {
      registrations.push(register(series, at === 0 ? look : undefined))
    }
    addType("run")
    follow()
    for (const [which, description] of histograms) {
      const metric = Metric.histogram(`worker_pool_${which}_seconds`, {
        description,
        boundaries: boundaries.map((millis) => millis / 1000),
        attributes: pool
      })
      const get = () => stateOf(Effect.runSync(latencies)[which])
      registrations.push(Metric.registerUnsafe(metric, context, { get, update: nothing, modify: nothing }))
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const registration of [...registrations, ...registeredBounds.values()]) registration.remove()
      })
    )
  })
)

/** Of a pool of which neither options nor handlers are known everything is there. */
const usesOf = (context: Context.Context<never>): Uses => {
  const config = Context.getOrUndefined(context as Context.Context<PoolConfig>, PoolConfig)
  const handlers = Context.getOrUndefined(context as Context.Context<Handlers>, Handlers)
  return {
    retryBudget: config === undefined || config.retryBudget !== undefined,
    shedding: config === undefined || config.strategy === "shedding",
    isBatched: (type) => handlers === undefined || handlers.get(type)?.policy.batch !== undefined,
    batches: handlers === undefined || [...handlers.values()].some(({ policy }) => policy.batch !== undefined)
  }
}

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
