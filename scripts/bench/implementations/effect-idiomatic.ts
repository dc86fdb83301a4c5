/** The pool that a good engineer writes with Effect's own parts when there is no package for it. */
import { Clock, Deferred, Effect, Metric, Queue, Schedule } from "effect"
import type { Implementation, Load } from "../load.ts"
import { effectTasks } from "../effectTasks.ts"
import { callers } from "./effect-callers.ts"

const accepted = Metric.counter("accepted_total", { incremental: true })
const ended = Metric.counter("ended_total", { incremental: true })
const succeeded = Metric.withAttributes(ended, { end: "succeeded" })
const failed = Metric.withAttributes(ended, { end: "failed" })
const ran = Metric.histogram("ran_seconds", { boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] })
const retries = Schedule.recurs(3)

interface Request {
  readonly n: number
  readonly deferred: Deferred.Deferred<number, unknown>
}

const make = Effect.fnUntraced(function* (load: Load) {
  const queue = yield* load.capacity === undefined
    ? Queue.unbounded<Request>()
    : Queue.make<Request>({ capacity: load.capacity, strategy: "dropping" })
  const task = (n: number): Effect.Effect<number, unknown> => {
    let attempt: Effect.Effect<number, unknown> = effectTasks[load.task](n)
    if (load.timeoutMillis !== undefined) attempt = Effect.timeout(attempt, load.timeoutMillis)
    return load.retries === true ? Effect.retry(attempt, retries) : attempt
  }
  const worker = Effect.gen(function* () {
    const { deferred, n } = yield* Queue.take(queue)
    const began = load.metrics === true ? yield* Clock.currentTimeMillis : 0
    const exit = yield* Effect.exit(task(n))
    if (load.metrics === true) {
      yield* Metric.update(exit._tag === "Success" ? succeeded : failed, 1)
      yield* Metric.update(ran, ((yield* Clock.currentTimeMillis) - began) / 1_000)
    }
    yield* Deferred.done(deferred, exit)
  })
  for (let id = 0; id < load.concurrency; id++) yield* Effect.forkDetach(Effect.forever(worker, { disableYield: true }))
  const execute = Effect.fnUntraced(function* (n: number) {
    const deferred = yield* Deferred.make<number, unknown>()
    if (!(yield* Queue.offer(queue, { n, deferred }))) return yield* Effect.fail("refused" as const)
    if (load.metrics === true) yield* Metric.update(accepted, 1)
    return yield* Deferred.await(deferred)
  })
  return load.patienceMillis === undefined ? execute : (n: number) => Effect.timeout(execute(n), load.patienceMillis!)
})

export const effectIdiomatic: Implementation = {
  how: "`Queue`, `Deferred`, `Effect.timeout`, `Effect.retry` and `Metric`, worker fibers for ever in a loop; callers as for this pool",
  lacks: () => undefined,
  open: async (load) => {
    const execute = await Effect.runPromise(make(load))
    const fork = Effect.runForkWith(await Effect.runPromise(Effect.context<never>()))
    return callers(load, fork, execute, (error) => error === "refused")
  }
}
