/** What the service sends to a collector, over real sockets. */
import { Effect, Exit, Layer, Metric, Scope, Tracer } from "effect"
import { describe, it, vi } from "vitest"
import { start } from "../../../src/program/serve/serve.ts"
import { make } from "../../../src/program/serve/settings.ts"
import * as Telemetry from "../../../src/program/daemon/telemetry.ts"
import { handlersPath } from "../../http/support.ts"
import { attributesOf, Collector, textsOf } from "../fixtures/collector.ts"
import { handlers, start as startProgram } from "../fixtures/program.ts"

type Environment = Readonly<Record<string, string>>

/** A service whose telemetry goes where the variables say, for as long as `use` runs; then everything is flushed. */
const withService = async (environment: Environment, use: (url: string) => Promise<unknown>) => {
  const scope = await Effect.runPromise(Scope.make("sequential"))
  const starting = Effect.gen(function* () {
    const telemetry = yield* Layer.buildWithScope(Telemetry.layer(environment), scope)
    const settings = yield* make({ port: "0", handlers: handlersPath, drainDeadline: "0" }, {})
    const { listener } = yield* start(settings).pipe(Effect.provideContext(telemetry))
    return { listener, flush: Effect.provideContext(Telemetry.flush, telemetry) }
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  const { flush, listener } = await Effect.runPromise(Scope.provide(starting, scope))
  await use(listener.url)
  await Effect.runPromise(flush)
  await Effect.runPromise(Scope.close(scope, Exit.void))
}

const post = (url: string, path: string, body: unknown, headers: Environment = {}) =>
  fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body)
  })

const json = (collector: Collector): Environment => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json"
})

const traceId = "0af7651916cd43dd8448eb211c80319c"
const callerId = "b7ad6b7169203331"
const traceparent = `00-${traceId}-${callerId}-01`

describe("telemetry", () => {
  it("continues the caller's trace: the call, the request in it, and in that its wait and its attempt", async ({
    expect
  }) => {
    const collector = await Collector.start()
    await withService(json(collector), async (url) => {
      const answer = await post(url, "/requests/Echo", { message: "hello" }, { traceparent, prefer: "wait=10" })
      expect(answer.status).toBe(200)
    })
    const spans = collector.spans.filter((span) => span.traceId === traceId)
    const of = (name: string) => spans.find((span) => span.name === name)!
    expect(of("http.server POST").parentSpanId).toBe(callerId)
    expect(of("request Echo").parentSpanId).toBe(of("http.server POST").spanId)
    expect(of("waiting").parentSpanId).toBe(of("request Echo").spanId)
    expect(of("Echo").parentSpanId).toBe(of("request Echo").spanId)
    expect(spans.length).toBe(4)
    expect(of("request Echo").attributes).toMatchObject({ "request.type": "Echo", "request.end": "succeeded" })
    const { resource } = collector.at("/v1/traces")[0]!.json.resourceSpans[0]
    expect(attributesOf(resource.attributes)).toMatchObject({ "service.name": "worker-pool" })
  })

  it("sends a request's span however it ends, and after its caller was answered", async ({ expect }) => {
    const collector = await Collector.start()
    await withService(json(collector), async (url) => {
      expect((await post(url, "/requests/Fail", { why: "because" }, { prefer: "wait=10" })).status).toBe(422)
      const answer = await post(url, "/requests/Gate", { name: "never opened" }, { traceparent })
      expect(answer.status).toBe(202)
      await fetch(url + answer.headers.get("location"), { method: "DELETE" })
    })
    const failed = collector.spans.find(({ name }) => name === "request Fail")!
    expect([failed.attributes["request.end"], failed.status.code]).toEqual(["failed", 2])
    const gone = collector.spans.find(({ name }) => name === "request Gate")!
    expect([gone.traceId, gone.attributes["request.end"]]).toEqual([traceId, "cancelled"])
  })

  it("sends metrics and logs, with the resource and the headers that are given", async ({ expect }) => {
    const collector = await Collector.start()
    const environment = {
      ...json(collector),
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=secret,x-other=a%20b",
      OTEL_SERVICE_NAME: "mine",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      OTEL_METRIC_EXPORT_INTERVAL: "20"
    }
    await withService(environment, async (url) => {
      await post(url, "/requests/Echo", { message: "hello" }, { prefer: "wait=10" })
      while (!(collector.metrics.get("worker_pool_ran_seconds")?.histogram.dataPoints[0].count === 1)) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    const { explicitBounds, bucketCounts } = collector.metrics.get("worker_pool_ran_seconds").histogram.dataPoints[0]
    expect(explicitBounds[0]).toBe(0.001)
    expect(bucketCounts.length).toBe(explicitBounds.length + 1)
    const [metrics] = collector.at("/v1/metrics")
    expect(metrics!.headers).toMatchObject({ "x-key": "secret", "x-other": "a b" })
    expect(attributesOf(metrics!.json.resourceMetrics[0].resource.attributes)).toMatchObject({
      "service.name": "mine",
      "deployment.environment.name": "test"
    })
    const logs = collector.at("/v1/logs").flatMap(({ json }) => json.resourceLogs[0].scopeLogs[0].logRecords)
    expect(logs.map(({ body }: any) => body.stringValue).join("\n")).toContain("drained")
  })

  it("speaks Protocol Buffers when nothing else is asked for", async ({ expect }) => {
    const collector = await Collector.start()
    await withService({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, (url) =>
      post(url, "/requests/Echo", { message: "hello" }, { prefer: "wait=10" })
    )
    for (const [path, text] of [
      ["/v1/traces", "request Echo"],
      ["/v1/metrics", "worker_pool_ran_seconds"],
      ["/v1/logs", "pool"]
    ] as const) {
      const received = collector.at(path)
      expect(received[0]!.headers["content-type"], path).toBe("application/x-protobuf")
      expect(
        received.flatMap(({ body }) => textsOf(body)),
        path
      ).toContain(text)
    }
  })

  it("samples as it is told; a caller that does not want its trace is heeded by default", async ({ expect }) => {
    const namesWith = async (environment: Environment, flags = "01") => {
      const collector = await Collector.start()
      await withService({ ...json(collector), ...environment }, (url) =>
        post(
          url,
          "/requests/Echo",
          { message: "hello" },
          {
            prefer: "wait=10",
            traceparent: `${traceparent.slice(0, -2)}${flags}`
          }
        )
      )
      return collector.spans.filter(({ name }) => name === "request Echo").length
    }
    expect(await namesWith({}, "00")).toBe(0)
    expect(await namesWith({ OTEL_TRACES_SAMPLER: "always_on" }, "00")).toBe(1)
    expect(await namesWith({ OTEL_TRACES_SAMPLER: "always_off" })).toBe(0)
    expect(await namesWith({ OTEL_TRACES_SAMPLER: "parentbased_always_off" })).toBe(1)
    // Of all ids 0.28 have a random part below this one's: a share of 0.9 has it, one of 0.1 has not.
    expect(await namesWith({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.9" })).toBe(1)
    expect(await namesWith({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" })).toBe(0)
  })

  it("is off unless a variable asks for it, and then no tracer is there", async ({ expect }) => {
    const tracer = (environment: Environment) =>
      Effect.runPromise(Effect.provide(Effect.tracer, Telemetry.layer(environment)))
    const { url } = await Collector.start()
    const somewhere = { OTEL_EXPORTER_OTLP_ENDPOINT: url }
    for (const [environment, on, traced] of [
      [{}, false, false],
      [{ OTEL_SERVICE_NAME: "mine", OTEL_EXPORTER_OTLP_ENDPOINT: " " }, false, false],
      [{ ...somewhere, OTEL_SDK_DISABLED: "true" }, false, false],
      [{ ...somewhere, OTEL_TRACES_EXPORTER: "none" }, true, false],
      [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url }, true, false],
      [
        { ...somewhere, OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" },
        false,
        false
      ],
      [{ OTEL_TRACES_EXPORTER: "otlp" }, true, true],
      [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }, true, true]
    ] as ReadonlyArray<[Environment, boolean, boolean]>) {
      expect(Telemetry.isOn(environment), JSON.stringify(environment)).toBe(on)
      expect((await tracer(environment)) !== Tracer.nativeTracer, JSON.stringify(environment)).toBe(traced)
    }
  })

  it.for([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_PROTOCOL"],
    [{ OTEL_TRACES_EXPORTER: "otlp,zipkin" }, "OTEL_TRACES_EXPORTER"],
    [{ OTEL_TRACES_SAMPLER: "jaeger_remote" }, "OTEL_TRACES_SAMPLER"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, "OTEL_TRACES_SAMPLER_ARG"],
    [{ OTEL_METRIC_EXPORT_INTERVAL: "soon" }, "OTEL_METRIC_EXPORT_INTERVAL"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "nowhere" }, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
  ] as ReadonlyArray<[Environment, string]>)("refuses %o by name", async ([environment, name], { expect }) => {
    const given = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", ...environment }
    const error = await Effect.runPromise(Effect.flip(Effect.provide(Effect.void, Telemetry.layer(given))))
    expect(error._tag).toBe("BadUsage")
    expect(error.message).toContain(name)
  })

  it("of the real program has all been sent when it has ended", async ({ expect }) => {
    const collector = await Collector.start()
    for (const [name, value] of Object.entries(json(collector))) vi.stubEnv(name, value)
    const program = startProgram("serve", "--handlers", handlers, "--port", "0")
    vi.unstubAllEnvs()
    await program.until("address", () => /listening on \S+\n/.test(program.stdout))
    const url = /listening on (\S+)/.exec(program.stdout)![1]!
    await post(url, "/requests/Echo", { message: "hello" }, { traceparent, prefer: "wait=10" })
    await post(url, "/requests/Die", { text: "in the log", reason: "in the log" }, { traceparent, prefer: "wait=10" })
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
    const died = program.stderr.split("\n").find((line) => line.includes('the handler of \\"Die\\" died'))!
    expect(JSON.parse(died)).toMatchObject({ level: "ERROR", trace_id: traceId })
    const request = collector.spans.find(({ name }) => name === "request Echo")!
    expect([request.traceId, request.attributes["request.end"]]).toEqual([traceId, "succeeded"])
    expect(collector.metrics.get("worker_pool_accepted_total").sum.dataPoints[0]).toMatchObject({ asDouble: 2 })
    const logs = collector.at("/v1/logs").map(({ body }) => body.toString())
    expect(logs.join("\n")).toContain("SIGTERM: no new requests")
    expect(program.stderr).toContain("SIGTERM: no new requests")
  })
})
