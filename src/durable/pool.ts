/** A durable pool: an ordinary pool within, a feeder before it, and a door that stores what is asked. */
import { Clock, Context, Effect, Fiber, PubSub, type Scope, Stream } from "effect"
import type { RpcGroup } from "effect/rpc"
import { hostname } from "node:os"
import { pid } from "node:process"
import { ElasticPool, Handlers, PoolError, type PoolEvent, Scaler, ScalingPolicy, WorkerPool } from "../index.ts"
import * as recordedPools from "../internal/recordedPools.ts"
import * as recurringPools from "../internal/recurringPools.ts"
import { Asking } from "./asking/asking.ts"
import { Calls } from "./asking/calls.ts"
import { Controls } from "./asking/controls.ts"
import { Batches } from "./feeder/batches.ts"
import { withDeliveries } from "./feeder/delivery.ts"
import { Door } from "./asking/door.ts"
import { Endings } from "./asking/endings.ts"
import { fiberless } from "./asking/fiberless.ts"
import { Feeder } from "./feeder/feeder.ts"
import { Heartbeat } from "./feeder/heartbeat.ts"
import { Held } from "./feeder/held.ts"
import { Link } from "./link.ts"
import { obey, samePauses } from "./feeder/pauses.ts"
import { sharing, withShare } from "./feeder/scaling.ts"
import { Durable } from "./service.ts"
import * as Settings from "./settings.ts"
import { type Beat, type Claim, type Member, Store } from "./Store.ts"

/** What a durable pool is for in this process. */
export interface Part {
  readonly role: Member["role"]
  readonly options: Settings.Options
  /** Rpcs that it may ask for without having handlers of them. */
  readonly groups: ReadonlyArray<RpcGroup.RpcGroup<any>>
}

/** The services of one. */
export type Services = WorkerPool.WorkerPool | Scaler.Scaler | Durable

export const make = ({
  groups,
  options,
  role
}: Part): Effect.Effect<
  Context.Context<Services>,
  PoolError.InvalidPoolConfig | PoolError.StoreUnavailable,
  Store | Handlers.Handlers | Scope.Scope
> =>
  Effect.gen(function* () {
    const settings = yield* Effect.fromResult(Settings.make(options))
    const handlers = yield* Handlers.Handlers
    const store = yield* Store
    const context = yield* Effect.context<never>()
    const clock = Context.get(context, Clock.Clock)
    const scope = yield* Effect.scope
    const run = Effect.runForkWith(context)
    const fork = (effect: Effect.Effect<unknown>) => void run(Effect.forkIn(effect, scope))
    const calls = new Calls(settings, handlers, context)
    for (const group of groups) calls.learnGroup(group)
    const { notKept } = calls
    if (notKept !== undefined) return yield* notKept

    const works = role !== "client"
    const id = crypto.randomUUID()
    const { deliveries, keepOutcomesMillis, name } = settings
    const tags = works ? [...handlers.keys()] : calls.tags
    const member: Member = { id, pool: name, host: hostname(), pid, role, tags, deliveries, keepOutcomesMillis }
    const link = new Link((isAway, detail) => fork(told(name, isAway, detail)))
    const session = link.watch(yield* store.join(member))
    let isClosed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => (isClosed = true)))

    // The pool within. What it holds is what was claimed; its scaler sees the store's share as well.
    const held = new Held()
    let beat: Beat = { workers: 1, hasMissing: false, pauses: [] }
    let feeder: Feeder | undefined
    const share = () => (feeder === undefined ? 0 : Math.ceil(feeder.claims.backlog / Math.max(1, beat.workers)))
    const { scaling = ScalingPolicy.adaptive() } = options
    const inner = yield* ElasticPool.make({
      ...Settings.inner(options),
      ...(works ? {} : { minWorkers: 0 }),
      scaling: scaling === "none" || !works ? "none" : withShare(scaling, share)
    }).pipe(
      Effect.provideService(
        Handlers.Handlers,
        works ? withDeliveries(handlers, (id) => held.get(id)) : new Map<string, Handlers.Handler>()
      )
    )
    const { pool } = inner

    const events = yield* PubSub.sliding<PoolEvent.PoolEvent>(1024)
    const onThrown = (defect: unknown) => fork(Effect.logError("an observer of a caller threw", defect))
    const endings = new Endings(session, settings.pollMillis, onThrown)
    const door = new Door(session, settings.storeTimeoutMillis, clock, onThrown)
    const controls = new Controls(
      session,
      calls,
      () => heartbeat.wake(),
      () => isClosed
    )
    const desk = { pool: name, session, endings, held, cancel: controls.cancel, fork, isClosed: () => isClosed }
    const asking = new Asking(calls, door, desk, session, 1_000)
    const onLapsed = ({ deliveries, request: { id, tag } }: Claim) => {
      fork(
        Effect.logWarning(
          `The claim on "${tag}" ${id} has lapsed: another process has it, and what this one made of it does not count`
        )
      )
      PubSub.publishUnsafe(events, { _tag: "ClaimLapsed", id, tag, deliveries })
    }
    feeder = new Feeder({
      session,
      pool,
      calls,
      settings,
      tags: works ? tags : [],
      batches: new Batches(handlers),
      context,
      fork,
      held,
      onRecorded: (record) => endings.tell(record),
      onLapsed,
      onEndedElsewhere: (id) => endings.heard([id]),
      hasOthers: () => beat.workers > 1,
      onClaimFailed: Effect.suspend(() => heartbeat.claimLost)
    })
    const { beginDrain, claims, settled, settler } = feeder

    const heartbeat = new Heartbeat(session, held, {
      works,
      says: Effect.map(pool.snapshot, ({ idle, maxWorkers, minWorkers, running, state, target, workers }) => ({
        state,
        workers,
        idle,
        running,
        target,
        minWorkers,
        maxWorkers,
        held: held.size,
        unsettled: held.unsettled.length
      })),
      onBeat: (heard) =>
        Effect.gen(function* () {
          const before = beat.pauses
          beat = heard
          if (!samePauses(before, heard.pauses)) {
            yield* obey(pool, before, heard.pauses)
            feeder.setPauses(heard.pauses)
          }
          claims.ready()
        }),
      onLapsed: (entry) => {
        onLapsed(entry.claim)
        feeder.drop(entry)
      }
    })

    yield* session.listen((notice) => {
      switch (notice._tag) {
        case "Work":
          return claims.heard(notice.tags.filter((tag) => handlers.has(tag)))
        case "Ended":
          // Of those that it records itself it hears by the answer.
          return endings.heard(notice.ids.filter((id) => held.get(id)?.outcome === undefined))
        case "Revoked":
          return feeder.revoked(notice.ids)
        case "Paused":
          return heartbeat.wake()
        case "Missed": {
          claims.missed()
          endings.missed()
          return heartbeat.wake()
        }
      }
    })

    for (const loop of [door.run, endings.run, settler.run, heartbeat.run, heartbeat.redeliver]) {
      yield* Effect.forkIn(loop, scope)
    }
    const claiming = yield* Effect.forkIn(works ? claims.run : Effect.void, scope)

    const { drainDeadlineMillis, drainGraceMillis } = settings.config
    const drain: WorkerPool.WorkerPool["Service"]["drain"] = (options) =>
      Effect.gen(function* () {
        asking.closed = new PoolError.PoolDraining({ pool: name })
        yield* beginDrain
        const report = yield* pool.drain(options)
        // The store may be away: what cannot be recorded in time is delivered again.
        const recorded = Effect.andThen(Fiber.await(claiming), settled)
        yield* Effect.timeoutOption(recorded, Math.min(drainDeadlineMillis, 5_000) + drainGraceMillis)
        if (held.size > 0) yield* Effect.logWarning(unrecorded(name, held.size))
        door.close()
        endings.close()
        return report
      })
    yield* Effect.addFinalizer(() => Effect.ignore(drain()))

    const durablePool = WorkerPool.WorkerPool.of({
      ...controls.over(pool, asking),
      name,
      execute: asking.execute,
      ...fiberless(asking.execute, context, onThrown),
      submit: asking.submit,
      submitUnknown: asking.submitUnknown,
      process: asking.process,
      drain,
      events: Stream.merge(pool.events, Stream.fromPubSub(events), { haltStrategy: "left" })
    })
    recordedPools.sameAs(durablePool, pool)
    recurringPools.connect(durablePool, {
      publish: (event) => PubSub.publishUnsafe(events, event),
      isOpen: () => asking.closed === undefined,
      // Others may have the handlers.
      tags: undefined,
      isShared: true
    })
    const durable = Durable.of({
      store: store.kind,
      process: id,
      ticket: ((id: string, rpc?: any) =>
        Effect.flatMap(controls.find(id), ({ request }) => {
          const known = rpc === undefined ? calls.get(request.tag) : calls.learn(rpc)
          if (known === undefined || known.rpc._tag !== request.tag)
            return Effect.fail(new PoolError.NoSuchRequest({ id }))
          return Effect.succeed(asking.ticketOf(request, true, known))
        })) as Durable["Service"]["ticket"],
      submitKeyed: asking.submitKeyed,
      submitIn: asking.submitIn,
      idOf: asking.idOf,
      find: controls.find,
      list: session.list,
      cancel: controls.cancelById,
      resubmit: (id) => controls.resubmit(id, asking),
      discard: controls.discard,
      counts: session.counts,
      processes: session.processes,
      setPause: controls.setPause,
      local: Effect.sync(() => ({
        isAway: link.isAway,
        held: held.size,
        unsettled: held.unsettled.length,
        share: share(),
        workers: beat.workers,
        pauses: beat.pauses
      }))
    })
    return Context.make(WorkerPool.WorkerPool, durablePool).pipe(
      Context.add(Scaler.Scaler, sharing(inner.scaler, share)),
      Context.add(Durable, durable)
    )
  })

const told = (name: string, isAway: boolean, detail: string): Effect.Effect<void> =>
  isAway
    ? Effect.logWarning(`The store of pool "${name}" is away; what runs goes on, and its ends are kept: ${detail}`)
    : Effect.logInfo(`The store of pool "${name}" is there again`)

const unrecorded = (name: string, held: number): string =>
  `pool "${name}" could not record, or give back, ${held} of its requests in time: they will be delivered again`
