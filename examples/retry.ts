/** Timeouts and retries, field by field. Run it: `npm run example examples/retry.ts`. */
import { Effect, Layer, Schema } from "effect"
import { ElasticPool, Handlers, type Outcome, RequestPolicy, RetryPolicy, WorkerPool } from "effect-worker-pool"
import { Rpc, RpcGroup } from "effect/rpc"

class Busy extends Schema.TaggedError<Busy>()("Busy", { retryAfterMillis: Schema.Number }) {}
class NoSuchCity extends Schema.TaggedError<NoSuchCity>()("NoSuchCity", { city: Schema.String }) {}

/**
 * Only `Busy` can get better by itself, and it says when; an attempt that is too slow is tried again as well, after the
 * policy's own delay. Whatever a service asks for, nobody waits for longer than `cap`.
 */
const Weather = Rpc.make("Weather", {
  payload: { city: Schema.String },
  success: Schema.String,
  error: Schema.Union([Busy, NoSuchCity])
}).annotate(RequestPolicy.RequestPolicy, {
  timeout: "50 millis",
  retry: RetryPolicy.make({
    times: 2,
    base: "5 millis",
    cap: "1 second",
    failures: (error) => error instanceof Busy,
    delay: (error) => (error instanceof Busy ? error.retryAfterMillis : undefined)
  })
})

class Forecasts extends RpcGroup.make(Weather) {}

let calls = 0
const ForecastsHandlers = Forecasts.toLayer({
  Weather: ({ city }) =>
    Effect.suspend((): Effect.Effect<string, Busy | NoSuchCity> => {
      calls++
      if (city === "Atlantis") return new NoSuchCity({ city })
      if (city === "Slow") return Effect.never
      return calls < 3 ? new Busy({ retryAfterMillis: 20 }) : Effect.succeed(`sunny in ${city}`)
    })
})

const report = ({ attempts, end, exit }: Outcome.Outcome) =>
  console.log(`${end} after ${attempts}: ${exit._tag === "Success" ? exit.value : exit.cause.reasons.map(nameOf)}`)

const nameOf = (reason: object) => ("error" in reason ? (reason.error as { readonly _tag: string })._tag : "defect")

const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.WorkerPool
  const ask = (city: string, options?: RequestPolicy.Fields) =>
    pool.submit(Weather, { city }, options).pipe(
      Effect.flatMap((ticket) => ticket.outcome),
      Effect.map(report)
    )

  yield* ask("Lisbon") // Busy twice, then fine
  yield* ask("Atlantis") // not retried: the policy says which errors are
  yield* ask("Slow") // each attempt is interrupted at its deadline
  yield* ask("Slow", { timeout: "10 millis", retry: "none" }) // the call wins over the annotation
})

await program.pipe(
  Effect.provide(ElasticPool.layer().pipe(Layer.provide(Handlers.layer(Forecasts)), Layer.provide(ForecastsHandlers))),
  Effect.runPromise
)

// => succeeded after 3: sunny in Lisbon
// => failed after 1: NoSuchCity
// => timedOut after 3: RequestTimeout
// => timedOut after 1: RequestTimeout
