/** Looks at the pool at every tick, and early when workers are short, asks the policy for a number and resizes the pool. */
import { Clock, Context, Effect, Layer, PubSub, type Scope, Semaphore, Stream } from "effect"
import * as shortages from "./internal/shortages.ts"
import * as Ticking from "./internal/ticking.ts"
import { atEarlyLook, atTick } from "./policies/policy.ts"
import { outOfAsyncContext } from "./internal/asyncContext.ts"
import { PoolConfig } from "./PoolConfig.ts"
import { InvalidPoolConfig, type OutOfBounds } from "./PoolError.ts"
import type { PoolSnapshot } from "./PoolSnapshot.ts"
import * as ScalingDecision from "./ScalingDecision.ts"
import type { Proposal, ScalingPolicy, ScalingSignals } from "./ScalingPolicy.ts"
import { WorkerPool } from "./WorkerPool.ts"

/**
 * The scaler of one pool: what it decided, why, and the hand that overrules it. With `scaling: "none"` it has no policy and
 * decides nothing: the number of workers changes only by hand.
 */
export class Scaler extends Context.Service<
  Scaler,
  {
    /**
     * Sets the number of workers by hand and keeps it. Ticks go on deciding, but what they want is held back
     * (`heldBack: "manual"`) until `release`.
     */
    readonly hold: (workers: number) => Effect.Effect<void, OutOfBounds>
    /** Gives the number of workers back to the policy, from the next look on. Without a hold it does nothing. */
    readonly release: Effect.Effect<void>
    /** The number that is held by hand, or `undefined`. Bounds that come nearer than it move it. */
    readonly held: Effect.Effect<number | undefined>
    /** The name of the policy in force. */
    readonly policy: Effect.Effect<string>
    /** Puts another policy in force, from the next look on; what the former one has learnt is forgotten. */
    readonly setPolicy: (policy: ScalingPolicy) => Effect.Effect<void, InvalidPoolConfig>
    /**
     * The decision of each tick from the subscription on, and of each early look that adds workers. A slow subscriber loses
     * its oldest ones.
     */
    readonly decisions: Stream.Stream<ScalingDecision.ScalingDecision>
    /** The last decisions, oldest first, as many as the pool's option `decisions`. */
    readonly recent: Effect.Effect<ReadonlyArray<ScalingDecision.ScalingDecision>>
    /**
     * The last decision as a sentence: what was done, what the policy wanted, why, and what held it back. What somebody has
     * changed since then (a hold, the policy, the bounds, the number, a pause) follows.
     */
    readonly explain: Effect.Effect<string>
  }
>()("effect-worker-pool/Scaler") {}

/** The least time between an early look and any look before it, in milliseconds. */
const earlyMillis = 50

/**
 * A scaler of the pool in the context. It ends with its scope, or at the first tick that finds the pool draining. A
 * change is logged as a sentence, at Debug, and is an event of a span `WorkerPool.scale`; a tick that changes nothing is
 * neither.
 *
 * Ticks keep their pace: one that is late moves none of those that follow. Between two of them it looks early when a request has found no idle worker, and every 50 ms while any waits; with ticks as
 * short as that there are no early looks. They only add workers, as far as the policy, the bounds, a pause and a hold let
 * them; one that adds none leaves no decision.
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
  /** Looks come one after another. */
  const oneLook = Semaphore.makeUnsafe(1)
  let state: unknown = policy.initial
  let lookedAt = -Infinity
  let addedEarly = 0
  /** An early look has failed with this policy since the last tick. */
  let hasFailed = false
  /** The number itself is the pool's target: nothing else moves it meanwhile but the bounds. */
  let isHeld = false

  const start = Effect.gen(function* () {
    if (policy.startsWith === undefined || isHeld) return
    const { after } = bounded({ workers: policy.startsWith, reason: "", state: undefined }, yield* pool.snapshot)
    yield* Effect.ignore(pool.resize(after))
  })
  yield* start
  let last: ScalingDecision.ScalingDecision | undefined
  /** What was in force at the last decision, or at the start. */
  let known: InForce = { policy, isHeld, ...(yield* pool.snapshot) }

  const signalsOf = (snapshot: PoolSnapshot) =>
    Effect.map(Clock.currentTimeMillis, (epochMillis): ScalingSignals => ({
      ...snapshot,
      epochMillis,
      intervalMillis: scalingIntervalMillis,
      early: addedEarly
    }))

  const enact = (
    cause: ScalingDecision.Cause,
    signals: ScalingSignals,
    { reason, workers: proposed, wanted = proposed }: Proposal<unknown>,
    outcome: Outcome
  ) =>
    Effect.gen(function* () {
      const before = signals.target
      const decision: ScalingDecision.ScalingDecision = {
        cause,
        policy: policy.name,
        before,
        wanted: Math.ceil(wanted),
        proposed,
        reason,
        signals,
        ...outcome
      }
      last = decision
      known = { ...signals, policy, isHeld, target: outcome.after }
      kept.push(decision)
      if (kept.length > config.decisions) kept.shift()
      yield* PubSub.publish(decisions, decision)
      // The bounds may have moved since the snapshot: then the next tick will see it.
      if (outcome.after !== before) yield* Effect.andThen(Effect.ignore(pool.resize(outcome.after)), report(decision))
    })

  const tick = Effect.gen(function* () {
    const snapshot = yield* pool.snapshot
    if (snapshot.state !== "open") return false
    const signals = yield* signalsOf(snapshot)
    lookedAt = signals.atMillis
    addedEarly = 0
    hasFailed = false
    const proposal = atTick(policy, signals, state)
    state = proposal.state
    yield* enact("tick", signals, proposal, isHeld ? holding(proposal, signals.target) : bounded(proposal, signals))
    return true
  }).pipe(
    oneLook.withPermit,
    Effect.catchCause((cause) => Effect.as(Effect.logError(`policy "${policy.name}" failed at this tick`, cause), true))
  )

  /** Answers whether there is ever to be another. What forbids a rise may be over at any time: it is looked at anew each time. */
  const lookEarly = Effect.gen(function* () {
    const snapshot = yield* pool.snapshot
    lookedAt = snapshot.atMillis
    const { heldBack, idle, maxWorkers, paused, target, waiting } = snapshot
    if (snapshot.state !== "open") return false
    if (paused || isHeld || target >= maxWorkers || policy.early === "none" || hasFailed) return true
    if (waiting === heldBack || idle > 0) return true
    const signals = yield* signalsOf(snapshot)
    const proposal = atEarlyLook(policy, signals, state)
    state = proposal.state
    const outcome = bounded(proposal, signals)
    if (outcome.after > target) {
      addedEarly += outcome.after - target
      yield* enact("shortage", signals, proposal, outcome)
    }
    return true
  }).pipe(
    oneLook.withPermit,
    Effect.catchCause((cause) => {
      hasFailed = true
      return Effect.as(Effect.logError(`policy "${policy.name}" failed at this early look`, cause), true)
    })
  )

  /** In whole microseconds: what rounding leaves of a millisecond could be slept for without time passing. */
  const untilEarly = Effect.map(
    pool.snapshot,
    ({ atMillis }) => Math.round(1000 * (lookedAt + earlyMillis - atMillis)) / 1000
  )
  const early = Effect.gen(function* () {
    yield* shortageOf(pool)
    for (let millis: number; (millis = yield* untilEarly) > 0;) yield* Effect.sleep(millis)
    return yield* lookEarly
  })

  // It may be built in somebody's async context, and looks for everybody.
  const fork = (looks: Effect.Effect<unknown>) => Effect.forkScoped(outOfAsyncContext(looks))
  const ticks = yield* Ticking.make(pool, scalingIntervalMillis)
  yield* fork(ticks.each(tick))
  if (scalingIntervalMillis > earlyMillis) yield* fork(Effect.repeat(early, { while: (open) => open }))

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
        hasFailed = false
        return start
      }),
    decisions: Stream.fromPubSub(decisions),
    recent: Effect.sync(() => [...kept]),
    explain: Effect.map(pool.snapshot, (snapshot) => {
      const decided = last === undefined ? `Pool "${pool.name}" has not had a tick yet.` : ScalingDecision.explain(last)
      return [decided, ...changes(known, { policy, isHeld, ...snapshot })].join(" ")
    })
  })
})

/** `make` as a layer. Fails with `InvalidPoolConfig` when an option of the policy is wrong. */
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

/** Waits for the next request that finds no idle worker. */
const shortageOf = (pool: WorkerPool["Service"]): Effect.Effect<void> =>
  Effect.callback((resume) => Effect.sync(shortages.listen(pool, () => resume(Effect.void))))

/** What says how many workers there are to be. */
interface InForce extends Pick<PoolSnapshot, "state" | "paused" | "target" | "minWorkers" | "maxWorkers"> {
  readonly policy: ScalingPolicy
  readonly isHeld: boolean
}

/** What holds now and did not before, as sentences. */
const changes = (before: InForce, now: InForce): ReadonlyArray<string> => {
  const { isHeld, maxWorkers, minWorkers, paused, policy, state, target } = now
  if (state !== "open") return [`The pool is ${state}, and its number of workers stays.`]
  const isMoved = target !== before.target
  return [
    isHeld && (!before.isHeld || isMoved) && `Now somebody holds ${ScalingDecision.count(target)} by hand.`,
    !isHeld && before.isHeld && "Nobody holds the number of workers by hand any more: the next tick decides.",
    policy !== before.policy && `The policy is now "${policy.name}", from the next tick on.`,
    (minWorkers !== before.minWorkers || maxWorkers !== before.maxWorkers) &&
      `The bounds are now ${minWorkers} to ${ScalingDecision.count(maxWorkers)}.`,
    !isHeld && isMoved && `Since then it was set to ${ScalingDecision.count(target)}.`,
    paused !== before.paused && (paused ? "It is paused now." : "It is no longer paused.")
  ].filter((sentence) => sentence !== false)
}

const report = (decision: ScalingDecision.ScalingDecision): Effect.Effect<void> => {
  const { after, before, cause, heldBack, policy, proposed, reason, signals, wanted } = decision
  return Effect.gen(function* () {
    const span = yield* Effect.currentSpan
    const { handlers: _, limits: __, ...counts } = signals
    const decided = { cause, policy, before, after, wanted, proposed, reason, heldBack: heldBack ?? "nothing" }
    span.event("ScalingDecision", yield* Clock.currentTimeNanos, { ...counts, ...decided })
    yield* Effect.logDebug(ScalingDecision.explain(decision))
  }).pipe(Effect.withSpan("WorkerPool.scale", { attributes: { pool: signals.pool }, root: true }), Effect.ignore)
}

type Outcome = Pick<ScalingDecision.ScalingDecision, "after" | "heldBack">

/** What a tick does while somebody holds the number by hand. */
const holding = ({ wanted, workers }: Proposal<unknown>, target: number) => ({
  after: target,
  heldBack: (wanted ?? workers) === target ? undefined : ("manual" as const)
})

/** The nearest number of workers within the bounds, rounded up, and what it ran into. A wish that is no number changes nothing. */
const bounded = (
  { heldBack, workers }: Proposal<unknown>,
  { maxWorkers, minWorkers, target }: PoolSnapshot
): Outcome => {
  const whole = Math.ceil(workers)
  if (Number.isNaN(whole)) return { after: target, heldBack }
  if (whole > maxWorkers) return { after: maxWorkers, heldBack: "maxWorkers" }
  return whole < minWorkers ? { after: minWorkers, heldBack: "minWorkers" } : { after: whole, heldBack }
}
