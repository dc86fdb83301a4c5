/**
 * The alert rules ask only for metrics, labels and values that a service exports, and lead to sections that are there. Whether they
 * fire is what `npm run check:alerts` tests, with promtool.
 */
import { Effect, Layer, Metric } from "effect"
import { Yaml } from "effect/encoding"
import { PrometheusMetrics } from "effect/observability"
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Durable from "../src/durable/Durable.ts"
import * as StoreMetrics from "../src/http/stored/metrics.ts"
import { CircuitBreaker, ElasticPool, Handlers, Limit, RetryBudget } from "../src/index.ts"
import { type Started, startService } from "./http/support.ts"
import { Works } from "./support/bench.ts"
import { onThreads } from "./support/threads.ts"

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<"summary" | "description" | "runbook_url", string>>
}

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")
const file = Yaml.parse(read("docs/prometheus/alerts.yml")) as {
  readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<Rule> }>
}
const rules = file.groups.flatMap(({ rules }) => rules)

let service: Started
/** By metric: its labels, and each with its value as `label=value`. */
const exported = new Map<string, Set<string>>()
beforeAll(async () => {
  service = await startService({})
  const text: string = (await service.ask("GET", "/metrics")).json + (await ofOthers()) + (await ofStore())
  for (const [, name, list = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const known = exported.get(name!) ?? new Set()
    for (const [, label, value] of list.matchAll(/(\w+)="([^"]*)"/g)) known.add(label!).add(`${label}=${value}`)
    exported.set(name!, known)
  }
})
afterAll(() => service.close())

/** What a pool exports beside it that has limits and threads, and all that protects it. */
const ofOthers = (): Promise<string> =>
  PrometheusMetrics.format().pipe(
    Effect.provide(
      ElasticPool.layer({
        limits: [Limit.make({ name: "one", concurrency: 1 })],
        strategy: "shedding",
        retryBudget: RetryBudget.make(),
        breaker: CircuitBreaker.make()
      }).pipe(Layer.provide(Handlers.layer(Works)), Layer.provide(onThreads))
    ),
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.runPromise
  )

/** What a process exports that has a store. */
const ofStore = (): Promise<string> =>
  Effect.gen(function* () {
    const look = yield* StoreMetrics.watch(yield* Durable.Durable, "stored")
    yield* look.fresh
    return yield* PrometheusMetrics.format()
  }).pipe(
    Effect.scoped,
    Effect.provide(Durable.layerClient().pipe(Layer.provide(Durable.layerMemory))),
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.runPromise
  )

/** What Prometheus adds to each series. */
const ofTarget = ["job", "instance"]
const metric = /\b((?:worker_pool|nodejs|process)_\w+)(?:\{([^}]*)\})?/g

it("asks for what there is", () => {
  let asked = 0
  for (const { alert, annotations, expr } of rules) {
    const known = new Set(ofTarget)
    for (const [, name, list = ""] of [...expr.matchAll(metric), ...annotations.description.matchAll(metric)]) {
      asked++
      const labels = exported.get(name!)
      expect(labels, `${alert}: ${name} is exported`).toBeDefined()
      for (const label of labels!) known.add(label)
      for (const [, label, operator, values] of list.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)) {
        if (ofTarget.includes(label!)) continue
        const each = operator === "=~" ? values!.split("|") : [values!]
        for (const value of each) expect(labels, `${alert}: a series of ${name}`).toContain(`${label}=${value}`)
      }
    }
    for (const [, list] of expr.matchAll(/\b(?:without|by|on|ignoring) \(([^)]*)\)/g)) {
      for (const label of list!.split(", ")) expect(known, `${alert}: a label of its metrics`).toContain(label)
    }
    for (const [, label] of Object.values(annotations)
      .join(" ")
      .matchAll(/\$labels\.(\w+)/g)) {
      expect(known, `${alert}: a label of its metrics`).toContain(label)
    }
  }
  expect(asked).toBeGreaterThan(25)
})

it("says how bad it is, what to do, and where more is said", () => {
  const page = read("docs/operating.md")
  const anchors = [...page.matchAll(/^##+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-")
  )
  for (const { alert, annotations, labels } of rules) {
    expect(["warning", "critical"], alert).toContain(labels.severity)
    expect(annotations.summary, alert).toMatch(/\w/)
    expect(annotations.description, alert).toMatch(/\.$/)
    const [path, anchor] = annotations.runbook_url.split("#")
    expect(path).toBe("docs/operating.md")
    expect(anchors, alert).toContain(anchor)
  }
})

it("has each rule once, and a test that sees it fire", () => {
  const names = rules.map(({ alert }) => alert)
  expect(names.length).toBeGreaterThan(10)
  expect(new Set(names).size).toBe(names.length)
  const tests = read("test/prometheus/alerts.test.yml")
  for (const name of names) {
    expect(tests).toMatch(new RegExp(`ALERTS\\{alertname="${name}",alertstate="firing"|alertname: ${name}\\n`))
  }
})
