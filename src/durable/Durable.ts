/**
 * Handlers run at least once and each request has exactly one outcome: a pool whose requests are stored, in a PostgreSQL, until they have
 * ended. They outlive a process, and any number of processes work on them. An export of its own.
 *
 * Its layers stand where `ElasticPool.layer` does, on one of `layerPostgres`, `layerEmbedded` and `layerMemory`:
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Handlers, WorkerPool } from "effect-worker-pool"
 * import * as Durable from "effect-worker-pool/Durable"
 * import { Rpc, RpcGroup } from "effect/rpc"
 *
 * class Mails extends RpcGroup.make(Rpc.make("Send", { payload: { to: Schema.String }, success: Schema.String })) {}
 *
 * const PoolLayer = Durable.layer({ maxWorkers: 8 }).pipe(
 *   Layer.provide(Handlers.layer(Mails)),
 *   Layer.provideMerge(Mails.toLayer({ Send: ({ to }) => Effect.succeed(`sent to ${to}`) })),
 *   Layer.provide(Durable.layerMemory)
 * )
 *
 * const program = Effect.gen(function* () {
 *   const { Send } = yield* WorkerPool.client(Mails)
 *   console.log(yield* Send({ to: "ada" }))
 * })
 *
 * await Effect.runPromise(Effect.provide(program, PoolLayer))
 * // => sent to ada
 * ```
 */
import { type Effect, Layer } from "effect"
import type { RpcGroup } from "effect/rpc"
import { Handlers, type PoolClient, type PoolError, WorkerPool } from "../index.ts"
import { make, type Services } from "./pool.ts"
import type { ClientOptions, Options } from "./settings.ts"
import { Store } from "./Store.ts"

export { Deliveries, Delivery, type Info as DeliveryInfo } from "./feeder/delivery.ts"
export { Durable, type DurableTicket, lawViolations, type Local } from "./service.ts"
export type { ClientOptions, Options } from "./settings.ts"
export { type EmbeddedOptions, layerEmbedded, layerMemory, layerPostgres, type PostgresOptions } from "./stores.ts"
export { Store } from "./Store.ts"
export type {
  CallRecord,
  Counts,
  EndRecord,
  NewRequest,
  Pause,
  ProcessRecord,
  Query,
  RequestRecord,
  RetryRecord,
  Transaction
} from "./Store.ts"
export type { Services } from "./pool.ts"
export { fromPg, fromSql, type PgConnection } from "./transactions.ts"

/** Why a durable pool could not be built. */
export type Failure = PoolError.InvalidPoolConfig | PoolError.StoreUnavailable

/**
 * A pool under the tags of `ElasticPool.layer` that stores what it is asked, and works on what is stored: what any process of the store
 * has asked for, of the tags that it has handlers of. Closing it claims no more, gives what has not begun to the others, and lets the rest
 * end, as a drain does. Fails with `InvalidPoolConfig` where an option is wrong, and with `StoreUnavailable` where the store cannot be
 * joined: it does not wait for one.
 */
export const layer = (options: Options = {}): Layer.Layer<Services, Failure, Store | Handlers.Handlers> =>
  Layer.effectContext(make({ role: "both", options, groups: [] }))

/** The same for a process that is there to work: others see it as such in `Durable.processes`. What it asks is stored all the same. */
export const layerWorker = (options: Options = {}): Layer.Layer<Services, Failure, Store | Handlers.Handlers> =>
  Layer.effectContext(make({ role: "worker", options, groups: [] }))

/**
 * A pool that only asks: it has no handlers, claims nothing, and hears of the ends that others make. Of `groups` it knows the Rpcs, for
 * `submitUnknown`, for dead letters and for tickets without an Rpc; any other is known from its first call on.
 */
export const layerClient = (
  options: ClientOptions & { readonly groups?: ReadonlyArray<RpcGroup.Any> | undefined } = {}
): Layer.Layer<Services, Failure, Store> =>
  Layer.effectContext(make({ role: "client", options, groups: (options.groups ?? []) as ReadonlyArray<any> })).pipe(
    Layer.provide(Layer.succeed(Handlers.Handlers, new Map()))
  )

/** Functions for the Rpcs of a group, as `WorkerPool.client`, for a process that has no handlers of them. */
export const client = <Rpcs extends import("effect/rpc").Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>
): Effect.Effect<PoolClient.PoolClient<Rpcs>, never, WorkerPool.WorkerPool> => WorkerPool.client(group) as any
