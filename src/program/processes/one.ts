/** One of the processes that serve: its share of the pool, its private socket, and how another one takes its place. */
import { Deferred, Effect, Exit, Scope } from "effect"
import cluster from "node:cluster"
import { rmdirSync, rmSync } from "node:fs"
import type { Guard } from "../../http/guard.ts"
import { type Door, keepAliveMillis, type Listener } from "../../http/server.ts"
import * as Resource from "../../http/resource.ts"
import type { Service } from "../../http/service.ts"
import type { Tenants } from "../../http/tenants.ts"
import { live } from "../daemon/life.ts"
import { BadUsage, UncaughtError } from "../errors.ts"
import type { LogFormat } from "../output/logs.ts"
import type { Reason, Stop } from "../process/stop.ts"
import type { PoolSettings } from "../settings/poolSettings.ts"
import { ask } from "./ask.ts"
import { Gate } from "./gate.ts"
import type { End } from "./all/kept.ts"
import { type FromPrimary, type FromProcess, keptPath, type Part, socketOf, socketOfAll, variable } from "./messages.ts"
import { sharedSettings } from "./settings.ts"

/** What is started is the same as where one process serves, but for these. */
export interface Several {
  readonly idPrefix: string
  readonly door: (guard: Guard, tenants: Tenants) => Door
  /** Before it listens. Starts the calls that recur, in a scope that ends before the process does; or keeps them for later. */
  readonly prepare: (
    service: Service,
    recur: Effect.Effect<unknown, BadUsage, Scope.Scope>
  ) => Effect.Effect<void, BadUsage>
}

export interface Started {
  readonly service: Service
  readonly closing: Deferred.Deferred<void>
  readonly listener: Listener
}

export type Start<S, E> = (settings: S, several: Several) => Effect.Effect<Started, E, Scope.Scope>

export interface Settings extends PoolSettings {
  readonly port: number
  readonly keepEnds: number
  readonly keepBytes: number
  readonly maxConnections: number
  readonly logFormat: LogFormat
  readonly shutdownDelayMillis: number
}

/** `undefined`: this process was not started to be one of several. */
export const partOf = (): Part | undefined => {
  const text = process.env[variable]
  // Processes that the handlers start are none of ours.
  delete process.env[variable]
  return text === undefined ? undefined : (JSON.parse(text) as Part)
}

const ofAll = (reason: Reason): boolean => reason === "SIGTERM" || reason === "SIGINT"

export const serveOne = <S extends Settings, E>(
  part: Part,
  settings: S,
  options: { readonly start: Start<S, E>; readonly closeMillis: number; readonly lastAnswersMillis: number }
) =>
  Effect.gen(function* () {
    const own = yield* sharedSettings({ ...settings, port: part.port }, part.at, part.of)
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const gate = new Gate(part)
    const opened = yield* Deferred.make<void>()
    const hurry = yield* Deferred.make<void>()
    const recurring = yield* Scope.make()
    let recur: Effect.Effect<void, BadUsage> = Effect.void
    let stop: Stop | undefined

    const onMessage = (message: FromPrimary) => {
      switch (message.type) {
        case "open":
          return void Deferred.doneUnsafe(opened, Effect.void)
        case "serving":
          gate.serving = message.prefixes
          return
        case "recur":
          return void fork(Effect.catch(recur, (error) => Effect.sync(() => stop?.request(UncaughtError.of(error)))))
        case "stop":
          if (stop?.reason !== undefined) Deferred.doneUnsafe(hurry, Effect.void)
          return stop?.request(message.signal)
      }
    }
    const attach = (its: Stop) => {
      stop = its
      process.on("message", onMessage)
      // A terminal that closes tells the whole group: the process that started decides.
      process.on("SIGHUP", () => undefined)
      // Where that is killed, what was accepted is finished all the same: Node would end the process.
      cluster.worker!.exitedAfterDisconnect = true
      process.on("disconnect", () => {
        process.on("exit", () => tidyUp(part.folder))
        its.request("SIGTERM")
      })
    }
    const several: Several = {
      idPrefix: `${part.prefix}-`,
      door: (guard, tenants) =>
        gate.door(
          guard,
          tenants,
          Effect.suspend(() => Effect.andThen(tell({ type: "ready" }), Deferred.await(opened)))
        ),
      prepare: (service, begin) => {
        recur = Effect.asVoid(Scope.provide(begin, recurring))
        return Effect.andThen(checkTypes(service), part.recurs ? recur : Effect.void)
      }
    }

    return yield* live(
      { ...own, closeMillis: options.closeMillis, attach },
      Effect.gen(function* () {
        const { closing, listener, service } = yield* options.start(own, several)
        yield* tell({ type: "listening", url: listener.url })
        const leave = () => {
          gate.isLeaving = true
          gate.endStreams()
          listener.shut()
          fork(Effect.andThen(Scope.close(recurring, Exit.void), tell({ type: "leaving" })))
        }
        /** Who has a connection and does not know yet that it is the last request: until it asks, or gives it up. */
        const connectionsEnd = Effect.raceFirst(
          Effect.repeat(Effect.delay(listener.connected, "50 millis"), { until: (count) => count === 0 }).pipe(
            Effect.timeoutOption(keepAliveMillis)
          ),
          Deferred.await(hurry)
        )
        return {
          pool: service.pool,
          greeting: undefined,
          stopping: "no new requests; what was accepted has until the drain deadline to end",
          left: () => `${service.pending()} requests had not ended, and are lost`,
          leave: (reason) => {
            service.ready = false
            listener.lastAnswers()
            if (!ofAll(reason)) leave()
          },
          refuse: (reason) => {
            if (ofAll(reason)) service.stopping = true
          },
          close: Effect.gen(function* () {
            yield* Deferred.succeed(closing, undefined)
            gate.endStreams()
            if (gate.isLeaving) {
              yield* connectionsEnd
              yield* handOver(service, part.folder)
            }
            yield* listener.close(options.lastAnswersMillis)
            yield* last(socketOf(part.folder, part.prefix))
          })
        }
      })
    )
  }).pipe(Effect.annotateLogs({ process: part.at + 1 }))

/** The process that started can no more. The last one takes the folder away: until then there are the sockets of others. */
const tidyUp = (folder: string): void => {
  rmSync(socketOfAll(folder), { force: true })
  try {
    rmdirSync(folder)
  } catch {
    // Not the last one, or all is gone.
  }
}

/** Nobody hears it where the process that started has gone. */
const tell = (message: FromProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (!process.connected) return resume(Effect.void)
    process.send!(message, undefined, {}, () => resume(Effect.void))
  })

/** What this process has counted is counted on, for all, when it has gone. */
const last = (socket: string): Effect.Effect<void> =>
  Effect.all([ask(socket, { method: "GET", url: "/pool" }), ask(socket, { method: "GET", url: "/metrics" })]).pipe(
    Effect.flatMap(([pool, metrics]) => tell({ type: "last", pool: pool.text, metrics: metrics.text })),
    Effect.ignore
  )

/** The ends that it has kept can be asked for when it has gone. */
const handOver = ({ ledger }: Service, folder: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const ends: Array<End> = []
    for (const entry of ledger.before()) {
      const { endedAt, id, key } = entry
      if (entry.ended !== undefined) ends.push({ id, key, endedAt: endedAt ?? 0, text: yield* Resource.of(entry) })
    }
    const body = JSON.stringify(ends.toReversed())
    yield* Effect.ignore(ask(socketOfAll(folder), { method: "POST", url: keptPath, body }))
  })

/** What one pool promises of identities that only the payload tells, several do not keep. */
const checkTypes = ({ handlers }: Service): Effect.Effect<void, BadUsage> => {
  for (const [type, { policy }] of handlers) {
    const { duplicate = "allow" } = policy
    if (duplicate === "allow") continue
    return new BadUsage({
      reason: `Expected no --processes with handlers whose policy has a \`duplicate\`: "${type}" has "${duplicate}", and requests of one identity come to different processes`
    })
  }
  return Effect.void
}
