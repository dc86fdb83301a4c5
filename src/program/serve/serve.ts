/** `worker-pool serve`: from its settings to the last answer. */
import { Deferred, Effect, Exit, Fiber, Layer, Option, Scope, Tracer } from "effect"
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
import { DrainReport, ElasticPool, Handlers, WorkerPool } from "../../index.ts"
import { BadUsage, type StoppedBeforeStart } from "../errors.ts"
import { ExitGuard } from "../process/exitGuard.ts"
import * as HandlersModule from "../handlersModule.ts"
import * as Logs from "../output/logs.ts"
import { boundsFor, parsePolicy } from "../settings/policyFlag.ts"
import * as PoolLogs from "../output/poolLogs.ts"
import * as ProcessMetrics from "./processMetrics.ts"
import { exit, print } from "../process/end.ts"
import { millisOf } from "../settings/quantities.ts"
import type { ServeSettings } from "./settings.ts"
import { codeOf, listen } from "../process/stop.ts"
import * as Telemetry from "./telemetry.ts"
import { version } from "../version.ts"

/** What the last answers have to reach their clients once the pool has drained. */
const closeMillis = 2000

const stopping = "no new requests; what was accepted has until the drain deadline to end"

/** Runs until a signal, or an error that nobody caught. Everything that can be wrong shows before the address is printed. */
export const serve = (
  settings: ServeSettings
): Effect.Effect<never, BadUsage | StoppedBeforeStart | Server.CannotListen> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make("sequential")
    const stop = yield* listen((error, running) =>
      Effect.annotateLogs(Effect.logFatal(`nobody caught this: ${error.text}. ${stopping}`, error.asCause), { running })
    )
    const log = Effect.runForkWith(yield* Effect.context<never>())
    const guard = new ExitGuard((text) => void log(Effect.logFatal(text)))
    const starting = Scope.provide(start(settings), scope)
    const { closing, listener, service } = yield* Effect.raceFirst(starting, stop.beforeStart)
    stop.pool = service.pool
    guard.save = () => `${service.pending()} requests had not ended, and are lost`
    yield* print(`worker-pool: listening on ${listener.url}\n`)
    const reason = yield* stop.await

    service.ready = false
    // A client that keeps its connection would keep coming.
    listener.lastAnswers()
    const { shutdownDelayMillis } = settings
    if (typeof reason === "string" && shutdownDelayMillis > 0) {
      yield* Effect.logInfo(
        `${reason}: not ready any more; new requests are taken for another ${shutdownDelayMillis} ms`
      )
      yield* Effect.raceFirst(Effect.sleep(shutdownDelayMillis), stop.awaitUncaught)
    }
    service.stopping = true
    if (typeof reason === "string") yield* Effect.logInfo(`${reason}: ${stopping}`)
    const report = yield* Effect.orDie(service.pool.drain())
    yield* Deferred.succeed(closing, undefined)
    yield* listener.close(closeMillis)
    if (report.stuckCount > 0) yield* Effect.logWarning(DrainReport.format(report))
    yield* Telemetry.flush
    // The handlers' own finalizers may hang; the process goes all the same.
    yield* Effect.timeoutOption(Fiber.await(yield* Effect.forkChild(Scope.close(scope, Exit.void))), "1 second")
    return yield* exit(codeOf(stop.reason!))
  }).pipe(Effect.provide(Layer.provideMerge(Telemetry.layer(), Logs.layer(settings.logFormat))))

/** The pool, its service and its listener, in the scope. */
export const start = (settings: ServeSettings) =>
  Effect.gen(function* () {
    const { group, handlers } = yield* HandlersModule.load(settings.handlers, settings.threads)
    yield* ProcessMetrics.register
    const idPrefix = `${randomBytes(3).toString("hex")}-`
    const pool = yield* ElasticPool.layer({ ...settings.pool, idPrefix }).pipe(
      Layer.provideMerge(Layer.succeed(Handlers.Handlers, handlers)),
      Layer.build,
      PoolLogs.atInfo,
      Effect.mapError(({ message }) => new BadUsage({ reason: message }))
    )
    const tenants = new Tenants(settings)
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
      parsePolicy: policyOf
    }).pipe(Effect.provideContext(pool))
    const guard = new Guard({ token: settings.token, tenants, host: settings.host, now: yield* nowMillis })
    const closing = yield* Deferred.make<void>()
    const app = yield* Routes.make(service, {
      guard,
      closing,
      more: Layer.merge(Dashboard.layer, Layer.provide(remote(group, service), remotePool(service)))
    })
    const submit = makeSubmit(service, yield* Effect.context<never>(), yield* tracing)
    const listener = yield* Server.listen(settings, { app, guard, submit })
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
