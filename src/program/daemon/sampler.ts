/** Which traces are exported: the samplers that OTEL_TRACES_SAMPLER can name. */
import { Effect, Layer, Option, Tracer } from "effect"
import { BadUsage } from "../errors.ts"

export interface Sampler {
  /** Whether a trace that comes in, or a span that has a parent, stays as its parent decided. */
  readonly isParentBased: boolean
  /** The share of all other traces that is exported. */
  readonly ratio: number
}

const names = ["always_on", "always_off", "traceidratio"]

export const parse = (text: string = "parentbased_always_on", arg: string = "1"): Effect.Effect<Sampler, BadUsage> => {
  const isParentBased = text.startsWith("parentbased_")
  const name = isParentBased ? text.slice("parentbased_".length) : text
  if (!names.includes(name)) {
    const known = [...names, ...names.map((name) => `parentbased_${name}`)].join(", ")
    return Effect.fail(new BadUsage({ reason: `Expected OTEL_TRACES_SAMPLER to be one of ${known}, got "${text}"` }))
  }
  const ratio = name === "always_on" ? 1 : name === "always_off" ? 0 : Number(arg)
  return ratio >= 0 && ratio <= 1
    ? Effect.succeed({ isParentBased, ratio })
    : Effect.fail(new BadUsage({ reason: `Expected OTEL_TRACES_SAMPLER_ARG to be a number from 0 to 1, got "${arg}"` }))
}

/** Decides for the spans of the tracer that there is. */
export const layer = (sampler: Sampler): Layer.Layer<never> =>
  Layer.effect(
    Tracer.Tracer,
    Effect.map(Effect.tracer, (tracer) => apply(sampler, tracer))
  )

const apply = ({ isParentBased, ratio }: Sampler, tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    ...tracer,
    span(options) {
      if (isParentBased && Option.isSome(options.parent)) return tracer.span(options)
      const span = tracer.span({ ...options, sampled: true })
      return isWithin(span.traceId, ratio) ? span : tracer.span({ ...options, sampled: false })
    }
  })

/** By the part of the id that is random in every trace, so that all who sample like this decide alike. */
const isWithin = (traceId: string, ratio: number): boolean =>
  Number.parseInt(traceId.slice(-14), 16) >= (1 - ratio) * 2 ** 56
