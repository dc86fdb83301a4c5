/** Looks at the pool at every tick, asks the policy for a number of workers and resizes the pool. */
import { Context, Duration, Effect, Layer, PubSub, type Scope, Stream } from "effect"
import { PoolConfig } from "./PoolConfig.ts"
import type { InvalidPoolConfig, OutOfBounds } from "./PoolError.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"
import type { ScalingDecision, ScalingPolicy } from "./ScalingPolicy.ts"
import { WorkerPool } from "./WorkerPool.ts"

export class Scaler extends Context.Service<
  Scaler,
  {
    /**
     * Sets the number of workers by hand and keeps it. Ticks go on deciding, but what they want is held back
     * (`heldBack: "manual"`) until `release`.
     */
    readonly hold: (workers: number) => Effect.Effect<void, OutOfBounds>
    readonly release: Effect.Effect<void>
    /** The decision of each tick from the subscription on. A slow subscriber loses its oldest ones. */
    readonly decisions: Stream.Stream<ScalingDecision>
    /** The last decisions, oldest first, as many as the pool's option `decisions`. */
    readonly recent: Effect.Effect<ReadonlyArray<ScalingDecision>>
  }
>()("effect-worker-pool/Scaler") {}

/** A scaler of the pool in the context. It ends with its scope, or at the first tick that finds the pool draining. */
export const make = Effect.fnUntraced(function* (
  policy: ScalingPolicy
): Effect.fn.Return<Scaler["Service"], InvalidPoolConfig, PoolConfig | WorkerPool | Scope.Scope> {
  if (policy.invalid !== undefined) return yield* policy.invalid
  const config = yield* PoolConfig
  const pool = yield* WorkerPool
  const decisions = yield* PubSub.sliding<ScalingDecision>(1024)
  const kept: Array<ScalingDecision> = []
  let state: unknown = policy.initial
  let held = false

  const tick = Effect.gen(function* () {
    const signals = yield* pool.snapshot
    if (signals.state !== "open") return false
    const proposal = policy.decide(signals, state)
    state = proposal.state
    const { after, heldBack } = held
      ? { after: signals.target, heldBack: proposal.workers === signals.target ? undefined : ("manual" as const) }
      : bounded(proposal.workers, signals)
    const { reason, workers: proposed } = proposal
    const decision = { policy: policy.name, before: signals.target, after, proposed, reason, heldBack, signals }
    kept.push(decision)
    if (kept.length > config.decisions) kept.shift()
    yield* PubSub.publish(decisions, decision)
    // The bounds may have moved since the snapshot: then the next tick will see it.
    if (after !== signals.target) yield* Effect.ignore(pool.resize(after))
    return true
  }).pipe(
    Effect.catchCause((cause) => Effect.as(Effect.logError(`policy "${policy.name}" failed at this tick`, cause), true))
  )

  yield* Effect.forkScoped(
    Effect.repeat(Effect.delay(tick, Duration.millis(config.scalingIntervalMillis)), { while: (open) => open })
  )

  return Scaler.of({
    hold: (workers) =>
      Effect.suspend(() => {
        const before = held
        held = true
        return Effect.onError(pool.resize(workers), () => Effect.sync(() => void (held = before)))
      }),
    release: Effect.sync(() => {
      held = false
    }),
    decisions: Stream.fromPubSub(decisions),
    recent: Effect.sync(() => [...kept])
  })
})

export const layer = (policy: ScalingPolicy): Layer.Layer<Scaler, InvalidPoolConfig, PoolConfig | WorkerPool> =>
  Layer.effect(Scaler, make(policy))

/** No scaling: the number of workers changes only by hand. Nothing ticks, and there are no decisions. */
export const layerNone: Layer.Layer<Scaler, never, WorkerPool> = Layer.effect(
  Scaler,
  Effect.map(WorkerPool, ({ resize }) => ({
    hold: resize,
    release: Effect.void,
    decisions: Stream.empty,
    recent: Effect.succeed([])
  }))
)

/** The nearest number of workers within the bounds, and which bound it ran into. A wish that is no number changes nothing. */
const bounded = (proposed: number, { maxWorkers, minWorkers, target }: PoolSnapshot) =>
  !Number.isInteger(proposed)
    ? { after: target, heldBack: undefined }
    : proposed > maxWorkers
      ? { after: maxWorkers, heldBack: "maxWorkers" as const }
      : proposed < minWorkers
        ? { after: minWorkers, heldBack: "minWorkers" as const }
        : { after: proposed, heldBack: undefined }
