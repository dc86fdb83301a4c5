/** This pool, as the README shows it. Nothing is switched off or on that a user would not. */
import { Effect, Layer, ManagedRuntime, References, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, RetryPolicy, WorkerPool } from "../../../src/index.ts"
import type { Implementation, Load } from "../load.ts"
import { effectTasks } from "../tasks.ts"
import { callers } from "./effect-callers.ts"

const Work = Rpc.make("Work", { payload: Schema.Finite, success: Schema.Finite, error: Schema.instanceOf(Error) })
class group extends RpcGroup.make(Work) {}

/** What both doors are told of a load. */
export const settings = ({ capacity, concurrency, patienceMillis, timeoutMillis }: Load) =>
  ({
    minWorkers: concurrency,
    maxWorkers: concurrency,
    scaling: "none",
    capacity: capacity ?? "unbounded",
    strategy: capacity === undefined ? "suspend" : "dropping",
    timeout: timeoutMillis,
    expiresIn: patienceMillis
  }) as const
/** For a load that has what fails tried again. */
export const retry = { times: 3, base: 0, jitter: "none" } as const

const options = (load: Load): ElasticPool.Options =>
  load.task === "nap"
    ? { ...ElasticPool.article, maxWorkers: load.concurrency }
    : { ...settings(load), retry: load.retries === true ? RetryPolicy.make(retry) : undefined }

const openPool = (load: Load) => {
  const task = effectTasks[load.task]
  const runtime = ManagedRuntime.make(
    ElasticPool.layer(options(load)).pipe(
      Layer.provideMerge(Handlers.layer(group)),
      Layer.provideMerge(group.toLayer({ Work: (n) => task(n) })),
      Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "Warn"))
    )
  )
  return runtime.runPromise(
    Effect.gen(function* () {
      return {
        fork: Effect.runForkWith(yield* Effect.context<never>()),
        pool: yield* WorkerPool.WorkerPool,
        client: yield* WorkerPool.client(group)
      }
    })
  )
}

export const pool: Implementation = {
  how: "`client.Work(n)` in a fiber for each request, started with `Effect.runForkWith`; for the stream `WorkerPool.process`, for tickets `submit`",
  lacks: () => undefined,
  open: async (load) => {
    const { client, fork } = await openPool(load)
    return callers(
      load,
      fork,
      (n) => client.Work(n),
      (error) => "_tag" in error && error._tag === "QueueFull"
    )
  },
  openStream: async (load) => {
    const { fork, pool } = await openPool(load)
    return (n, outstanding) =>
      new Promise((resolve) => {
        const calls = Stream.map(Stream.range(0, n - 1), (n) => WorkerPool.call(Work, n))
        const sum = Stream.runFold(
          pool.process(calls, { outstanding }),
          () => 0,
          (sum, outcome) =>
            outcome._tag === "Outcome" && outcome.exit._tag === "Success" ? sum + outcome.exit.value : Number.NaN
        )
        fork(sum).addObserver((exit) => resolve(exit._tag === "Success" ? exit.value : Number.NaN))
      })
  },
  openTickets: async (load) => {
    const { fork, pool } = await openPool(load)
    return (n) => {
      const exit = fork(pool.submit(Work, n)).pollUnsafe()
      if (exit?._tag !== "Success") throw new Error("a request was not let in at once")
      return exit.value
    }
  }
}
