/** `worker-pool work`: a pool that works on what is stored, until a signal. */
import { Cause, Context, Effect, Exit, Stream } from "effect"
import { Durable } from "../../durable/service.ts"
import { Guard } from "../../http/guard.ts"
import { logCause } from "../../http/logCause.ts"
import { storeAway } from "../../http/refusals.ts"
import { sendProblem } from "../../http/send.ts"
import * as Server from "../../http/server.ts"
import * as StoreMetrics from "../../http/stored/metrics.ts"
import { type PoolError, type PoolEvent, WorkerPool } from "../../index.ts"
import { live } from "../daemon/life.ts"
import * as ProcessMetrics from "../daemon/processMetrics.ts"
import { onStore } from "../durable/pool.ts"
import * as Recording from "../durable/recording.ts"
import { closeMillisOf } from "../durable/store.ts"
import type { BadUsage, StoppedBeforeStart } from "../errors.ts"
import * as HandlersModule from "../handlersModule.ts"
import * as PoolLogs from "../output/poolLogs.ts"
import * as ProtectionLogs from "../output/protectionLogs.ts"
import { shownAddress } from "../settings/storeAddress.ts"
import * as Health from "./health.ts"
import type { WorkSettings } from "./settings.ts"

/** What the last answers have. */
const lastAnswersMillis = 500

const stopping = "nothing more is claimed; what runs has until the drain deadline to end, and the rest is given back"

/** Runs until a signal, or an error that nobody caught. Everything that can be wrong shows before it says that it works. */
export const work = (
  settings: WorkSettings
): Effect.Effect<never, BadUsage | PoolError.StoreUnavailable | Server.CannotListen | StoppedBeforeStart> =>
  live(
    { logFormat: settings.logFormat, shutdownDelayMillis: 0, closeMillis: closeMillisOf(settings.store) },
    start(settings)
  )

const start = (settings: WorkSettings) =>
  Effect.gen(function* () {
    const loaded = yield* HandlersModule.load(settings.handlers, { threads: settings.threads })
    yield* ProcessMetrics.register
    const context = yield* onStore(settings.pool, settings.store, loaded, "works", PoolLogs.atInfo)
    yield* Recording.begin(context, settings.record)
    const pool = Context.get(context, WorkerPool.WorkerPool)
    yield* ProtectionLogs.tell(pool)
    const durable = Context.get(context, Durable)
    yield* Effect.forkScoped(Stream.runForEach(pool.events, tellDefect))
    const look = yield* StoreMetrics.watch(durable, pool.name)
    let isLeaving = false
    const readiness = Effect.gen(function* () {
      const { state } = yield* pool.snapshot
      if (isLeaving || state !== "open") return Health.stopping
      return (yield* durable.local).isAway ? storeAway : undefined
    })
    const guard = new Guard({
      token: settings.token,
      host: settings.host,
      now: yield* Effect.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
    })
    const listener = yield* Server.listen(settings, {
      app: Health.app({ readiness, beforeMetrics: look.fresh }),
      guard,
      submit: (_request, response) => sendProblem(response, Health.nothingHere)
    })
    return {
      pool,
      greeting: `working on ${shownAddress(settings.store.address)}; health and metrics on ${listener.url}`,
      stopping,
      left: () => "what it had claimed is left to the store",
      leave: () => {
        isLeaving = true
      },
      refuse: () => undefined,
      close: listener.close(lastAnswersMillis)
    }
  })

/** Whoever asked is told as much as its Rpc's schema says. */
const tellDefect = (event: PoolEvent.PoolEvent): Effect.Effect<void> => {
  if (event._tag !== "RequestEnded") return Effect.void
  const { end, exit, id, tag } = event.outcome
  return end === "failed" && Exit.isFailure(exit) && Cause.hasDies(exit.cause)
    ? logCause(`the handler of "${tag}" died (request ${id})`, exit.cause)
    : Effect.void
}
