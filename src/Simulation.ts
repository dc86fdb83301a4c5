/**
 * Tries a policy before it is deployed: the real queue, pool and scaler on virtual time, under a load that is drawn from a
 * seed. The same options give the same report, byte for byte. An export of its own, `effect-worker-pool/Simulation`.
 */
import {
  Cause,
  Clock,
  Context,
  type Duration,
  Effect,
  Exit,
  Layer,
  Metric,
  Predicate,
  Random,
  References,
  Result,
  Scope,
  Stream
} from "effect"
import * as ElasticPool from "./ElasticPool.ts"
import * as Handlers from "./Handlers.ts"
import { inAsyncContext } from "./internal/asyncContext.ts"
import * as checks from "./internal/checks.ts"
import { gaugesOf } from "./internal/gauges.ts"
import { FirstTick } from "./internal/ticking.ts"
import * as PoolConfig from "./PoolConfig.ts"
import { InvalidPoolConfig } from "./PoolError.ts"
import type { ScalingDecision } from "./ScalingDecision.ts"
import * as ScalingPolicy from "./ScalingPolicy.ts"
import * as Arrivals from "./simulation/loads.ts"
import { type Ended, Meter, type MeterOptions } from "./simulation/meter.ts"
import { generator } from "./simulation/random.ts"
import type { Decision, Figures } from "./simulation/report.ts"
import * as ServiceTimes from "./simulation/serviceTimes.ts"
import { VirtualTime } from "./simulation/virtualTime.ts"
import { type Downstream, type Job, type Outage, jobs, Workload } from "./simulation/workload.ts"

export { Arrivals, ServiceTimes }
export type { Decision, Downstream, Figures, Outage }
export type { Group, Groups, KeyGroup, PriorityGroup, Quantiles, Window, Worth } from "./simulation/report.ts"

/** A load, a pool and a policy. A wrong option fails the run with `InvalidPoolConfig`. */
export interface Options {
  /** The options of the pool. Arrivals do not wait at the door unless `strategy` says so: its default here is `"dropping"`. */
  readonly pool?: Omit<ElasticPool.Options, "scaling" | "name"> | undefined
  /** Default `ScalingPolicy.adaptive()`. */
  readonly policy?: ScalingPolicy.ScalingPolicy | undefined
  /** When requests come, of which types, and whose they are. */
  readonly arrivals: Arrivals.Arrivals
  /** How long their handlers work. */
  readonly service: ServiceTimes.ServiceTimes
  /** The share of the attempts that fail, at the end of their time; or that of each type, where the others do not fail. From 0 to 1. Default `0`. */
  readonly failures?: number | Readonly<Record<string, number>> | undefined
  /** What the handlers call. Default: nothing slows them down. */
  readonly downstream?: Downstream | undefined
  /** How long requests arrive. The run lasts until the last of them has ended. Above zero. */
  readonly duration: Duration.Input
  /** What arrives before is left out of the figures. At least zero. Default 0. */
  readonly warmup?: Duration.Input | undefined
  /** When the scaler first looks, counted from the start; then each interval. Above zero. Default: after an interval. */
  readonly firstTick?: Duration.Input | undefined
  /** Seeds all random numbers. Default `1`. */
  readonly seed?: string | number | undefined
  /** What `windowsWithinTarget` compares with. Default 100 ms. */
  readonly waitTarget?: Duration.Input | undefined
  /** How long after its arrival the answer to a request is worth something. Above zero. Default: for as long as it takes, and nobody counts. */
  readonly worth?: Duration.Input | undefined
  /** The time of day at the start, in milliseconds since 1970. Default 0. */
  readonly epochMillis?: number | undefined
  /** Hears of each request's end, in the order of the ends. */
  readonly onEnd?: ((request: SimulatedRequest) => void) | undefined
  /** Hears of each start of an attempt, and at which millisecond of the run that is. */
  readonly onAttempt?: ((request: Readonly<Job>, atMillis: number) => void) | undefined
  /** Hears now and then how far the run is, from 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
}

/** What became of one request; instants in milliseconds since the start. */
export interface SimulatedRequest extends Readonly<Job> {
  /** How it ended. */
  readonly end: Ended
  /** When it ended. */
  readonly endedAt: number
}

/** How long the host waits for its turn while a simulation runs. */
const sliceMillis = 50
/**
 * Runs one simulation and tells its figures. It keeps the thread for 50 ms at a time and then lets others have a turn.
 * Interrupting it closes its pool and tells nothing. A policy that throws makes it die of what was thrown.
 */
export const run = (options: Options): Effect.Effect<Figures, InvalidPoolConfig> =>
  Effect.suspend(() => {
    const settings = check(options)
    return settings instanceof InvalidPoolConfig ? settings : start(options, settings)
  })

const start = (options: Options, settings: Settings): Effect.Effect<Figures, InvalidPoolConfig> =>
  Effect.gen(function* () {
    const { arrivals, onEnd, seed = 1, service } = options
    const host = yield* Clock.Clock
    const time = new VirtualTime(options.epochMillis ?? 0)
    const meter = new Meter(settings)
    const workload = new Workload(arrivals.types, {
      failures: options.failures ?? 0,
      downstream: options.downstream,
      now: () => time.millis,
      onStart: (job) => {
        meter.onStart(job, time.millis)
        options.onAttempt?.(job, time.millis)
      },
      onRetry: (job) => {
        meter.onRetry(job)
        options.onAttempt?.(job, time.millis)
      },
      isServedAsked: settings.worthMillis !== undefined,
      onServed: (job, millis) => meter.onServed(job, time.millis - millis, time.millis)
    })
    const fork = Effect.runForkWith(
      time.inhabit(
        Context.make(Random.Random, generator(`${seed}/pool`)).pipe(
          Context.add(References.MinimumLogLevel, "None"),
          Context.add(Metric.MetricRegistry, new Map())
        )
      )
    )
    // Nobody's async context: to move from one into another takes a turn of the host's, which is not of this world.
    const within = <A>(step: () => A): A => inAsyncContext(undefined, step)
    const policy = new Watched(options.policy ?? ScalingPolicy.adaptive())
    const scope = Scope.makeUnsafe()
    const building = ElasticPool.make({ ...settings.pool, scaling: policy }).pipe(
      Effect.provide(Layer.succeed(Handlers.Handlers, workload.handlers)),
      Effect.provideService(FirstTick, settings.firstTickMillis),
      Scope.provide(scope)
    )
    const { pool, scaler } = yield* within(() => time.runNow(() => fork(building)))
    const decisions: Array<Decision> = []
    within(() => fork(Stream.runForEach(scaler.decisions, (decision) => Effect.sync(() => note(decisions, decision)))))

    const coming = jobs(arrivals, service, settings.durationMillis, String(seed))
    let outstanding = 0
    let areComing = true
    const expectNext = () => {
      const { done, value: job } = coming.next()
      if (done === true) areComing = false
      else time.at(job.atMillis, () => arrive(job))
    }
    const arrive = (job: Job) => {
      meter.onArrival(job)
      outstanding++
      const options =
        job.key === undefined && job.priority === undefined ? undefined : { key: job.key, priority: job.priority }
      fork(pool.execute(workload.handlers.get(job.type)!.rpc, job as never, options)).addObserver((exit) => {
        outstanding--
        const tag = tagOf(exit)
        const end = tag === undefined ? "completed" : (ends[tag] ?? "failed")
        meter.onEnd(job, end, time.millis, tag === "RequestShed")
        onEnd?.({ ...job, end, endedAt: time.millis })
      })
      expectNext()
    }
    const gauges = gaugesOf(pool)
    const isRunning = () => areComing || outstanding > 0 || time.millis < settings.durationMillis
    const passTime = Effect.gen(function* () {
      expectNext()
      // However far apart the ticks are, what lasts to the end of the arrivals ends there.
      time.at(settings.durationMillis, () => {})
      meter.onInstant(0, gauges())
      let sliceEnd = host.currentTimeMillisUnsafe() + sliceMillis
      while (isRunning() && policy.defect === undefined && within(() => time.advance())) {
        meter.onInstant(time.millis, gauges())
        if (host.currentTimeMillisUnsafe() < sliceEnd) continue
        options.onProgress?.(Math.min(1, time.millis / settings.durationMillis))
        yield* Effect.yieldNow
        sliceEnd = host.currentTimeMillisUnsafe() + sliceMillis
      }
      if (policy.defect !== undefined) return yield* Effect.die(policy.defect.cause)
      return { policy: policy.name, ...meter.finish(time.millis), decisions }
    })
    // Interrupted or not, the pool is closed.
    return yield* Effect.ensuring(
      passTime,
      Effect.sync(() => within(() => time.runToEnd(() => fork(Scope.close(scope, Exit.void)))))
    )
  })

/** The same policy. A pool goes on when its policy throws; a simulation of such a policy would say nothing about it. */
class Watched implements ScalingPolicy.ScalingPolicy {
  defect: { readonly cause: unknown } | undefined
  readonly name: string
  readonly initial: unknown
  readonly startsWith: number | undefined
  readonly invalid: InvalidPoolConfig | undefined
  readonly decide: ScalingPolicy.ScalingPolicy["decide"]
  readonly early: ScalingPolicy.ScalingPolicy["early"]

  constructor(policy: ScalingPolicy.ScalingPolicy) {
    this.decide = (signals, state) => this.watch(() => policy.decide(signals, state), signals, state)
    const { early } = policy
    this.early =
      typeof early === "function"
        ? (signals, state) => this.watch(() => early.call(policy, signals, state), signals, state)
        : early
    this.name = policy.name
    this.initial = policy.initial
    this.startsWith = policy.startsWith
    this.invalid = policy.invalid
  }

  private watch(
    decide: () => ScalingPolicy.Proposal<unknown>,
    { target }: ScalingPolicy.ScalingSignals,
    state: unknown
  ): ScalingPolicy.Proposal<unknown> {
    try {
      return decide()
    } catch (cause) {
      this.defect = { cause }
      return { workers: target, reason: "it has thrown", state }
    }
  }
}

const note = (decisions: Array<Decision>, decision: ScalingDecision): void => {
  const { after, before, cause, heldBack, reason, signals, wanted } = decision
  if (after === before) return
  decisions.push({ atMillis: signals.atMillis, cause, before, after, wanted, heldBack: heldBack ?? null, reason })
}

/** That of its error; `undefined`: it has none. */
const tagOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  return Predicate.hasProperty(error, "_tag") ? String(error._tag) : ""
}

const ends: Readonly<Record<string, Ended>> = {
  QueueFull: "refused",
  RequestExpired: "expired",
  RequestTimeout: "timedOut",
  RequestEvicted: "evicted",
  RequestShed: "evicted",
  CircuitOpen: "refused",
  RequestInterrupted: "interrupted"
}

interface Settings extends MeterOptions {
  readonly pool: ElasticPool.Options
  readonly durationMillis: number
}

const invalidOutage = ({ fromMillis, untilMillis }: Outage): InvalidPoolConfig | undefined =>
  checks.finite("downstream.outages.fromMillis", fromMillis) ??
  (untilMillis > fromMillis
    ? undefined
    : checks.wrong("downstream.outages.untilMillis", `above ${fromMillis}`, untilMillis))

const invalidFailures = (failures: NonNullable<Options["failures"]>): InvalidPoolConfig | undefined =>
  typeof failures === "number"
    ? checks.within(0, 1)("failures", failures)
    : Object.entries(failures)
        .map(([type, share]) => checks.within(0, 1)(`failures.${type}`, share))
        .find((invalid) => invalid !== undefined)

const check = (options: Options): Settings | InvalidPoolConfig => {
  const { arrivals, downstream, failures = 0, service } = options
  const durationMillis = checks.millis("duration", options.duration)
  const warmupMillis = checks.millis("warmup", options.warmup ?? 0, 0)
  const waitTargetMillis = checks.millis("waitTarget", options.waitTarget ?? 100)
  const worthMillis = options.worth === undefined ? undefined : checks.millis("worth", options.worth)
  const firstTickMillis = options.firstTick === undefined ? undefined : checks.millis("firstTick", options.firstTick)
  const pool = { strategy: "dropping" as const, ...options.pool, name: "simulation" }
  const config = PoolConfig.make(pool)
  if (typeof durationMillis !== "number") return durationMillis
  if (typeof warmupMillis !== "number") return warmupMillis
  if (typeof waitTargetMillis !== "number") return waitTargetMillis
  if (typeof firstTickMillis === "object") return firstTickMillis
  if (typeof worthMillis === "object") return worthMillis
  if (Result.isFailure(config)) return config.failure
  const invalid =
    arrivals.invalid ??
    service.invalid ??
    invalidFailures(failures) ??
    (warmupMillis < durationMillis ? undefined : checks.wrong("warmup", "shorter than the duration", options.warmup)) ??
    (downstream === undefined
      ? undefined
      : (checks.above(0)("downstream.capacity", downstream.capacity ?? 1) ??
        checks.above(0)("downstream.exponent", downstream.exponent ?? 2) ??
        (downstream.outages ?? []).map(invalidOutage).find((invalid) => invalid !== undefined)))
  if (invalid !== undefined) return invalid
  const { rateAt, stepAt } = arrivals
  const capacity =
    stepAt === undefined || rateAt === undefined
      ? undefined
      : { atMillis: stepAt, workers: (rateAt(stepAt, durationMillis) * service.meanMillis) / 1000 }
  const tickMillis = config.success.scalingIntervalMillis
  return { pool, durationMillis, warmupMillis, waitTargetMillis, worthMillis, tickMillis, firstTickMillis, capacity }
}
