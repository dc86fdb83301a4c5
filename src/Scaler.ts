/** Looks at the pool at every tick, asks the policy for a number of workers and resizes the pool. */
import { Clock, Context, Duration, Effect, Layer, PubSub, type Scope, Stream } from "effect"
import { PoolConfig } from "./PoolConfig.ts"
import { InvalidPoolConfig, type OutOfBounds } from "./PoolError.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"
import * as ScalingDecision from "./ScalingDecision.ts"
import type { Proposal, ScalingPolicy } from "./ScalingPolicy.ts"
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
    /** The number that is held by hand, or `undefined`. Bounds that come nearer than it move it. */
    readonly held: Effect.Effect<number | undefined>
    /** The name of the policy in force. */
    readonly policy: Effect.Effect<string>
    /** Puts another policy in force, from the next tick on; what the former one has learnt is forgotten. */
    readonly setPolicy: (policy: ScalingPolicy) => Effect.Effect<void, InvalidPoolConfig>
    /** The decision of each tick from the subscription on. A slow subscriber loses its oldest ones. */
    readonly decisions: Stream.Stream<ScalingDecision.ScalingDecision>
    /** The last decisions, oldest first, as many as the pool's option `decisions`. */
    readonly recent: Effect.Effect<ReadonlyArray<ScalingDecision.ScalingDecision>>
    /** The last decision as a sentence: what was done, what the policy wanted, why, and what held it back. */
    readonly explain: Effect.Effect<string>
  }
>()("effect-worker-pool/Scaler") {}

/**
 * A scaler of the pool in the context. It ends with its scope, or at the first tick that finds the pool draining. A
 * change is logged as a sentence, at Debug, and is an event of a span `WorkerPool.scale`; a tick that changes nothing is neither.
 */
export const make = Effect.fnUntraced(function* (
  startingPolicy: ScalingPolicy
): Effect.fn.Return<Scaler["Service"], InvalidPoolConfig, PoolConfig | WorkerPool | Scope.Scope> {
  if (startingPolicy.invalid !== undefined) return yield* startingPolicy.invalid
  let policy = startingPolicy
  const config = yield* PoolConfig
  const pool = yield* WorkerPool
  const { scalingIntervalMillis } = config
  const decisions = yield* PubSub.sliding<ScalingDecision.ScalingDecision>(1024)
  const kept: Array<ScalingDecision.ScalingDecision> = []
  let last: ScalingDecision.ScalingDecision | undefined
  let state: unknown = policy.initial
  /** The number itself is the pool's target: nothing else moves it meanwhile but the bounds. */
  let isHeld = false

  const tick = Effect.gen(function* () {
    const snapshot = yield* pool.snapshot
    if (snapshot.state !== "open") return false
    const signals = { ...snapshot, epochMillis: yield* Clock.currentTimeMillis, intervalMillis: scalingIntervalMillis }
    const proposal = policy.decide(signals, state)
    state = proposal.state
    const { reason, workers: proposed, wanted = proposed } = proposal
    const outcome = isHeld ? holding(proposal, signals.target) : bounded(proposal, signals)
    last = {
      policy: policy.name,
      before: signals.target,
      wanted: Math.ceil(wanted),
      proposed,
      reason,
      signals,
      ...outcome
    }
    kept.push(last)
    if (kept.length > config.decisions) kept.shift()
    yield* PubSub.publish(decisions, last)
    // The bounds may have moved since the snapshot: then the next tick will see it.
    if (last.after !== last.before) yield* Effect.andThen(Effect.ignore(pool.resize(last.after)), report(last))
    return true
  }).pipe(
    Effect.catchCause((cause) => Effect.as(Effect.logError(`policy "${policy.name}" failed at this tick`, cause), true))
  )

  const start = Effect.gen(function* () {
    if (policy.startsWith === undefined || isHeld) return
    const { after } = bounded({ workers: policy.startsWith, reason: "", state: undefined }, yield* pool.snapshot)
    yield* Effect.ignore(pool.resize(after))
  })
  yield* start
  yield* Effect.forkScoped(
    Effect.repeat(Effect.delay(tick, Duration.millis(scalingIntervalMillis)), { while: (open) => open })
  )

  return Scaler.of({
    hold: (workers) =>
      Effect.suspend(() => {
        const before = isHeld
        isHeld = true
        return Effect.onError(pool.resize(workers), () => Effect.sync(() => void (isHeld = before)))
      }),
    release: Effect.sync(() => {
      isHeld = false
    }),
    held: Effect.map(pool.snapshot, ({ target }) => (isHeld ? target : undefined)),
    policy: Effect.sync(() => policy.name),
    setPolicy: (next) =>
      Effect.suspend(() => {
        if (next.invalid !== undefined) return Effect.fail(next.invalid)
        policy = next
        state = next.initial
        return start
      }),
    decisions: Stream.fromPubSub(decisions),
    recent: Effect.sync(() => [...kept]),
    explain: Effect.sync(() =>
      last === undefined ? `Pool "${pool.name}" has not had a tick yet.` : ScalingDecision.explain(last)
    )
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
    held: Effect.succeed(undefined),
    policy: Effect.succeed("none"),
    setPolicy: ({ name }) =>
      Effect.fail(new InvalidPoolConfig({ field: "scaling", expected: `a policy from the start on`, actual: name })),
    decisions: Stream.empty,
    recent: Effect.succeed([]),
    explain: Effect.succeed("There is no scaling: the number of workers changes only by hand.")
  }))
)

const report = (decision: ScalingDecision.ScalingDecision): Effect.Effect<void> => {
  const { after, before, heldBack, policy, proposed, reason, signals, wanted } = decision
  return Effect.gen(function* () {
    const span = yield* Effect.currentSpan
    const { handlers: _, ...counts } = signals
    const attributes = { policy, before, after, wanted, proposed, reason, heldBack: heldBack ?? "nothing", ...counts }
    span.event("ScalingDecision", yield* Clock.currentTimeNanos, attributes)
    yield* Effect.logDebug(ScalingDecision.explain(decision))
  }).pipe(Effect.withSpan("WorkerPool.scale", { attributes: { pool: signals.pool }, root: true }), Effect.ignore)
}

/** What a tick does while somebody holds the number by hand. */
const holding = ({ wanted, workers }: Proposal<unknown>, target: number) => ({
  after: target,
  heldBack: (wanted ?? workers) === target ? undefined : ("manual" as const)
})

/** The nearest number of workers within the bounds, rounded up, and what it ran into. A wish that is no number changes nothing. */
const bounded = (
  { heldBack, workers }: Proposal<unknown>,
  { maxWorkers, minWorkers, target }: PoolSnapshot
): Pick<ScalingDecision.ScalingDecision, "after" | "heldBack"> => {
  const whole = Math.ceil(workers)
  if (Number.isNaN(whole)) return { after: target, heldBack }
  if (whole > maxWorkers) return { after: maxWorkers, heldBack: "maxWorkers" }
  return whole < minWorkers ? { after: minWorkers, heldBack: "minWorkers" } : { after: whole, heldBack }
}
