/** The pool of some handlers, in memory or on a store, as the commands run it. */
import { type Context, Effect, Layer, type Scope } from "effect"
import type { Durable } from "../../durable/service.ts"
import { ElasticPool, Handlers, PoolError, type Scaler, type WorkerPool } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import type { Loaded } from "../handlersModule.ts"
import type { StoreSettings } from "../settings/store.ts"
import { failureOf, layerOf, loaded } from "./store.ts"

type Services = WorkerPool.WorkerPool | Scaler.Scaler | Handlers.Handlers

/** `"asks"`: it takes requests and leaves them to others. `"works"`: nobody asks here. */
export type Role = "asks" | "works" | "both"

export const inMemory = (
  options: ElasticPool.Options,
  { handlers }: Loaded
): Effect.Effect<Context.Context<Services>, BadUsage, Scope.Scope> =>
  ElasticPool.layer(options).pipe(
    Layer.provideMerge(Layer.succeed(Handlers.Handlers, handlers)),
    Layer.build,
    Effect.mapError(({ message }) => new BadUsage({ reason: message }))
  )

/** It ends with the scope, and the store with it. */
export const onStore = (
  pool: ElasticPool.Options,
  { address, migrates, options }: StoreSettings,
  { group, handlers }: Loaded,
  role: Role
): Effect.Effect<Context.Context<Services | Durable>, BadUsage | PoolError.StoreUnavailable, Scope.Scope> =>
  Effect.flatMap(loaded, (Durable) => {
    const { deliveries, keepOutcomes } = options
    const layer =
      role === "asks"
        ? Durable.layerClient({ name: pool.name, deliveries, keepOutcomes, groups: [group] })
        : role === "works"
          ? Durable.layerWorker({ ...pool, ...options })
          : Durable.layer({ ...pool, ...options })
    return layer.pipe(
      Layer.provideMerge(Layer.succeed(Handlers.Handlers, handlers)),
      Layer.provide(layerOf(address, { migrates })),
      Layer.build,
      Effect.mapError(failureOf)
    )
  })
