/** `worker-pool serve`: from its settings to the last answer. */
import { Context, Deferred, Effect, Layer, Option, Tracer } from "effect"
import { Headers, type HttpRouter, HttpTraceContext } from "effect/http"
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"
import * as Dashboard from "../../dashboard/assets.ts"
import { Guard } from "../../http/guard.ts"
import * as RemotePool from "../../http/RemotePool.ts"
import * as Routes from "../../http/routes.ts"
import * as Server from "../../http/server.ts"
import * as Service from "../../http/service.ts"
import { makeSubmit } from "../../http/submit.ts"
import { Tenants } from "../../http/tenants.ts"
import { type PoolError, WorkerPool } from "../../index.ts"
import * as Advisor from "../advice/advisor.ts"
import { live } from "../daemon/life.ts"
import * as ProcessMetrics from "../daemon/processMetrics.ts"
import * as Pool from "../durable/pool.ts"
import * as Recording from "../durable/recording.ts"
import type { BadUsage, StoppedBeforeStart } from "../errors.ts"
import * as HandlersModule from "../handlersModule.ts"
import { boundsFor, parsePolicy } from "../settings/policyFlag.ts"
import * as PoolLogs from "../output/poolLogs.ts"
import * as ProtectionLogs from "../output/protectionLogs.ts"
import { millisOf } from "../settings/quantities.ts"
import { closeMillisOf } from "../durable/store.ts"
import type { Several } from "../processes/one.ts"
import type { ServeSettings } from "./settings.ts"
import { version } from "../version.ts"

/** What the last answers have to reach their clients once the pool has drained. */
const lastAnswersMillis = 2000

const stopping = "no new requests; what was accepted has until the drain deadline to end"
const stoppingOnStore = "no new requests; what runs has until the drain deadline to end, and the store keeps the rest"

/** Runs until a signal, or an error that nobody caught. Everything that can be wrong shows before the address is printed. */
export const serve = (
  settings: ServeSettings,
  reload: Effect.Effect<ServeSettings, BadUsage>
): Effect.Effect<never, Failure | StoppedBeforeStart> =>
  settings.processes === undefined ? serveAlone(settings) : serveSeveral(settings, settings.processes, reload)

/** Loaded by whoever asks for it. */
const serveSeveral = (settings: ServeSettings, of: number, reload: Effect.Effect<ServeSettings, BadUsage>) =>
  Effect.flatMap(
    Effect.promise(() => import("../processes/serve.ts")),
    ({ serve }) => serve(settings, of, { start, reload, closeMillis: closeMillisOf(undefined), lastAnswersMillis })
  )

const serveAlone = (settings: ServeSettings): Effect.Effect<never, Failure | StoppedBeforeStart> =>
  live(
    { ...settings, closeMillis: closeMillisOf(settings.store) },
    Effect.map(start(settings), ({ closing, listener, service }) => ({
      pool: service.pool,
      greeting: `listening on ${listener.url}`,
      stopping: settings.store === undefined ? stopping : stoppingOnStore,
      left: () =>
        `${service.pending()} requests had not ended, and ${settings.store === undefined ? "are lost" : "are left to the store"}`,
      leave: () => {
        service.ready = false
        // A client that keeps its connection would keep coming.
        listener.lastAnswers()
      },
      refuse: () => {
        service.stopping = true
      },
      close: Effect.andThen(Deferred.succeed(closing, undefined), listener.close(lastAnswersMillis))
    }))
  )

type Failure = BadUsage | PoolError.StoreUnavailable | Server.CannotListen

/** The pool, its service and its listener, in the scope. */
export const start = (settings: ServeSettings, several?: Several) =>
  Effect.gen(function* () {
    const { store, threads } = settings
    const works = store?.works ?? true
    const loaded = yield* HandlersModule.load(settings.handlers, { threads, works })
    yield* ProcessMetrics.register
    const idPrefix = several?.idPrefix ?? `${randomBytes(3).toString("hex")}-`
    const pool = yield* store === undefined
      ? PoolLogs.atInfo(Pool.inMemory({ ...settings.pool, idPrefix }, loaded))
      : Pool.onStore(settings.pool, store, loaded, works ? "both" : "asks", PoolLogs.atInfo)
    yield* Recording.begin(pool, settings.record)
    yield* ProtectionLogs.tell(Context.get(pool, WorkerPool.WorkerPool))
    const tenants = new Tenants(settings)
    const advisor =
      settings.advice === undefined
        ? undefined
        : yield* Advisor.make(Context.get(pool, WorkerPool.WorkerPool), settings.advice)
    const service = yield* Service.make({
      idPrefix,
      keepEnds: settings.keepEnds,
      keepBytes: settings.keepBytes,
      keepForMillis: settings.keepForMillis,
      maxWaitMillis: settings.maxWaitMillis,
      maxBodyBytes: settings.maxBodyBytes,
      version: version(),
      tenants,
      policy: settings.policy.text,
      millisOf,
      parsePolicy: policyOf,
      advisor
    }).pipe(Effect.provideContext(pool))
    const guard = new Guard({ token: settings.token, tenants, host: settings.host, now: yield* nowMillis })
    const closing = yield* Deferred.make<void>()
    const app = yield* Routes.make(service, {
      guard,
      closing,
      more: Layer.merge(Dashboard.layer, Layer.provide(remote(loaded.group, service), remotePool(service)))
    })
    const submit = makeSubmit(service, yield* Effect.context<never>(), yield* tracing)
    const recur = loaded.recur(pool)
    yield* several === undefined ? recur : several.prepare(service, recur)
    const listener = yield* Server.listen(settings, { app, guard, submit, door: several?.door(guard, tenants) })
    return { service, closing, listener }
  })

/** Which Rpcs a module has is known only now. */
const remote = (group: HandlersModule.Group, { tenants }: Service.Service) =>
  RemotePool.layerRoutes(group, { keyOf: ({ headers }) => tenants.of(headers) }) as Layer.Layer<
    never,
    never,
    WorkerPool.WorkerPool | HttpRouter.HttpRouter
  >

/** Its calls are not in the ledger, but they may become dead letters. */
const remotePool = ({ deadLetterBytes, pool }: Service.Service) =>
  Layer.succeed(WorkerPool.WorkerPool, {
    ...pool,
    execute: (rpc, payload, options) =>
      Effect.onError(pool.execute(rpc, payload, options), (cause) => deadLetterBytes.addUnknown(payload, cause))
  })

const nowMillis = Effect.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))

/** `fixed:N` is refused when the bounds are in its way: they are what the operator asked for. */
const policyOf: Service.Options["parsePolicy"] = (text, bounds) =>
  Effect.gen(function* () {
    const named = yield* parsePolicy(text)
    yield* boundsFor(named, bounds)
    return named.policy
  })

/** A span around each call of the route that is not the router's, in the caller's trace. Without a tracer nothing. */
const tracing = Effect.map(Effect.tracer, (tracer) => {
  if (tracer === Tracer.nativeTracer) return <A, E>(_: IncomingMessage, call: Effect.Effect<A, E>) => call
  return <A, E>(request: IncomingMessage, call: Effect.Effect<A, E>) => {
    const parent = Option.getOrUndefined(HttpTraceContext.fromHeaders(Headers.fromInput(request.headers)))
    return Effect.withSpan(call, "http.server POST", {
      kind: "server",
      parent,
      attributes: { "http.request.method": "POST", "url.path": request.url ?? "" }
    })
  }
})
