/** Puts a whole pool together: configuration, queue, workers, scaler and metrics. */
import { Context, Effect, Layer, type Scope } from "effect"
import type { Handlers } from "./Handlers.ts"
import * as PoolConfig from "./PoolConfig.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import * as PoolMetrics from "./PoolMetrics.ts"
import * as RequestQueue from "./RequestQueue.ts"
import * as RetryPolicy from "./RetryPolicy.ts"
import * as Scaler from "./Scaler.ts"
import * as ScalingPolicy from "./ScalingPolicy.ts"
import * as WorkerPool from "./WorkerPool.ts"

/** The options of a pool, and how its workers follow the load. A wrong one fails the layer, none is clamped. */
export interface Options extends PoolConfig.Options {
  /**
   * How the number of workers follows the load. `"none"`: it does not, only `resize` changes it. Default
   * `ScalingPolicy.adaptive()`.
   */
  readonly scaling?: ScalingPolicy.ScalingPolicy | "none" | undefined
}

/**
 * One pool under the default tags. Closing the layer drains it: accepted requests have `drainDeadline` to end, then they
 * are interrupted.
 */
export const layer = (
  options: Options = {}
): Layer.Layer<WorkerPool.WorkerPool | Scaler.Scaler, InvalidPoolConfig, Handlers> => {
  const { scaling = ScalingPolicy.adaptive() } = options
  return Layer.mergeAll(PoolMetrics.layer, scaling === "none" ? Scaler.layerNone : Scaler.layer(scaling)).pipe(
    Layer.provideMerge(WorkerPool.layer),
    Layer.provide(RequestQueue.layer),
    Layer.provide(PoolConfig.layer(options))
  )
}

/** A pool as two values, for several pools in one program. Give each its own `name` and its own `Handlers`. */
export const make = (
  options?: Options
): Effect.Effect<
  { readonly pool: WorkerPool.WorkerPool["Service"]; readonly scaler: Scaler.Scaler["Service"] },
  InvalidPoolConfig,
  Handlers | Scope.Scope
> =>
  Effect.map(Layer.build(Layer.fresh(layer(options))), (context) => ({
    pool: Context.get(context, WorkerPool.WorkerPool),
    scaler: Context.get(context, Scaler.Scaler)
  }))

/**
 * The settings of the article that this pool starts from: 10 ms per attempt, a full queue refuses, its rule for the
 * number of workers, and retries at once. It looks at its queue each microsecond; a millisecond is the shortest here.
 * They show the article's pool; they are not advice.
 */
export const article: Options = {
  timeout: "10 millis",
  strategy: "dropping",
  retry: RetryPolicy.make({ times: 3, base: 0, jitter: "none" }),
  scaling: ScalingPolicy.queueLength({ threshold: 10, lowWater: 0.75, step: 1 }),
  scalingInterval: "1 milli"
}
