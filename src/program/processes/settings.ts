/** How many processes serve, and what each has of the settings of all: what cannot be divided is refused. */
import { Effect } from "effect"
import { BadUsage } from "../errors.ts"
import { parsePolicy } from "../settings/policyFlag.ts"
import type { PoolSettings } from "../settings/poolSettings.ts"
import { expected, type Found } from "../settings/sources.ts"
import type { Name } from "../settings/table.ts"
import { countsOfPolicy, sharedLimit, sharedPolicy, shareOf, undividable } from "./shares.ts"

/** `undefined`: one, without more. */
export const processesOf = (
  { origins, values }: Found,
  { config, policy, pool }: PoolSettings
): Effect.Effect<number | undefined, BadUsage> =>
  Effect.gen(function* () {
    const { processes: of } = values
    if (of === undefined) return undefined
    const { label } = origins.processes
    const refuse = (name: Name, why: string) =>
      new BadUsage({ reason: `Expected no ${origins[name].label} with ${label}: ${why}` })
    if (process.platform === "win32") return yield* expected(origins.processes, "left out on Windows", `"${of}"`)
    if (values.store !== undefined && values.store !== "none") {
      return yield* refuse(
        "store",
        "services on one store answer for each other; start several, each on a port of its own"
      )
    }
    if (values.record !== undefined) return yield* refuse("record", "each process would write the file")
    if (values.advice === true) return yield* refuse("advice", "each process knows its own load alone")
    const atLeast = (name: Name, got: unknown) =>
      typeof got === "number" && got < of
        ? expected(origins[name], `at least ${label} (${of}), each process has its share`, String(got))
        : Effect.void
    // By default there are as many workers as threads.
    yield* atLeast("threads", values.threads)
    yield* atLeast("maxWorkers", config.maxWorkers)
    yield* atLeast("capacity", config.capacity)
    yield* atLeast("maxConnections", values.maxConnections)
    yield* atLeast("keyCapacity", values.keyCapacity)
    for (const count of countsOfPolicy(policy.text)) yield* atLeast("policy", count)
    for (const limit of pool.limits ?? []) {
      const small = undividable({ concurrency: limit.concurrency, rate: limit.rate }, of)
      if (small === undefined) continue
      const what = `Expected \`limits.${limit.name}.${small.field}\` of ${origins.limits.label} to be at least ${label} (${of})`
      return yield* new BadUsage({ reason: `${what}, each process has its share, got ${small.got}` })
    }
    return of
  })

type Shared = PoolSettings & { readonly keepEnds: number; readonly keepBytes: number; readonly maxConnections: number }

/** Those of the process `at` (from 0) of `of`. */
export const sharedSettings = <S extends Shared>(settings: S, at: number, of: number): Effect.Effect<S, BadUsage> =>
  Effect.gen(function* () {
    const { config, keepBytes, keepEnds, maxConnections, pool, threads } = settings
    const share = (total: number) => shareOf(total, at, of)
    const shareIfSet = (total: unknown) => (typeof total === "number" ? share(total) : undefined)
    const policy = yield* parsePolicy(sharedPolicy(settings.policy.text, at, of))
    const { keyCapacity, maxScheduled } = pool
    return {
      ...settings,
      policy,
      keepEnds: share(keepEnds),
      keepBytes: Math.floor(keepBytes / of),
      maxConnections: share(maxConnections),
      threads: threads && { ...threads, max: share(threads.max) },
      pool: {
        ...pool,
        minWorkers: share(config.minWorkers),
        maxWorkers: share(config.maxWorkers),
        capacity: config.capacity === Infinity ? "unbounded" : share(config.capacity),
        keyCapacity: typeof keyCapacity === "number" ? share(keyCapacity) : keyCapacity,
        maxScheduled: shareIfSet(maxScheduled),
        maxStuckWorkers: share(config.maxStuckWorkers),
        deadLetters: share(config.deadLetters),
        limits: (pool.limits ?? []).map((limit) => sharedLimit(limit, at, of)),
        scaling: policy.policy
      }
    }
  })
