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

/** How the pool is built, so that what it logs is heard in the way of the command. */
export type Heard = <A, E, R>(build: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** It ends with the scope, and the store with it. */
export const onStore = (
  pool: ElasticPool.Options,
  { address, migrates, options }: StoreSettings,
  { group, handlers }: Loaded,
  role: Role,
  heard: Heard
): Effect.Effect<Context.Context<Services | Durable>, BadUsage | PoolError.StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const Durable = yield* loaded
    // What the store tells at Debug is of no use to whoever runs a command.
    const store = yield* Layer.build(layerOf(address, { migrates }))
    const { deliveries, keepOutcomes } = options
    const layer =
      role === "asks"
        ? Durable.layerClient({ name: pool.name, deliveries, keepOutcomes, groups: [group] })
        : role === "works"
          ? Durable.layerWorker({ ...pool, ...options })
          : Durable.layer({ ...pool, ...options })
    const built = layer.pipe(
      Layer.provideMerge(Layer.succeed(Handlers.Handlers, handlers)),
      Layer.provide(Layer.succeedContext(store)),
      Layer.build
    )
    return yield* heard(built)
  }).pipe(Effect.mapError(failureOf))
