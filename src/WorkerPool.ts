/** The pool itself: requests go in, workers run their handlers, each accepted request has one outcome. */
import { Context, type Duration, Effect, type Exit, Layer, type Scope, type Stream } from "effect"
import type { Rpc } from "effect/rpc"
import * as Call from "./Call.ts"
import * as DeadLetters from "./DeadLetters.ts"
import type { DrainReport, LeftRequest } from "./DrainReport.ts"
import type { Handlers } from "./Handlers.ts"
import { Calls } from "./internal/calls.ts"
import { makeControls } from "./internal/controls.ts"
import { type Core, type Hire, makeCore } from "./internal/core.ts"
import type { Mode } from "./internal/crew.ts"
import { Fiberless } from "./internal/fiberless.ts"
import type { Intake } from "./internal/intake.ts"
import { makeGrouping } from "./internal/groups/grouping.ts"
import { makeSelection } from "./internal/selection.ts"
import * as recordedPools from "./internal/recordedPools.ts"
import * as recurringPools from "./internal/recurringPools.ts"
import * as gauges from "./internal/gauges.ts"
import * as shortages from "./internal/shortages.ts"
import type { Latencies } from "./Latencies.ts"
import type * as Limit from "./Limit.ts"
import type { Outcome, Rejected } from "./Outcome.ts"
import * as PoolClient from "./PoolClient.ts"
import type { PoolConfig } from "./PoolConfig.ts"
import type {
  InvalidPoolConfig,
  InvalidRequestOption,
  NestedWaitRefused,
  OutOfBounds,
  PoolError,
  SubmitError
} from "./PoolError.ts"
import type { PoolEvent } from "./PoolEvent.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"
import type { RequestQueue } from "./RequestQueue.ts"
import type { Filter, GateView, Group, Pausable, RequestView, Waiters } from "./Selection.ts"
import type { Ticket } from "./Ticket.ts"

/** One pool: the door for requests, the levers, and the counts. All of it may be used from any number of fibers. */
export class WorkerPool extends Context.Service<
  WorkerPool,
  {
    /** The name of the pool, from its options. */
    readonly name: string
    /**
     * Runs a request and waits for its end. Interrupting this effect cancels the request: a waiting one is withdrawn; a
     * running one is settled at once, and then this waits for the attempt's finalizers, at most `interruptGrace`.
     */
    readonly execute: <R extends Rpc.Any>(
      rpc: R,
      payload: Rpc.PayloadConstructor<R>,
      options?: Call.Options
    ) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | PoolError>
    /**
     * `execute` for a caller that has no fiber: calls back with the exit, once, in the step that ends the request or refuses it, which may
     * be before this returns. The function that it gives cancels the request: `onExit` then hears of `RequestCancelled`; after the end it
     * does nothing. `onExit` must be quick; what it throws is logged. Within an attempt this is a wait from the call on.
     *
     * Where no fiber calls, a request has of its caller what is in `context`: the span, the annotations of the log, what the pool's `inherit`
     * names, and the attempt for which it is called.
     */
    readonly executeCallback: <R extends Rpc.Any>(
      rpc: R,
      payload: Rpc.PayloadConstructor<R>,
      onExit: (exit: Exit.Exit<Rpc.Success<R>, Rpc.Error<R> | PoolError>) => void,
      options?: Call.Options,
      context?: Context.Context<never>
    ) => () => void
    /**
     * The same with a promise, which is rejected with the handler's own error, with a `PoolError` or a defect, as they are, or with the
     * reason of the `signal` of its options. `clientPromise` is made of it.
     */
    readonly executePromise: <R extends Rpc.Any>(
      rpc: R,
      payload: Rpc.PayloadConstructor<R>,
      options?: Call.PromiseOptions,
      context?: Context.Context<never>
    ) => Promise<Rpc.Success<R>>
    /**
     * Hands a request over and answers with its ticket. Under `"suspend"` it waits while the queue is full; interrupting
     * that wait gives up the place. Once there is a ticket, only `ticket.cancel` cancels.
     */
    readonly submit: <R extends Rpc.Any>(
      rpc: R,
      payload: Rpc.PayloadConstructor<R>,
      options?: Call.Options
    ) => Effect.Effect<Ticket<Rpc.Success<R>, Rpc.Error<R>>, SubmitError>
    /** `submit` for a tag and a JSON payload that come from outside: the payload is decoded by the Rpc's schema. */
    readonly submitUnknown: (
      tag: string,
      json: unknown,
      options?: Call.Options
    ) => Effect.Effect<Ticket<unknown, unknown>, SubmitError>
    /**
     * Runs any effect on a worker, with the caller's own context, under the tag `"run"`. It is bounded, timed out,
     * retried and counted like any request. A scope that the effect asks for is the caller's.
     */
    readonly run: <A, E, R>(
      effect: Effect.Effect<A, E, R>,
      options?: Call.Options
    ) => Effect.Effect<A, E | PoolError, R>
    /**
     * Runs a stream of calls and emits what became of each: in the order in which they end, or in that of the calls with `ordered: true`.
     * It pulls no more than `outstanding` calls ahead (default: the capacity, at most 10,000; less than 1 is 1). A call that is not
     * accepted gives a `Rejected`. A failure of the calls comes after the outcomes that are outstanding. Interrupting the stream cancels
     * what it has not yet emitted.
     */
    readonly process: <A, E, E2, R2>(
      calls: Stream.Stream<Call.Call<A, E>, E2, R2>,
      options?: { readonly ordered?: boolean | undefined; readonly outstanding?: number | undefined }
    ) => Stream.Stream<Outcome<A, E> | Rejected, E2, R2>
    /** Asks for a number of workers. A busy worker that is one too many goes when its attempt is over. */
    readonly resize: (workers: number) => Effect.Effect<void, OutOfBounds>
    /** Changes the bounds, and the number of workers if it is outside them. Fails like the pool's own options. */
    readonly setBounds: (bounds: {
      readonly minWorkers?: number | undefined
      readonly maxWorkers?: number | undefined
    }) => Effect.Effect<void, InvalidPoolConfig>
    /**
     * No attempt starts until `resume`, or until a drain, which finishes what waits (all but with `waiting: "interrupt"`).
     * Running ones finish; admission, expiry and delays go on.
     */
    readonly pause: Effect.Effect<void>
    /** Lets attempts start again. */
    readonly resume: Effect.Effect<void>
    /**
     * The same for a part: `pool.pauseOnly({ tag: "Send" })`, `{ key: "tenant-7" }` or `{ limit: "mailer" }`. The others go on. It lasts
     * until `resumeOnly`, or until a drain, during which it does nothing. Fails with `InvalidRequestOption` where there is no such tag or
     * limit.
     */
    readonly pauseOnly: (what: Pausable) => Effect.Effect<void, InvalidRequestOption>
    /** Lets that part start again; a limit, or a time before which nothing starts, stays in force. */
    readonly resumeOnly: (what: Pausable) => Effect.Effect<void, InvalidRequestOption>
    /**
     * Changes a limit while the pool runs; what is not set stays. More than a lowered one allows may still run: nothing is
     * interrupted for it. Fails with `InvalidPoolConfig` where there is no such limit, or the change is wrong.
     */
    readonly setLimit: (name: string, change: Limit.Change) => Effect.Effect<void, InvalidPoolConfig>
    /**
     * The gates of limits for the pool and for tags, then the others that are paused or hold something back, at most `limit` of them
     * (default 100).
     */
    readonly gates: (options?: { readonly limit?: number | undefined }) => Effect.Effect<ReadonlyArray<GateView>>
    /**
     * Requests that have not ended, oldest first by phase: running, waiting, delayed, blocked. At most `limit` of them (default 100),
     * from behind the one whose id is `after`, or from the first where that one has ended. It looks at all: its cost grows with what the pool holds.
     */
    readonly list: (
      filter?: Filter,
      options?: { readonly limit?: number | undefined; readonly after?: string | undefined }
    ) => Effect.Effect<ReadonlyArray<RequestView>>
    /**
     * Cancels every request that fits, as `ticket.cancel` does, and answers how many; `{}` cancels all. The others may run in between. A part of
     * the filter that is there and `undefined`, or that does not exist, fails it with `InvalidRequestOption`: it would cancel all.
     */
    readonly cancelAll: (filter: Filter) => Effect.Effect<number, InvalidRequestOption>
    /**
     * The requests that were called with `group: id`, retries and all. Calls that they make themselves are in it only by an option of their
     * own. There need be none yet. Of groups that have ended the last 1,000 are known, and those of which somebody has this.
     */
    readonly group: (id: string) => Group
    /** The tags, or the keys, that have most requests in the pool: the `top` of them (default 20), those with most waiting first. */
    readonly waitingBy: (
      what: "tag" | "key",
      options?: { readonly top?: number | undefined }
    ) => Effect.Effect<ReadonlyArray<Waiters>>
    /**
     * Refuses new requests, finishes the others with as many workers as the bounds allow, interrupts at the deadline what is left, and
     * closes the pool. It always returns within `deadline + drainGrace` (default of `deadline`: `drainDeadline`). Called twice it gives the
     * same report, and the earlier deadline wins. Interrupting the caller does not stop it. What an accepted request asks for within its
     * attempt is let in until the deadline. A handler can begin the drain of its own pool, but not wait for it: that fails at once with
     * `NestedWaitRefused`.
     */
    readonly drain: (options?: {
      readonly deadline?: Duration.Input | undefined
      /** `"interrupt"`: what runs is finished, what waits is not, and is told so at once. Default `"finish"`. */
      readonly waiting?: "finish" | "interrupt" | undefined
    }) => Effect.Effect<DrainReport, InvalidPoolConfig | NestedWaitRefused>
    /** The requests whose attempts run now, or have not ended yet since they were interrupted: at most one a worker. */
    readonly running: Effect.Effect<ReadonlyArray<LeftRequest>>
    /** Every count of the pool, taken in one step. */
    readonly snapshot: Effect.Effect<PoolSnapshot>
    /** How long the requests that have ended waited and ran, as histograms since the pool was built. */
    readonly latencies: Effect.Effect<Latencies>
    /** What happens from the subscription on, until the pool has drained. A slow subscriber loses its oldest events. */
    readonly events: Stream.Stream<PoolEvent>
    /** The last requests that ended failed or timed out. */
    readonly deadLetters: DeadLetters.DeadLetters
  }
>()("effect-worker-pool/WorkerPool") {}

/** A pool and its inner parts. @internal */
export const make = (
  mode: Mode,
  hire?: Hire
): Effect.Effect<
  { readonly pool: WorkerPool["Service"]; readonly core: Core; readonly intake: Intake },
  InvalidPoolConfig,
  PoolConfig | RequestQueue | Handlers | Scope.Scope
> =>
  Effect.map(makeCore(mode, hire), (core) => {
    const calls = new Calls(core)
    const fiberless = new Fiberless(core, calls)
    const pool = WorkerPool.of({
      name: core.config.name,
      execute: calls.execute,
      executeCallback: fiberless.executeCallback,
      executePromise: fiberless.executePromise,
      submit: calls.submit,
      submitUnknown: calls.submitUnknown,
      run: calls.run,
      process: calls.process,
      ...makeControls(core),
      ...makeSelection(core),
      ...makeGrouping(core),
      events: core.events.stream,
      deadLetters: DeadLetters.make(core.deadLetters, calls.submitAgain)
    })
    shortages.connect(pool, core.crew)
    gauges.connect(pool, core)
    recordedPools.connect(pool, {
      config: core.config,
      events: core.events,
      now: core.now,
      counts: () => {
        const { counters, crew, queue } = core
        return { workers: crew.size, pending: queue.waiting + queue.delayed + queue.blocked + counters.running }
      },
      scope: core.lasting
    })
    recurringPools.connect(pool, {
      publish: (event) => core.events.on && core.events.publish(event),
      isOpen: () => core.drain.state === "open",
      tags: () => [...core.routes.keys()],
      isShared: false
    })
    return { pool, core, intake: calls.intake }
  })

/** The pool's part of the assembly. `ElasticPool.layer` is the whole. */
export const layer: Layer.Layer<WorkerPool, InvalidPoolConfig, PoolConfig | RequestQueue | Handlers> = Layer.effect(
  WorkerPool,
  Effect.map(make("elastic"), ({ pool }) => pool)
)

/** One request for `process`. */
export const call = Call.make

/** A function for each Rpc of a group: `client.Resize({ path, width }, options?)`. */
export const client = PoolClient.make(WorkerPool)

/** The same for callers without Effect: `await client.Resize({ path, width }, { signal })`. */
export const clientPromise = PoolClient.makePromise(WorkerPool)
