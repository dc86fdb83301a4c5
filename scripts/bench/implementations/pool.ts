/** This pool, as the README shows it. Nothing is switched off or on that a user would not. */
import { Cause, Effect, Exit, Layer, ManagedRuntime, References, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, Limit, RequestPolicy, RetryPolicy, WorkerPool } from "../../../src/index.ts"
import type { Implementation, Load } from "../load.ts"
import { effectTasks } from "../effectTasks.ts"
import { indexMillis } from "../tasks.ts"
import { callers } from "./effect-callers.ts"
import { retry, settings } from "./settings.ts"

const Work = Rpc.make("Work", { payload: Schema.Finite, success: Schema.Finite, error: Schema.instanceOf(Error) })
/** What is held back: it never runs. */
const Held = Rpc.make("Held", { payload: Schema.Finite })
class group extends RpcGroup.make(Work, Held) {}

const handlersOf = ({ batch, task }: Load) => {
  if (batch === undefined) {
    const handlers = group.toLayer({ Work: (n) => effectTasks[task](n), Held: () => Effect.never })
    return Layer.provideMerge(Handlers.layer(group), handlers)
  }
  const Several = Work.annotate(RequestPolicy.RequestPolicy, { batch: { size: batch } })
  class batched extends RpcGroup.make(Several, Held) {}
  const run = (ns: ReadonlyArray<number>) => Effect.as(Effect.sleep(indexMillis(ns.length)), ns.map(Exit.succeed))
  const handlers = batched.toLayer({ Work: Handlers.batched(Several, run), Held: () => Effect.never })
  return Layer.provideMerge(Handlers.layer(batched), handlers)
}

const options = (load: Load): ElasticPool.Options =>
  load.task === "nap"
    ? { ...ElasticPool.article, maxWorkers: load.concurrency }
    : { ...settings(load), ...discipline(load), retry: load.retries === true ? RetryPolicy.make(retry) : undefined }

/** Who runs next. Names of keys are there already, as those of tenants in their payloads are. */
const discipline = ({ concurrency, gates = [], heldBack, keys }: Load): ElasticPool.Options => {
  const names = Array.from({ length: keys ?? 0 }, (_, at) => `key-${at}`)
  const limits = gates.map((per, at) => Limit.make({ name: `${per}-${at}`, per, concurrency }))
  return {
    key: keys === undefined ? undefined : (_, n: number) => names[n % keys],
    limits: heldBack === undefined ? limits : [...limits, Limit.make({ name: "held", tags: ["Held"], concurrency: 1 })]
  }
}

const openPool = async (load: Load) => {
  // Loaded for its case alone: it would have its part in the memory of the others.
  const recording = load.recorded === true ? (await import("./recorded.ts")).recording() : Layer.empty
  const runtime = ManagedRuntime.make(
    recording.pipe(
      Layer.provideMerge(ElasticPool.layer(options(load))),
      Layer.provideMerge(handlersOf(load)),
      Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "Warn"))
    )
  )
  return runtime.runPromise(
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      if (load.heldBack !== undefined) {
        yield* pool.pauseOnly({ limit: "held" })
        for (let n = 0; n < load.heldBack; n++) yield* pool.submit(Held, n)
      }
      return {
        fork: Effect.runForkWith(yield* Effect.context<never>()),
        pool,
        client: yield* WorkerPool.client(group),
        clientPromise: yield* WorkerPool.clientPromise(group)
      }
    })
  )
}

export const pool: Implementation = {
  how: "`client.Work(n)` in a fiber for each request, started with `Effect.runForkWith`; for the stream `WorkerPool.process`, for tickets `submit`",
  lacks: () => undefined,
  open: async (load) => {
    const { client, fork } = await openPool(load)
    const { priorities } = load
    return callers(
      load,
      fork,
      priorities === undefined ? (n) => client.Work(n) : (n) => client.Work(n, { priority: n % priorities }),
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

/** The same by its door without a fiber for each caller. */
export const poolAsk: Implementation = {
  how: "`pool.executeCallback(Work, n, done)`",
  lacks: () => undefined,
  open: async (load) => {
    const { pool } = await openPool(load)
    return (n, done) =>
      void pool.executeCallback(Work, n, (exit) => {
        if (exit._tag === "Success") return done(exit.value)
        const error = Cause.squash(exit.cause) as { readonly _tag?: string }
        done(undefined, error._tag === "QueueFull" ? "refused" : "late")
      })
  }
}

/** And with a promise for each. */
export const poolAskPromise: Implementation = {
  how: "`client.Work(n).then(done)` of `WorkerPool.clientPromise`",
  lacks: () => undefined,
  open: async (load) => {
    const { clientPromise } = await openPool(load)
    return (n, done) =>
      void clientPromise.Work(n).then(done, (error) => done(undefined, error._tag === "QueueFull" ? "refused" : "late"))
  }
}
