/** This pool on a store. */
import { Effect, Fiber, Layer, ManagedRuntime, Redacted, References } from "effect"
import * as Durable from "../../../../src/durable/Durable.ts"
import { Handlers, WorkerPool } from "../../../../src/index.ts"
import { group, Noop, now } from "../group.ts"
import type { Subject } from "../subjects.ts"

const quiet = Layer.succeed(References.MinimumLogLevel, "Warn")
const storeOf = (url: string) => Durable.layerPostgres({ url: Redacted.make(url) })

export const openWorker: Subject["openWorker"] = async (url) => {
  const handlers = Handlers.layer(group).pipe(Layer.provide(group.toLayer({ Noop: () => Effect.sync(now) })))
  const runtime = ManagedRuntime.make(
    Durable.layerWorker({ minWorkers: 64, maxWorkers: 64 }).pipe(
      Layer.provide(handlers),
      Layer.provide(storeOf(url)),
      Layer.provideMerge(quiet)
    )
  )
  await runtime.runPromise(WorkerPool.WorkerPool)
  const durable = await runtime.runPromise(Durable.Durable)
  const halt = () => runtime.runPromise(durable.setPause({}, true))
  await halt()
  return { begin: () => runtime.runPromise(durable.setPause({}, false)), halt, close: () => runtime.dispose() }
}

export const openClient: Subject["openClient"] = async (url) => {
  const runtime = ManagedRuntime.make(
    Durable.layerClient({ groups: [group] }).pipe(Layer.provide(storeOf(url)), Layer.provideMerge(quiet))
  )
  const pool = await runtime.runPromise(WorkerPool.WorkerPool)
  return {
    fill: async (n) => {
      const tickets = await runtime.runPromise(
        Effect.forEach(
          Array.from({ length: n }, (_, n) => n),
          (n) => pool.submit(Noop, { n }),
          {
            concurrency: 2_000
          }
        )
      )
      const outcomes = Effect.forEach(tickets, (ticket) => ticket.await, { concurrency: "unbounded", discard: true })
      const heard = runtime.runFork(outcomes)
      return async (begin) => {
        await begin()
        await runtime.runPromise(Fiber.join(heard))
      }
    },
    submit: (n) => runtime.runPromise(pool.submit(Noop, { n })),
    execute: (n) => runtime.runPromise(pool.execute(Noop, { n })),
    close: () => runtime.dispose()
  }
}
