/** What the flags of `simulate` ask for, checked: by the simulation's own rules where an option is its. */
import { Effect, Result } from "effect"
import type { PoolConfig, PoolError } from "../../index.ts"
import type { Settings } from "../../recording/header.ts"
import type * as Simulation from "../../Simulation.ts"
import { BadUsage } from "../errors.ts"
import { parseLoads } from "./labelFlags.ts"
import { parseServices } from "./loadFlags.ts"
import { parseQueue, type QueueFlags } from "./queueFlags.ts"
import { boundsFor, parsePolicy } from "../settings/policyFlag.ts"
import * as Kinds from "../settings/kinds.ts"
import { flagError, retryBudgetOf, retryOf, sheddingOf } from "../settings/poolOptions.ts"
import { millisOf, millisOr, numberOf, numberOr, shareOf } from "../settings/quantities.ts"
import { type Recording, type RecordingFlags, readSource, recordingOf, type Source } from "./recordings.ts"
import { missingOf, sheddingIn } from "./recordedPool.ts"
import { countAfter } from "./traces.ts"

/** As the command line gives them; `undefined` is not set. */
export interface Flags extends QueueFlags, RecordingFlags {
  readonly policy: ReadonlyArray<string>
  readonly arrivals: ReadonlyArray<string>
  readonly service: ReadonlyArray<string>
  readonly minWorkers: number | undefined
  readonly maxWorkers: number | undefined
  readonly capacity: string | undefined
  readonly strategy: PoolConfig.Strategy | undefined
  readonly sheddingTarget: string | undefined
  readonly sheddingInterval: string | undefined
  readonly tick: string | undefined
  readonly timeout: string | undefined
  readonly expiresIn: string | undefined
  readonly retries: number | undefined
  readonly retryBudget: string | undefined
  readonly failures: string
  readonly downstream: string | undefined
  readonly outage: ReadonlyArray<string>
  readonly worth: string | undefined
  readonly waitTarget: string
  readonly duration: string | undefined
  readonly warmup: string
  readonly seed: string
  /** Nobody asks what really happened. */
  readonly leavesReality?: boolean | undefined
}

export interface Plan {
  /** One for each policy; they differ in nothing but the policy, and in the bounds that `fixed:N` needs. */
  readonly runs: ReadonlyArray<{ readonly policy: string; readonly options: Simulation.Options }>
  /** What they have in common, for people. */
  readonly load: ReadonlyArray<readonly [name: string, value: string]>
  readonly waitTargetMillis: number
  /** Something that is no error and that one should know. */
  readonly notes: ReadonlyArray<string>
  /** What really happened, where the load was recorded. */
  readonly reality?: Simulation.Figures | undefined
}

/** `source`: the recording that the flags name, where it has been read. */
export const make = (flags: Flags, source?: Source): Effect.Effect<Plan, BadUsage> =>
  Effect.gen(function* () {
    const recording = yield* recordedBy(flags, source)
    const recorded = recording?.settings
    const known = Result.isSuccess(yield* Effect.result(parsePolicy(recorded?.policy ?? "adaptive")))
    const ownPolicy = known ? (recorded?.policy ?? "adaptive") : "adaptive"
    const policies = flags.policy.length === 0 ? [ownPolicy] : flags.policy
    const twice = policies.find((text, n) => policies.indexOf(text) < n)
    if (twice !== undefined) return yield* expected("policy", "given once for each policy", twice)
    if (recording === undefined && flags.arrivals.length === 0) {
      return yield* new BadUsage({ reason: "Expected --arrivals, or --recording, got neither" })
    }
    if (recording === undefined && flags.service.length === 0) {
      return yield* new BadUsage({ reason: "Expected --service, or --recording, got neither" })
    }
    const arrivals = recording?.load.arrivals ?? (yield* parseLoads(flags.arrivals))
    const service = hasService(flags) ? yield* parseServices(flags.service) : recording!.load.service
    const failures = shareOf(flags.failures)
    if (failures === undefined) {
      return yield* expected("failures", "a share from 0 to 1, or a percentage", flags.failures)
    }
    const duration =
      flags.duration ?? (recording === undefined ? "10m" : `${Math.max(1, Math.ceil(recording.load.durationMillis))}ms`)
    const durationMillis = millisOf(duration) ?? Number.NaN
    if (durationMillis > longestMillis) return yield* expected("duration", "at most 100 days", duration)
    const common = {
      arrivals,
      service,
      failures: recording !== undefined && flags.failures === "0" ? recording.load.failures : failures,
      downstream: yield* parseDownstream(flags),
      duration: millisOr(duration),
      warmup: millisOr(flags.warmup),
      waitTarget: millisOr(flags.waitTarget),
      worth: millisOr(flags.worth),
      seed: flags.seed,
      ...(recording === undefined ? {} : { epochMillis: recording.epochMillis }),
      firstTick: flags.tick === undefined ? recording?.firstTickMillis : undefined
    }
    const own = poolOf(flags, recorded)
    const queue = yield* parseQueue(flags)
    const retryBudget = yield* Effect.fromResult(Kinds.read("--retry-budget", Kinds.retryBudget, flags.retryBudget))
    // One that is no time is refused by the simulation, and by its own name.
    const waitTarget = millisOf(flags.waitTarget) ?? 0
    const runs = yield* Effect.forEach(policies, (text) =>
      Effect.gen(function* () {
        const named = yield* parsePolicy(text, { waitTarget: waitTarget > 0 ? waitTarget : undefined })
        const fixedAbove = named.fixed !== undefined && flags.maxWorkers === undefined && recorded !== undefined
        const bounds = {
          minWorkers: own.minWorkers,
          maxWorkers: fixedAbove ? undefined : (flags.maxWorkers ?? recorded?.maxWorkers)
        }
        const maxWorkers = yield* boundsFor(named, bounds)
        // One that begins nowhere in particular goes on from where the pool was.
        const policy = { ...named.policy, startsWith: named.policy.startsWith ?? recording?.workers }
        const pool = { ...own, ...definedOf(queue), maxWorkers, retryBudget: retryBudgetOf(retryBudget) }
        return { policy: text, options: { ...common, policy, pool } }
      })
    )
    const recordings = flags.arrivals.filter((text) => text.startsWith("csv:"))
    const isTrace = recording === undefined && recordings.length === flags.arrivals.length
    const late = isTrace ? countAfter(arrivals, durationMillis) : 0
    return {
      runs,
      load: describe({ ...flags, duration, retries: flags.retries ?? 0 }),
      waitTargetMillis: waitTarget,
      notes:
        late > 0
          ? [`${late} arrivals of ${recordings.join(" and ")} come after --duration ${duration}: left out`]
          : [
              ...(recording?.notes ?? []),
              ...(recorded === undefined ? [] : missingOf(flags, recorded)),
              ...(flags.policy.length === 0 && !known
                ? [
                    `the policy of the recording, "${recorded!.policy}", is none that --policy knows: adaptive takes its place`
                  ]
                : [])
            ],
      ...(recording === undefined || flags.leavesReality === true
        ? {}
        : {
            reality: recording.reality({
              warmupMillis: millisOf(flags.warmup) ?? 0,
              waitTargetMillis: waitTarget,
              tickMillis: millisOf(String(own.scalingInterval)) ?? 1000
            })
          })
    }
  })

/** What the simulation refuses, by the name of its flag. */
export const refused = (error: PoolError.InvalidPoolConfig): BadUsage =>
  flagError(error, {
    "retry.times": "retries",
    scalingInterval: "tick",
    "shedding.target": "shedding-target",
    "shedding.interval": "shedding-interval",
    "downstream.capacity": "downstream",
    "downstream.exponent": "downstream"
  })

/** Virtual time is exact for 104 days. */
const longestMillis = 100 * 24 * 3_600_000

/** What is not said is as it was recorded. */
const poolOf = (flags: Flags, recorded: Settings | undefined): NonNullable<Simulation.Options["pool"]> => ({
  minWorkers: flags.minWorkers ?? recorded?.minWorkers,
  capacity:
    flags.capacity === undefined && recorded !== undefined
      ? (recorded.capacity ?? "unbounded")
      : flags.capacity === "unbounded"
        ? flags.capacity
        : numberOr(flags.capacity),
  ...((flags.strategy ?? recorded?.strategy) === undefined ? {} : { strategy: flags.strategy ?? recorded!.strategy }),
  aging: recorded?.agingMillis,
  order: recorded?.order,
  keyCapacity: recorded?.keyCapacity,
  shedding:
    sheddingOf(millisOr(flags.sheddingTarget), millisOr(flags.sheddingInterval)) ??
    (flags.strategy === undefined ? sheddingIn(recorded) : undefined),
  scalingInterval: flags.tick === undefined ? recorded?.scalingIntervalMillis : millisOr(flags.tick),
  timeout:
    flags.timeout === undefined && recorded !== undefined
      ? (recorded.timeoutMillis ?? "none")
      : millisOr(flags.timeout),
  expiresIn:
    flags.expiresIn === undefined && recorded !== undefined
      ? (recorded.expiresInMillis ?? "none")
      : millisOr(flags.expiresIn),
  retry: retryOf(flags.retries ?? recorded?.retries ?? 0),
  deadLetters: 0,
  decisions: 0
})

/** Without what is not set. */
const definedOf = <A extends object>(options: A): Partial<A> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<A>

/** One of its own, and not what was recorded. */
const hasService = ({ recording, service }: Flags): boolean =>
  recording === undefined || service.some((text) => text !== "recorded" && text !== "redrawn")

const recordedBy = (flags: Flags, source: Source | undefined): Effect.Effect<Recording | undefined, BadUsage> => {
  const { arrivals, recording, service } = flags
  if (recording === undefined) {
    const alone = (["scale", "from", "to"] as const).find((name) => flags[name] !== undefined)
    return alone === undefined
      ? Effect.succeed(undefined)
      : new BadUsage({ reason: `Expected --${alone} to come with --recording, which it is about` })
  }
  if (arrivals.length > 0) {
    return new BadUsage({ reason: `Expected --arrivals or --recording, got both` })
  }
  const attempts = service.length === 0 || service.includes("recorded") ? "recorded" : "redrawn"
  return Effect.flatMap(source === undefined ? readSource(recording, flags) : Effect.succeed(source), (source) =>
    recordingOf(source, flags, attempts)
  )
}

const parseDownstream = ({
  downstream: text,
  outage
}: Flags): Effect.Effect<Simulation.Downstream | undefined, BadUsage> =>
  Effect.gen(function* () {
    const outages = yield* Effect.forEach(outage, parseOutage)
    if (text === undefined) return outages.length === 0 ? undefined : { outages }
    const [capacity, exponent, ...rest] = text.split(",").map(numberOf)
    if (capacity === undefined || rest.length > 0 || (exponent === undefined && text.includes(","))) {
      return yield* expected("downstream", "CAPACITY or CAPACITY,EXPONENT, two numbers above 0", text)
    }
    return { capacity, exponent, ...(outages.length === 0 ? {} : { outages }) }
  })

const parseOutage = (text: string): Effect.Effect<Simulation.Outage, BadUsage> => {
  const [fromMillis, untilMillis, ...rest] = text.split(",").map(millisOf)
  const isOne = fromMillis !== undefined && untilMillis !== undefined && rest.length === 0
  return isOne && fromMillis >= 0 && untilMillis > fromMillis
    ? Effect.succeed({ fromMillis, untilMillis })
    : expected("outage", "FROM,UNTIL, two durations such as 30s, the second above the first", text)
}

const describe = (flags: Flags): Plan["load"] => {
  const rows: Array<readonly [string, string | number | undefined]> = [
    ["arrivals", flags.recording === undefined ? flags.arrivals.join(" and ") : flags.recording],
    ["service", flags.recording !== undefined && flags.service.length === 0 ? "recorded" : flags.service.join(" and ")],
    ["from", flags.from],
    ["to", flags.to],
    ["scale", flags.scale],
    ["duration", flags.duration],
    ["warm-up", flags.warmup === "0" ? undefined : flags.warmup],
    ["seed", flags.seed],
    ["min workers", flags.minWorkers],
    ["max workers", flags.maxWorkers],
    ["capacity", flags.capacity],
    ["strategy", flags.strategy],
    ["shedding target", flags.sheddingTarget],
    ["shedding interval", flags.sheddingInterval],
    ["tick", flags.tick],
    ["timeout", flags.timeout],
    ["expires in", flags.expiresIn],
    ["retries", flags.retries === 0 ? undefined : flags.retries],
    ["retry budget", flags.retryBudget],
    ["failures", flags.failures === "0" ? undefined : flags.failures],
    ["downstream", flags.downstream],
    ...flags.outage.map((text) => ["outage", text] as const),
    ["worth", flags.worth],
    ...flags.limit.map((text) => ["limit", text] as const),
    ...flags.weight.map((text) => ["weight", text] as const),
    ["aging", flags.aging],
    ["order", flags.order],
    ["key capacity", flags.keyCapacity],
    ["wait target", flags.waitTarget]
  ]
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const]))
}

const expected = (flag: string, what: string, got: string) =>
  new BadUsage({ reason: `Expected --${flag} to be ${what}, got "${got}"` })
