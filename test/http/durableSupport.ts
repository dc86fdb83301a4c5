/** Services on one store in memory, each like a process of its own. */
import { Cause, Clock, Context, Deferred, Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import type { HttpRouter } from "effect/http"
import * as Durable from "../../src/durable/Durable.ts"
import type { MemoryStore } from "../../src/durable/memory/store.ts"
import { Guard } from "../../src/http/guard.ts"
import * as RemotePool from "../../src/http/RemotePool.ts"
import * as Routes from "../../src/http/routes.ts"
import * as Server from "../../src/http/server.ts"
import * as Service from "../../src/http/service.ts"
import { makeSubmit } from "../../src/http/submit.ts"
import { Tenants } from "../../src/http/tenants.ts"
import { Handlers, WorkerPool } from "../../src/index.ts"
import { parsePolicy } from "../../src/program/settings/policyFlag.ts"
import { millisOf } from "../../src/program/settings/quantities.ts"
import { group, layer } from "./handlers.ts"
import { asking, type Started } from "./support.ts"

export interface OnStore extends Started {
  readonly durable: Durable.Durable["Service"]
  /** It ends, as by `kill -9`, to all others. */
  readonly kill: () => void
  /** Its pool ends what it has; the service still answers. */
  readonly drain: () => Promise<unknown>
}

export interface Options extends Durable.Options {
  /** It only asks: it claims nothing. */
  readonly asks?: boolean
  readonly tokens?: Readonly<Record<string, string>>
  readonly more?: Layer.Layer<never, never, HttpRouter.HttpRouter>
  readonly port?: number
}

/** Starts one; whoever does closes it. */
export const startOn = async (
  memory: MemoryStore,
  { asks = false, more = Layer.empty, port = 0, tokens = {}, ...options }: Options = {}
): Promise<OnStore> => {
  const scope = await Effect.runPromise(Scope.make("sequential"))
  const handlers = Handlers.layer(group).pipe(Layer.provide(layer))
  const starting = Effect.gen(function* () {
    const store = Layer.succeed(Durable.Store, memory.store)
    const pool = yield* Layer.build(
      (asks
        ? Durable.layerClient({ groups: [group], ...options })
        : Durable.layer({ minWorkers: 2, drainDeadline: 0, drainGrace: "100 millis", ...options })
      ).pipe(Layer.provideMerge(handlers), Layer.provide(store))
    )
    const tenants = new Tenants({
      keyFrom: Object.keys(tokens).length > 0 ? "token" : "query",
      tokens: new Map(Object.entries(tokens).map(([name, token]) => [name, Redacted.make(token)]))
    })
    const service = yield* Service.make({
      idPrefix: "p-",
      keepEnds: 10,
      keepBytes: 1024,
      keepForMillis: 60_000,
      maxWaitMillis: 60_000,
      maxBodyBytes: 65_536,
      version: "0",
      tenants,
      policy: "adaptive",
      millisOf,
      parsePolicy: (text) => Effect.map(parsePolicy(text), ({ policy }) => policy)
    }).pipe(Effect.provideContext(pool))
    const clock = yield* Clock.Clock
    const guard = new Guard({
      token: undefined,
      tenants,
      host: "127.0.0.1",
      now: () => clock.currentTimeMillisUnsafe()
    })
    const rpc = RemotePool.layerRoutes(group, { keyOf: ({ headers }) => tenants.of(headers) }).pipe(
      Layer.provide(Layer.succeed(WorkerPool.WorkerPool, service.pool))
    ) as Layer.Layer<never, never, HttpRouter.HttpRouter>
    const closing = yield* Deferred.make<void>()
    const app = yield* Routes.make(service, { guard, closing, more: Layer.merge(rpc, more) })
    const submit = makeSubmit(service, yield* Effect.context<never>(), (_, call) => call)
    yield* Effect.addFinalizer(() => Deferred.succeed(closing, undefined))
    const listener = yield* Server.listen(
      { host: "127.0.0.1", port, maxConnections: 100, requestTimeoutMillis: 30_000, headersTimeoutMillis: 10_000 },
      { app, guard, submit }
    )
    return {
      url: listener.url,
      durable: Context.get(pool, Durable.Durable),
      pool: Context.get(pool, WorkerPool.WorkerPool)
    }
  })
  const logged: Array<string> = []
  const logger = Logger.make(({ cause, message }) => logged.push(`${String(message)} ${Cause.pretty(cause)}`))
  const { durable, pool, url } = await Effect.runPromise(
    Scope.provide(starting, scope).pipe(Effect.provide(Logger.layer([logger])))
  )
  return {
    ...asking(url),
    logged,
    durable,
    drain: () => Effect.runPromise(pool.drain()),
    kill: () => memory.faults.freeze(durable.process),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
