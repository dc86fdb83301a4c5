/** OpenTelemetry: traces, metrics and logs go to a collector over OTLP, as the standard OTEL_ variables say. */
import { Cause, ConfigProvider, Effect, Layer, Option } from "effect"
import { FetchHttpClient } from "effect/http"
import { OtlpExporter, OtlpLogger, OtlpMetrics, OtlpSerialization, OtlpTracer } from "effect/observability"
import { BadUsage } from "../errors.ts"
import * as Sampler from "./sampler.ts"
import type { Environment } from "../settings/sources.ts"
import { version } from "../version.ts"

type Signal = "TRACES" | "METRICS" | "LOGS"
const signals: ReadonlyArray<Signal> = ["TRACES", "METRICS", "LOGS"]

/** Whether anything is exported. */
export const isOn = (environment: Environment = process.env): boolean => onOf(clean(environment)).length > 0

/**
 * A tracer, the exporter of metrics and a logger beside those that there are, for each signal that has an endpoint; what
 * is left is exported when the scope closes. Nothing is provided, and nothing costs anything, where no variable is set.
 */
export const layer = (environment: Environment = process.env): Layer.Layer<never, BadUsage> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const given = clean(environment)
      const on = onOf(given)
      if (on.length === 0) return Layer.empty
      const serializations = new Map<Signal, Layer.Layer<OtlpSerialization.OtlpSerialization>>()
      for (const signal of on) serializations.set(signal, yield* serializationOf(signal, given))
      const sampler = yield* Sampler.parse(given["OTEL_TRACES_SAMPLER"], given["OTEL_TRACES_SAMPLER_ARG"])
      for (const signal of signals) yield* checkExporter(signal, given)
      yield* checkEndpoints(given)
      const exporters = on.map((signal) => exporterOf(signal, sampler).pipe(Layer.provide(serializations.get(signal)!)))
      const [first, ...others] = exporters as [(typeof exporters)[0], ...typeof exporters]
      return Layer.mergeAll(first, ...others).pipe(
        Layer.provide(FetchHttpClient.layer),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: withDefaults(given, on) }))),
        // Effect dies of a variable that it cannot read.
        Layer.catchCause((cause) => Layer.effectDiscard(Effect.fail(new BadUsage({ reason: reasonOf(cause) }))))
      )
    })
  )

/** Exports now what there is: the pool's metrics go with the pool, which closes before the layer does. */
export const flush: Effect.Effect<void> = Effect.flatMap(
  Effect.serviceOption(OtlpExporter.Flusher),
  Option.match({ onNone: () => Effect.void, onSome: ({ flush }) => Effect.timeoutOption(flush, "1 second") })
)

const exporterOf = (signal: Signal, sampler: Sampler.Sampler) => {
  switch (signal) {
    case "TRACES":
      return Sampler.layer(sampler).pipe(Layer.provideMerge(OtlpTracer.layerFromConfig()))
    case "METRICS":
      return OtlpMetrics.layerFromConfig()
    case "LOGS":
      return OtlpLogger.layerFromConfig()
  }
}

type Given = Readonly<Record<string, string>>

/** A variable that is empty counts as not set. Names of choices are the same in any case. */
const clean = (environment: Environment): Given =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => {
      if (!name.startsWith("OTEL_") || value === undefined || value.trim() === "") return []
      const isChoice = /_(PROTOCOL|COMPRESSION|EXPORTER|SAMPLER|DISABLED|PREFERENCE)$/.test(name)
      return [[name, isChoice ? value.trim().toLowerCase() : value.trim()]]
    })
  )

/** A signal is exported when it has an endpoint, or an exporter that asks for the one on this machine. */
const onOf = (given: Given): ReadonlyArray<Signal> =>
  given["OTEL_SDK_DISABLED"] === "true"
    ? []
    : signals.filter((signal) => {
        const exporters = given[`OTEL_${signal}_EXPORTER`]
        if (exporters !== undefined) return listed(exporters).includes("otlp")
        return (given[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? given["OTEL_EXPORTER_OTLP_ENDPOINT"]) !== undefined
      })

const listed = (exporters: string) => exporters.split(",").map((one) => one.trim())

/** Metrics for Prometheus are there at any rate, at `/metrics`. */
const checkExporter = (signal: Signal, given: Given): Effect.Effect<void, BadUsage> => {
  const variable = `OTEL_${signal}_EXPORTER`
  const known = signal === "METRICS" ? ["otlp", "none", "prometheus"] : ["otlp", "none"]
  const unknown = listed(given[variable] ?? "otlp").find((one) => !known.includes(one))
  return unknown === undefined ? Effect.void : expected(variable, known.join(" or "), unknown)
}

/** Effect would take the next best for one that it cannot read. */
const checkEndpoints = (given: Given): Effect.Effect<void, BadUsage> => {
  const wrong = ["", ...signals.map((signal) => `${signal}_`)]
    .map((signal) => `OTEL_EXPORTER_OTLP_${signal}ENDPOINT`)
    .find((variable) => !/^https?:$/.test(URL.parse(given[variable] ?? "http://localhost")?.protocol ?? ""))
  return wrong === undefined ? Effect.void : expected(wrong, "a URL with http or https", given[wrong]!)
}

const serializationOf = (signal: Signal, given: Given) => {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`
  const variable = own in given ? own : "OTEL_EXPORTER_OTLP_PROTOCOL"
  const protocol = given[variable] ?? "http/protobuf"
  if (protocol === "http/protobuf") return Effect.succeed(OtlpSerialization.layerProtobuf)
  if (protocol === "http/json") return Effect.succeed(OtlpSerialization.layerJson)
  return expected(variable, "http/protobuf or http/json", protocol)
}

const withDefaults = (given: Given, on: ReadonlyArray<Signal>): Given => {
  const named = (name: string) => new RegExp(`(^|,)\\s*${name}\\s*=`).test(given["OTEL_RESOURCE_ATTRIBUTES"] ?? "")
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318",
    ...(named("service\\.name") ? {} : { OTEL_SERVICE_NAME: "worker-pool" }),
    ...(named("service\\.version") ? {} : { OTEL_SERVICE_VERSION: version() }),
    ...given,
    ...Object.fromEntries(signals.map((signal) => [`OTEL_${signal}_EXPORTER`, on.includes(signal) ? "otlp" : "none"]))
  }
}

const expected = (variable: string, what: string, got: string) =>
  Effect.fail(new BadUsage({ reason: `Expected ${variable} to be ${what}, got "${got}"` }))

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return `cannot read the OTEL_ variables: ${error instanceof Error ? error.message : String(error)}`
}
