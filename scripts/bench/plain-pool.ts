/** The pool that one writes by hand: a queue, some fibers, and Effect's own timeout, retry and metrics. */
import { Deferred, Effect, Metric, Queue, Schedule } from "effect"

export const accepted = Metric.counter("plain_accepted_total", { incremental: true })
const ended = Metric.counter("plain_ended_total", { incremental: true })
export const succeeded = Metric.withAttributes(ended, { end: "succeeded" })
const failed = Metric.withAttributes(ended, { end: "failed" })

const policy = Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 3 }))

export const makePlainPool = Effect.fnUntraced(function* <I, A, E>(handler: (input: I) => Effect.Effect<A, E>) {
  const queue = yield* Queue.bounded<{ readonly input: I; readonly deferred: Deferred.Deferred<A, any> }>(10_000)
  const worker = Effect.gen(function* () {
    const { deferred, input } = yield* Queue.take(queue)
    const exit = yield* handler(input).pipe(Effect.timeout("10 seconds"), Effect.retry(policy), Effect.exit)
    yield* Metric.update(exit._tag === "Success" ? succeeded : failed, 1)
    yield* Deferred.done(deferred, exit)
  })
  for (let id = 0; id < 64; id++) yield* Effect.forkScoped(Effect.forever(worker, { disableYield: true }))
  return Effect.fnUntraced(function* (input: I) {
    const deferred = yield* Deferred.make<A, E>()
    yield* Queue.offer(queue, { input, deferred })
    yield* Metric.update(accepted, 1)
    return yield* Deferred.await(deferred)
  })
})
