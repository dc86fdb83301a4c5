/** Handlers on threads, or processes, of their own: more than one core, and work that can be stopped whatever it does. */
import { Clock, Context, Effect, Layer, References, Schema, type Scope } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import { Capacity, PoolError } from "../index.ts"
import { Fleet, type Stats } from "./fleet.ts"
import * as Handler from "./handler.ts"
import { To } from "./messages.ts"
import { Reports } from "./reports.ts"
import * as Settings from "./settings.ts"
import { starter } from "./start.ts"

export type { Stats } from "./fleet.ts"
export type { Options, Source } from "./settings.ts"

/** No thread could be made ready: its module cannot be imported, does not export what it should, or its layer fails. */
export class ThreadsFailed extends Schema.TaggedError<ThreadsFailed>()("ThreadsFailed", {
  reason: Schema.String
}) {
  override get message() {
    return `No thread could be started: ${this.reason}`
  }
}

/** The threads of one layer, for whoever looks at them. */
export class Threads extends Context.Service<
  Threads,
  {
    /** By what its gate is called. */
    readonly name: string
    /** How many there are now, by what they do. */
    readonly stats: Effect.Effect<Stats>
  }
>()("effect-worker-pool/Threads") {}

/** How many threads there are, by what they do: of the layer that was provided last. */
export const stats: Effect.Effect<Stats, never, Threads> = Effect.flatMap(Threads, ({ stats }) => stats)

/**
 * What `group.toLayer({ ... })` provides, in the same place, but each attempt runs on a thread of its own: a module that exports the
 * same `group` and the `layer` of its handlers. It is built when `min` threads are ready, and fails with `ThreadsFailed` when one
 * cannot be. Closing it, which its pool's drain comes before, ends all of them.
 *
 * A request for which no thread is ready waits in the pool's queue: no timeout runs meanwhile. Interrupting an attempt asks its
 * thread first, and kills it when it does not answer; the attempt has ended when the thread has. A thread that ends under its
 * attempt is `ThreadCrashed`.
 *
 * Payloads, results and errors cross as their schemas encode them, in structured clones: bytes, dates, maps and `bigint` as they are. What
 * cannot cross is a defect that says why. Of a defect its name and message cross; its stack does where the Rpc says
 * `defect: Schema.Defect({ includeStack: true })`. What `Transferable.schema` names is moved, not copied, to a thread: a payload that was moved
 * is gone, so do not retry such an Rpc; a second attempt is a defect.
 *
 * What a thread logs is logged here, by the loggers of its attempt or else of this layer, annotated with `threads` and `thread`. Its spans
 * are made again by the tracer of the attempt, within its span, with ids of their own. Counters, frequencies and gauges are added to
 * those of the same id here after each attempt; histograms and summaries stay there. Where the module brings a logger, a tracer or a registry of
 * metrics itself, that is used instead. What a thread that is killed has counted since its last attempt is lost.
 */
export const layer = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: Settings.Options & Settings.Source
): Layer.Layer<Rpc.ToHandler<Rpcs> | Threads, PoolError.InvalidPoolConfig | ThreadsFailed, Rpc.ServicesClient<Rpcs>> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(Settings.make(options))
      const { fleet, places } = yield* makeFleet(settings, options)
      const context = yield* Effect.context<never>()
      const handlers: Record<string, unknown> = {}
      for (const rpc of group.requests.values()) {
        handlers[rpc._tag] = Handler.make(fleet, settings, rpc as unknown as Rpc.AnyWithProps, context)
      }
      const threads = Threads.of({ name: settings.name, stats: Effect.sync(() => fleet.stats) })
      return Layer.merge(
        (group.toLayer(handlers as never) as Layer.Layer<Rpc.ToHandler<Rpcs>>).pipe(
          Layer.provide(Layer.succeed(Capacity.Capacity, places))
        ),
        Layer.succeed(Threads, threads)
      )
    })
  ) as never

/** With `min` threads that are ready, in the scope. */
const makeFleet = Effect.fnUntraced(function* (
  settings: Settings.Settings,
  source: Settings.Source
): Effect.fn.Return<{ readonly fleet: Fleet; readonly places: Capacity.Places }, ThreadsFailed, Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const fork = (effect: Effect.Effect<void>) => {
    Effect.runForkWith(context)(Effect.forkIn(effect, scope))
  }
  const reports = new Reports(settings.name, context)
  const logLevel = Context.get(context, References.MinimumLogLevel)
  const start = starter(source, "group", settings)
  const places = Capacity.make({ name: settings.name, onWaiting: () => fleet.want() })
  const fleet: Fleet = new Fleet({
    settings,
    places,
    now: () => clock.currentTimeMillisUnsafe(),
    start: (listener) => {
      const host = start({
        onMessage: (message) => listener.onMessage(message),
        onExit: (ended) => {
          reports.onGone(listener, ended, clock.currentTimeNanosUnsafe())
          listener.onExit(ended)
        }
      })
      host.post([To.begin, { logLevel }], undefined)
      return host
    },
    onReport: (thread, report) => reports.on(thread, report),
    onGone: (thread, { detail, reason }) =>
      fork(Effect.logWarning(`thread ${thread.id} of "${settings.name}" has crashed (${reason}): ${detail}`)),
    afterKill: (then) => fork(Effect.delay(Effect.sync(then), settings.killAfterMillis))
  })
  yield* Effect.addFinalizer(() => close(fleet, settings))
  fleet.ensure()
  yield* ready(fleet, settings.min)
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.delay(
        Effect.sync(() => fleet.age()),
        Math.max(10, settings.idleForMillis / 4)
      )
    )
  )
  return { fleet, places }
})

/** When so many are ready, or one of the first cannot be. */
const ready = (fleet: Fleet, least: number): Effect.Effect<void, ThreadsFailed> =>
  Effect.suspend(() => {
    const { busy, idle } = fleet.stats
    if (fleet.failure !== undefined) return Effect.fail(new ThreadsFailed({ reason: fleet.failure }))
    if (idle + busy >= least) return Effect.void
    return Effect.flatMap(changed(fleet), () => ready(fleet, least))
  })

const changed = (fleet: Fleet): Effect.Effect<void> =>
  Effect.callback((resume) => fleet.onChange(() => resume(Effect.void)))

/** All are told to go; those that have not in their time are left behind, and keep nothing from ending. */
const close = (fleet: Fleet, { killAfterMillis, name }: Settings.Settings): Effect.Effect<void> =>
  Effect.gen(function* () {
    fleet.close()
    const gone: Effect.Effect<void> = Effect.suspend(() =>
      fleet.all.length === 0 ? Effect.void : Effect.andThen(changed(fleet), gone)
    )
    const left = yield* Effect.timeoutOption(gone, killAfterMillis)
    if (left._tag === "Some") return
    for (const thread of fleet.all) fleet.kill(thread)
    const rest = yield* Effect.timeoutOption(gone, killAfterMillis)
    if (rest._tag === "Some") return
    for (const thread of fleet.all) {
      thread.keepAlive(false)
      const what = thread.task === undefined ? "its end" : `"${thread.task.tag}"`
      yield* Effect.logWarning(
        `thread ${thread.id} of "${name}" ignores that it was killed, and is left behind with ${what}`
      )
    }
  })
