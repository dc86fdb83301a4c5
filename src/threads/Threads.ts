/** Handlers on threads, or processes, of their own: more than one core, and work that can be stopped though it computes. */
import { Context, Effect, Layer, Schema } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import { Capacity, type PoolError, RequestPolicy } from "../index.ts"
import * as BatchHandler from "./batchHandler.ts"
import type { Fleet } from "./fleet.ts"
import * as Handler from "./handler.ts"
import { makeFleet, until } from "./makeFleet.ts"
import { countsOf, type Stats } from "./seen.ts"
import * as Settings from "./settings.ts"
import { checkSource, type Source, starter } from "./start.ts"

export type { Stats } from "./seen.ts"
export type { Options } from "./settings.ts"
export type { Source } from "./start.ts"

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
 * The batches of an Rpc whose policy has a `batch`, and whose handler in the module is one of `Handlers.batched`, are an attempt each: one message to
 * one thread.
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
  options: Settings.Options & Source
): Layer.Layer<Rpc.ToHandler<Rpcs> | Threads, PoolError.InvalidPoolConfig | ThreadsFailed, Rpc.ServicesClient<Rpcs>> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(Settings.make(options))
      yield* Effect.fromResult(checkSource(options))
      const places = Capacity.make({
        name: settings.name,
        onWaiting: () => fleet.want(),
        threads: () => countsOf(fleet.stats)
      })
      const fleet: Fleet = yield* makeFleet(settings, starter(options, "group", settings), places, true)
      yield* ready(fleet, settings.min)
      const context = yield* Effect.context<never>()
      const missing = [...group.requests.keys()].filter(
        (tag) => fleet.names !== undefined && !fleet.names.includes(tag)
      )
      if (missing.length > 0) return yield* new ThreadsFailed({ reason: `its group has no ${listed(missing)}` })
      const handlers: Record<string, unknown> = {}
      const ofGroup = Context.get(group.annotations, RequestPolicy.RequestPolicy)
      for (const rpc of group.requests.values() as Iterable<any>) {
        const { make } = RequestPolicy.ofRpc(rpc, ofGroup).batch === undefined ? Handler : BatchHandler
        handlers[rpc._tag] = make(fleet, places, settings, rpc, context)
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

const listed = (tags: ReadonlyArray<string>): string => tags.map((tag) => `"${tag}"`).join(", ")

/** When so many are ready, or one of the first cannot be. */
const ready = (fleet: Fleet, least: number): Effect.Effect<void, ThreadsFailed> =>
  Effect.gen(function* () {
    const areReady = ({ busy, idle }: Stats) => idle + busy >= least
    yield* until(fleet, () => areReady(fleet.stats) || fleet.whyNot(least) !== undefined)
    const reason = fleet.whyNot(least)
    if (reason !== undefined) return yield* new ThreadsFailed({ reason })
  })
