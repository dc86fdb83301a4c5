/** What `serve` is asked for, checked: by the pool's own rules where a setting is the pool's. */
import { Effect, type Redacted, Result } from "effect"
import { isLoopback } from "../../http/guard.ts"
import type { KeyFrom } from "../../http/tenants.ts"
import { type ElasticPool, PoolConfig } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { boundsFor, type NamedPolicy, parsePolicy } from "../settings/policyFlag.ts"
import { limitError, limitsFrom, retryOf } from "../settings/poolOptions.ts"
import { type Environment, expected, find, type Flags, type Found, type Origin } from "../settings/sources.ts"
import { type Threads, threadsOf } from "../settings/threads.ts"
import { flagOf, has, type Name, names, type Values, variableOf } from "../settings/table.ts"
import { keyFromOf, tokenOf, tokensOf } from "./tokens.ts"

export type { Flags } from "../settings/sources.ts"

export interface ServeSettings {
  readonly handlers: string
  /** Whether, and how, they run on threads. */
  readonly threads: Threads | undefined
  readonly host: string
  readonly port: number
  readonly pool: ElasticPool.Options
  readonly policy: NamedPolicy
  /** The pool's options as it will read them. */
  readonly config: PoolConfig.PoolConfig["Service"]
  /** The operator's. */
  readonly token: Redacted.Redacted | undefined
  /** Those of tenants, by name. */
  readonly tokens: ReadonlyMap<string, Redacted.Redacted>
  readonly keyFrom: KeyFrom
  readonly maxBodyBytes: number
  readonly maxConnections: number
  readonly requestTimeoutMillis: number
  readonly headersTimeoutMillis: number
  readonly maxWaitMillis: number
  readonly shutdownDelayMillis: number
  readonly keepEnds: number
  readonly keepBytes: number
  readonly keepForMillis: number
  readonly logFormat: Values["logFormat"]
}

/** One setting that is in force, and where it came from. */
export interface Row {
  readonly name: Name
  /** `null` for what has no flag. */
  readonly flag: string | null
  readonly env: string
  /** Never a secret. */
  readonly value: string
  readonly from: Origin["from"]
  /** The flag, the variable or the path of the file. */
  readonly at: string
}

export const make = (flags: Flags, environment: Environment = process.env): Effect.Effect<ServeSettings, BadUsage> =>
  Effect.gen(function* () {
    const found = yield* find(flags, environment)
    const { handlers } = found.values
    if (handlers === undefined) {
      return yield* new BadUsage({
        reason: `Expected ${flagOf("handlers")}, ${variableOf("handlers")} or \`handlers\` in the file of ${flagOf("config")} to name a module of handlers`
      })
    }
    return { ...(yield* check(found)), handlers }
  })

/** The same, checked the same, for people to see; the handlers may be missing. */
export const table = (
  flags: Flags,
  environment: Environment = process.env
): Effect.Effect<ReadonlyArray<Row>, BadUsage> =>
  Effect.gen(function* () {
    const found = yield* find(flags, environment)
    const { config, headersTimeoutMillis, tokens } = yield* check(found)
    // These follow others when they are not set.
    const derived: Partial<Record<Name, string>> = {
      maxWorkers: String(config.maxWorkers),
      keyFrom: tokens.size > 0 ? "token" : "query",
      headersTimeout: headersTimeoutMillis < 10_000 ? found.origins.requestTimeout.text! : "10s"
    }
    return names.map((name) => {
      const { at, from, text = derived[name] ?? "(not set)" } = found.origins[name]
      const value = name === "token" && from !== "default" ? "(set)" : text
      return { name, flag: has(name, "flag") ? flagOf(name) : null, env: variableOf(name), value, from, at }
    })
  })

const check = ({ origins, values }: Found): Effect.Effect<Omit<ServeSettings, "handlers">, BadUsage> =>
  Effect.gen(function* () {
    const policy = yield* parsePolicy(values.policy).pipe(Effect.mapError(relabel(origins)))
    const { isolate, threadMemory, threads: ofThreads } = origins
    const threads = yield* Effect.fromResult(
      threadsOf(values, { threads: ofThreads.label, isolate: isolate.label, threadMemory: threadMemory.label })
    )
    const maxWorkers = yield* boundsFor(policy, values, threads?.max).pipe(Effect.mapError(relabel(origins)))
    const { capacity, deadLetters, decisions, drainDeadline, drainGrace, expiresIn, interruptGrace } = values
    const { maxStuckWorkers, minWorkers, name, scalingInterval, strategy, timeout } = values
    const { aging, forgetKeys, keyCapacity, order, priority } = values
    const limits = yield* Effect.fromResult(limitsFrom(values.limits, origins.limits.label))
    const pool: ElasticPool.Options = {
      name,
      minWorkers,
      maxWorkers,
      capacity,
      strategy,
      timeout,
      expiresIn,
      retry: retryOf(values.retries),
      scalingInterval,
      interruptGrace,
      drainDeadline,
      drainGrace,
      maxStuckWorkers,
      deadLetters,
      decisions,
      limits,
      priority,
      aging,
      keyCapacity,
      forgetKeys,
      order,
      scaling: policy.policy
    }
    const config = PoolConfig.make(pool)
    if (Result.isFailure(config)) {
      const { actual, field, expected: what } = config.failure
      if (field.startsWith("limits")) return yield* limitError(config.failure, origins.limits.label)
      return yield* expected(origins[field === "retry.times" ? "retries" : (field as Name)], what, actual)
    }
    const token = yield* tokenOf(values, origins)
    const tokens = yield* tokensOf(values, origins, token)
    const keyFrom = yield* keyFromOf(values, origins)
    const { host, keepBytes, keepEnds, logFormat, maxConnections, port, requestTimeout } = values
    if (token === undefined && tokens.size === 0 && !isLoopback(host)) {
      const what = "an address that only this machine reaches, such as 127.0.0.1, while there is no token"
      const advice = `to let others in, set ${variableOf("token")} or ${flagOf("tokenFile")}`
      return yield* expected(origins.host, what, `"${host}"; ${advice}`)
    }
    const headersTimeoutMillis = values.headersTimeout ?? Math.min(10_000, requestTimeout)
    if (headersTimeoutMillis > requestTimeout) {
      const most = `at most ${origins.requestTimeout.label} (${origins.requestTimeout.text})`
      return yield* expected(origins.headersTimeout, most, `"${origins.headersTimeout.text}"`)
    }
    return {
      threads,
      host,
      port,
      pool,
      policy,
      config: config.success,
      token,
      tokens,
      keyFrom,
      maxBodyBytes: values.maxBody,
      maxConnections,
      requestTimeoutMillis: requestTimeout,
      headersTimeoutMillis,
      maxWaitMillis: values.maxWait,
      shutdownDelayMillis: values.shutdownDelay,
      keepEnds,
      keepBytes,
      keepForMillis: values.keepFor,
      logFormat
    }
  })

/** What is said of the flags of the policy and its bounds, said of where they came from. */
const relabel = (origins: Found["origins"]) => (error: BadUsage) => {
  const reason = error.reason
    .replace(/^Expected --policy/, () => `Expected ${origins.policy.label}`)
    .replace(/ --min-workers(?= \()/, () => ` ${origins.minWorkers.label}`)
    .replace(/ --max-workers(?= \()/, () => ` ${origins.maxWorkers.label}`)
  return new BadUsage({ reason })
}
