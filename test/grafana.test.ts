/** The Grafana dashboard asks only for metrics, labels and values that a pool exports. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { readFileSync } from "node:fs"
import * as Durable from "../src/durable/Durable.ts"
import * as StoreMetrics from "../src/http/stored/metrics.ts"
import { CircuitBreaker, ElasticPool, Handlers, Limit, PoolMetrics, RetryBudget, WorkerPool } from "../src/index.ts"
import { withPool, Works } from "./support/bench.ts"
import { onThreads } from "./support/threads.ts"

interface Dashboard {
  readonly templating: { readonly list: ReadonlyArray<{ readonly query: string | { readonly query: string } }> }
  readonly panels: ReadonlyArray<{
    readonly id: number
    readonly title: string
    /** A row of panels has none. */
    readonly targets?: ReadonlyArray<{ readonly expr: string; readonly legendFormat: string }>
  }>
}

const options: ElasticPool.Options = {
  limits: [Limit.make({ name: "both", concurrency: 9, rate: { limit: 9, period: "1 second" } })],
  strategy: "shedding",
  retryBudget: RetryBudget.make(),
  breaker: CircuitBreaker.make()
}

/** What a pool exports beside it whose handlers run on threads. */
const ofThreads = PrometheusMetrics.format().pipe(
  Effect.provide(ElasticPool.layer().pipe(Layer.provide(Handlers.layer(Works)), Layer.provide(onThreads))),
  Effect.provideService(Metric.MetricRegistry, new Map())
)

/** And one whose requests are stored. */
const ofStore = Effect.gen(function* () {
  const look = yield* StoreMetrics.watch(yield* Durable.Durable, "stored")
  yield* look.fresh
  return yield* PrometheusMetrics.format()
}).pipe(
  Effect.scoped,
  Effect.provide(Durable.layerClient().pipe(Layer.provide(Durable.layerMemory))),
  Effect.provideService(Metric.MetricRegistry, new Map())
)

it.effect("asks for what there is", () =>
  withPool(options)((bench) =>
    Effect.gen(function* () {
      yield* bench.execute("a")
      // One of which no options are known has all series that there are.
      yield* Effect.provideService(Layer.build(PoolMetrics.layer), WorkerPool.WorkerPool, bench.pool)
      const text = (yield* PrometheusMetrics.format()) + (yield* ofThreads) + (yield* ofStore)
      const labels = new Map<string, Set<string>>()
      for (const [, name, list] of text.matchAll(/^(worker_pool_\w+)\{(.*)\} /gm)) {
        const known = labels.get(name!) ?? new Set()
        for (const [, label, value] of list!.matchAll(/(\w+)="([^"]*)"/g)) known.add(label!).add(`${label}=${value}`)
        labels.set(name!, known)
      }
      const file = new URL("../docs/grafana/worker-pool.json", import.meta.url)
      const { panels, templating } = JSON.parse(readFileSync(file, "utf8")) as Dashboard
      const queries = [
        ...panels.flatMap(({ targets = [] }) => targets),
        ...templating.list.map(({ query }) => ({
          expr: typeof query === "string" ? "" : query.query,
          legendFormat: ""
        }))
      ]
      let asked = 0
      for (const { expr, legendFormat } of queries) {
        for (const [, name, list = ""] of expr.matchAll(/(worker_pool_\w+)(?:\{([^}]*)\})?/g)) {
          asked++
          const known = labels.get(name!)
          assert.isDefined(known, `${name} is exported`)
          for (const [, label, operator, value] of list.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)) {
            assert.isTrue(known!.has(label!), `${name} has the label ${label}`)
            if (operator !== "=~") assert.isTrue(known!.has(`${label}=${value}`), `${name} has ${label}="${value}"`)
          }
          for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) assert.isTrue(known!.has(label!), label)
        }
      }
      assert.isAbove(asked, 34)
      assert.strictEqual(new Set(panels.map(({ id }) => id)).size, panels.length)
    })
  ).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
)
