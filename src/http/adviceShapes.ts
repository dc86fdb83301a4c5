/** What the service advises, as it stands in the contract. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Count, Preferring, problem } from "./shapes.ts"

const Levers = { policy: Schema.String, minWorkers: Count, maxWorkers: Count }

/** What settings came to over the load that was heard. */
const Column = Schema.Struct({
  of: Schema.Literals(["reality", "today", "applied", "recommended"]).annotate({
    description:
      "reality: what really was; the others are simulated: today's settings, those with what PATCH /pool can change as recommended, and all that is recommended"
  }),
  settings: Schema.NullOr(
    Schema.Struct({
      ...Levers,
      capacity: Schema.Union([Count, Schema.Literal("unbounded")]),
      scalingInterval: Schema.String
    })
  ).annotate({ description: "null: they may have changed meanwhile" }),
  workers: Schema.Finite.annotate({ description: "On average" }),
  mostWorkers: Schema.Finite,
  workerSeconds: Schema.Finite.annotate({ description: "Over that time" }),
  targets: Schema.Array(
    Schema.Struct({
      target: Schema.String,
      value: Schema.NullOr(Schema.Finite).annotate({
        description: "Milliseconds, or a share from 0 to 1; null: there was no such request"
      }),
      shown: Schema.String,
      kept: Schema.Boolean
    })
  ),
  keeps: Schema.Boolean.annotate({ description: "Whether every target is kept" })
})

export const AdviceResource = Schema.Union([
  Schema.Struct({
    state: Schema.Literal("ready"),
    at: Schema.String.annotate({ description: "When it was computed" }),
    load: Schema.Struct({
      requests: Count,
      seconds: Schema.Finite.annotate({ description: "How long they came" }),
      perSecond: Schema.Finite
    }),
    columns: Schema.Array(Column),
    patch: Schema.NullOr(Schema.Struct(Levers)).annotate({
      description: "What to send to PATCH /pool; null: nothing that it can change is to change"
    }),
    obstacles: Schema.Array(Schema.String).annotate({
      description: "Why nothing that was tried keeps every target: then recommended is what comes nearest"
    }),
    file: Schema.String.annotate({ description: "All recommended settings, as YAML for --config" })
  }),
  Schema.Struct({ state: Schema.Literal("computing") }).pipe(HttpApiSchema.status(202))
]).annotate({ identifier: "Advice" })

export const advice = HttpApiGroup.make("advice")
  .add(
    HttpApiEndpoint.get("getAdvice", "/pool/advice", {
      headers: Preferring,
      success: AdviceResource.members,
      error: [
        problem(404, "The service was not asked to advise (`advice-off`)"),
        problem(409, "Too little load is known yet (`too-little-load`), or none that could be tried (`no-advice`)")
      ]
    })
      .annotate(OpenApi.Summary, "Which settings would have kept the targets of late, and what they would have cost")
      .annotate(
        OpenApi.Description,
        "It is computed when somebody asks, at most once in five minutes. `Prefer: wait` waits for it; without it the answer is 202 until it is there."
      )
  )
  .annotate(OpenApi.Description, "Advice of a service that was asked for it; nothing is changed by it")
