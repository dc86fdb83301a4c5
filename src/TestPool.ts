/** Pools for a user's own tests: on virtual time, without workers, or step by step. An export of its own. */
import { Clock, Context, Effect, Layer, Random } from "effect"
import { TestClock } from "effect/testing"
import * as ElasticPool from "./ElasticPool.ts"
import type { Handlers } from "./Handlers.ts"
import * as PoolConfig from "./PoolConfig.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import * as RequestQueue from "./RequestQueue.ts"
import type { Scaler } from "./Scaler.ts"
import * as WorkerPool from "./WorkerPool.ts"

/** The options of a pool, and the seed of its random numbers. `drainDeadline` is 0 unless it is set. */
export interface Options extends ElasticPool.Options {
  /** Seeds all random numbers of the pool, such as the jitter of retries. Default `"TestPool"`. */
  readonly seed?: string | number | undefined
}

/**
 * The real pool on virtual time, with seeded random numbers: two runs of a test see the same. Under `it.effect` it uses
 * that test's own clock; elsewhere it brings one, which `TestClock.adjust` then moves.
 *
 * Closing one of these pools interrupts at once what is left (`drainDeadline` is 0 unless it is set): no time passes by
 * itself. An attempt that ignores its interruption makes it wait for `drainGrace`, on a clock that somebody must move.
 */
export const layer = (
  options: Options = {}
): Layer.Layer<WorkerPool.WorkerPool | Scaler, InvalidPoolConfig, Handlers> =>
  ElasticPool.layer({ drainDeadline: 0, ...options }).pipe(
    Layer.provideMerge(virtualTime),
    Layer.provide(seeded(options))
  )

/** Every request runs in its caller's turn, as if the handler had been called, but with the policy and the counts. */
export const layerInline = (options: Options = {}): Layer.Layer<WorkerPool.WorkerPool, InvalidPoolConfig, Handlers> =>
  Layer.effect(
    WorkerPool.WorkerPool,
    Effect.map(WorkerPool.make("inline"), ({ pool }) => pool)
  ).pipe(Layer.provide(parts(options)))

/** The hand that moves a manual pool. */
export class Steps extends Context.Service<
  Steps,
  {
    /**
     * Runs the attempt whose turn it is, by keys, priorities and limits, to its end. `false`: nothing waits, or all that does is
     * held back. An attempt that never ends makes this wait.
     */
    readonly step: Effect.Effect<boolean>
    /** Steps until nothing can start, and answers how many attempts that took. What is delayed, or waits for a rate, needs the clock. */
    readonly runAll: Effect.Effect<number>
  }
>()("effect-worker-pool/TestPool/Steps") {}

/** Nothing runs until `Steps` says so: requests wait in the queue, where a test can look at them. */
export const layerManual = (
  options: Options = {}
): Layer.Layer<WorkerPool.WorkerPool | Steps, InvalidPoolConfig, Handlers> =>
  Layer.effectContext(
    Effect.map(WorkerPool.make("manual"), ({ core, pool }) => {
      const step = Effect.callback<boolean>((resume) => {
        if (core.queue.free === 0 || core.crew.paused) return resume(Effect.succeed(false))
        const { attempts } = core.counters
        // It may find that all of them are held back.
        core.crew.startOne(() => resume(Effect.succeed(core.counters.attempts > attempts)))
      })
      const runAll = Effect.gen(function* () {
        let steps = 0
        while (yield* step) steps++
        return steps
      })
      return Context.make(WorkerPool.WorkerPool, pool).pipe(Context.add(Steps, { step, runAll }))
    })
  ).pipe(Layer.provide(parts(options)))

const parts = (options: Options) =>
  RequestQueue.layer.pipe(
    Layer.provideMerge(PoolConfig.layer({ drainDeadline: 0, ...options })),
    Layer.provideMerge(seeded(options))
  )

const seeded = ({ seed = "TestPool" }: Options) => Layer.effect(Random.Random, Random.withSeed(Random.Random, seed))

/** The clock of the test that is running, if it is a virtual one; else a new one. */
const virtualTime = Layer.unwrap(
  Effect.map(Clock.Clock, (clock) => ("adjust" in clock ? Layer.empty : TestClock.layer()))
)
