/**
 * The manifests of docs/kubernetes are YAML, belong together, and ask for settings, routes and metrics that there are. Whether a cluster
 * takes them is not tested.
 */
import { Effect, Layer, Metric } from "effect"
import { Yaml } from "effect/encoding"
import { PrometheusMetrics } from "effect/observability"
import { globSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as Durable from "../src/durable/Durable.ts"
import * as StoreMetrics from "../src/http/stored/metrics.ts"
import { workNames } from "../src/program/work/settings.ts"
import { variableOf } from "../src/program/settings/table.ts"

const folder = new URL("../docs/kubernetes/", import.meta.url)
const text = (name: string): string => readFileSync(new URL(name, folder), "utf8")
const read = (name: string): any => Yaml.parse(text(name))
const seconds = (duration: string): number => Number(/^(\d+)s$/.exec(duration)![1])

const work = read("work.yml")
const keda = read("keda.yml")
const hpa = read("hpa.yml")

describe("the manifests of Kubernetes", () => {
  it("are these, each of its kind", () => {
    expect(globSync("*", { cwd: folder.pathname }).sort()).toEqual(["hpa.yml", "keda.yml", "work.yml"])
    for (const [manifest, apiVersion, kind] of [
      [work, "apps/v1", "Deployment"],
      [keda, "keda.sh/v1alpha1", "ScaledObject"],
      [hpa, "autoscaling/v2", "HorizontalPodAutoscaler"]
    ]) {
      expect(manifest).toMatchObject({ apiVersion, kind })
    }
  })

  it("scale the processes that there are, whose number nobody else says", () => {
    expect(keda.spec.scaleTargetRef.name).toBe(work.metadata.name)
    expect(hpa.spec.scaleTargetRef).toEqual({ apiVersion: "apps/v1", kind: "Deployment", name: work.metadata.name })
    expect(work.spec).not.toHaveProperty("replicas")
    expect(work.spec.template.metadata.labels).toEqual(work.spec.selector.matchLabels)
  })

  it("name settings that `work` has, and give it longer than it may take to stop", () => {
    const { containers, terminationGracePeriodSeconds, volumes } = work.spec.template.spec
    const [container] = containers
    expect(container.command.slice(0, 2)).toEqual(["worker-pool", "work"])
    const variables = [...workNames.map(variableOf), "WORKER_POOL_TOKEN"]
    for (const { name } of container.env) expect(variables, name).toContain(name)
    const of = (name: string) => container.env.find((one: { readonly name: string }) => one.name === name)?.value
    const drain = seconds(of("WORKER_POOL_DRAIN_DEADLINE"))
    // The grace, 5 s and the grace again until the last ends are recorded, and the last answers.
    expect(terminationGracePeriodSeconds).toBeGreaterThan(drain + 1 + 5 + 1 + 2)
    expect(container.volumeMounts[0].name).toBe(volumes[0].name)
    expect(of("WORKER_POOL_TOKEN_FILE")).toMatch(container.volumeMounts[0].mountPath)
    const claimed = 1.5 * Number(of("WORKER_POOL_MAX_WORKERS"))
    expect(Number(keda.spec.triggers[0].metadata.threshold)).toBeGreaterThan(claimed)
    expect(Number(hpa.spec.metrics[0].external.target.averageValue)).toBeGreaterThan(claimed)
  })

  it("ask for metrics that a process of a store has, and for the same number", async () => {
    const exported = await PrometheusMetrics.format().pipe(
      Effect.provide(
        Layer.effectDiscard(
          Effect.gen(function* () {
            const look = yield* StoreMetrics.watch(yield* Durable.Durable, "work")
            yield* look.fresh
          })
        ).pipe(Layer.provide(Durable.layerClient()), Layer.provide(Durable.layerMemory))
      ),
      Effect.provideService(Metric.MetricRegistry, new Map()),
      Effect.runPromise
    )
    const { query } = keda.spec.triggers[0].metadata
    const [, rule] = /metricsQuery: (.*)$/m.exec(text("hpa.yml"))!
    expect(rule).toBe(query)
    const asked = [...query.matchAll(/worker_pool_\w+/g)].map(([name]) => name)
    expect(asked.length).toBe(2)
    for (const name of asked) expect(exported).toMatch(new RegExp(`^${name}\\{`, "m"))
    expect(text("hpa.yml")).toContain(`as: ${hpa.spec.metrics[0].external.metric.name} }`)
  })
})
