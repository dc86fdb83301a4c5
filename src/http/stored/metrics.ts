/**
 * The store in metrics, tagged `pool: <name>`, for an autoscaler of machines. All but the last three are of the whole cluster, and the
 * same in each of its processes: take one of them (`max`), and not their sum. They are not there while the store cannot be reached.
 *
 * | metric | kind | what |
 * | --- | --- | --- |
 * | `worker_pool_store_waiting`, `worker_pool_store_delayed`, `worker_pool_store_claimed` | gauge | requests that have not ended |
 * | `worker_pool_store_oldest_wait_seconds` | gauge | how long the oldest one that waits has waited |
 * | `worker_pool_store_processes` | gauge | processes that take part and live |
 * | `worker_pool_store_stored_total` | counter | requests that were stored |
 * | `worker_pool_store_ended_total` | counter, by `end` | requests that ended |
 * | `worker_pool_store_held`, `worker_pool_store_unsettled` | gauge | what this process has, and of that what has ended and is not yet recorded |
 * | `worker_pool_store_away` | gauge | 1 while this process cannot reach the store, else 0 |
 */
import { Effect, Metric, type Scope } from "effect"
import type { Durable } from "../../durable/service.ts"
import type { Counts } from "../../durable/Store.ts"
import { Outcome } from "../../index.ts"
import { type Look, make as makeLook, type Seen } from "./look.ts"

/**
 * A look at the store of this pool, with the metrics of it. Whoever writes them down for a reader asks `fresh` first: what is read is
 * what was seen last.
 */
export const watch = (durable: Durable["Service"], pool: string): Effect.Effect<Look, never, Scope.Scope> =>
  Effect.tap(makeLook(durable), (look) => register({ durable, look }, pool))

/** Registered until the scope ends. Reading them never waits for the store: it begins a look where the last one is old. */
const register = (
  { durable, look }: { readonly durable: Pick<Durable["Service"], "local">; readonly look: Look },
  pool: string
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const add = ({ description, end, id, kind }: Series, read: () => number): Metric.Registration => {
      const options = { description, attributes: { pool, ...(end && { end }) } }
      const ignored = { update: () => {}, modify: () => {} }
      const name = `worker_pool_store_${id}`
      return kind === "counter"
        ? Metric.registerUnsafe(Metric.counter(name, { ...options, incremental: true }), context, {
            get: () => ({ count: read(), incremental: true }),
            ...ignored
          })
        : Metric.registerUnsafe(Metric.gauge(name, options), context, { get: () => ({ value: read() }), ...ignored })
    }
    const local = () => Effect.runSync(durable.local) // @allowed: a metric is read by a plain function
    const always = [
      add(away, () => {
        look.glance()
        return Number(local().isAway)
      }),
      add(held, () => local().held),
      add(unsettled, () => local().unsettled)
    ]
    let ofStore: ReadonlyArray<Metric.Registration> = []
    const remove = (registrations: ReadonlyArray<Metric.Registration>) => {
      for (const registration of registrations) registration.remove()
    }
    yield* look.follow((seen) => {
      const { counts } = seen
      if (counts === undefined) {
        remove(ofStore)
        ofStore = []
      } else if (ofStore.length === 0) {
        ofStore = series.map((one) => add(one, () => one.count(look.latest())))
      }
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => remove([...always, ...ofStore])))
  })

interface Series {
  readonly kind: "counter" | "gauge"
  readonly id: string
  readonly description: string
  readonly end?: string
}

const away: Series = { kind: "gauge", id: "away", description: "1 while the store cannot be reached" }
const held: Series = { kind: "gauge", id: "held", description: "Stored requests that this process has" }
const unsettled: Series = {
  kind: "gauge",
  id: "unsettled",
  description: "Of those that this process has, those that have ended and are not yet recorded"
}

const counted = (count: (counts: Counts) => number) => (seen: Seen) =>
  seen.counts === undefined ? 0 : count(seen.counts)

const series: ReadonlyArray<Series & { readonly count: (seen: Seen) => number }> = [
  { kind: "gauge", id: "waiting", description: "Stored requests that wait", count: counted((c) => c.waiting) },
  {
    kind: "gauge",
    id: "delayed",
    description: "Stored requests that are not due yet",
    count: counted((c) => c.delayed)
  },
  { kind: "gauge", id: "claimed", description: "Stored requests that a process has", count: counted((c) => c.claimed) },
  {
    kind: "gauge",
    id: "oldest_wait_seconds",
    description: "Time that the oldest stored request which waits has waited",
    count: counted((c) => c.oldestMillis / 1000)
  },
  {
    kind: "gauge",
    id: "processes",
    description: "Processes of the store that live",
    count: ({ processes }) => processes.filter(({ live }) => live).length
  },
  { kind: "counter", id: "stored_total", description: "Requests that were stored", count: counted((c) => c.stored) },
  ...Outcome.ends.map((end) => ({
    kind: "counter" as const,
    id: "ended_total",
    description: "Stored requests that ended",
    end,
    count: counted((c) => c[end])
  }))
]
