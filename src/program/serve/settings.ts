/** What `serve` is asked for, checked: by the pool's own rules where a setting is the pool's. */
import { Effect, type Redacted } from "effect"
import type { KeyFrom } from "../../http/tenants.ts"
import { type Address, addressOf, handlersOf } from "../daemon/address.ts"
import { tokenOf } from "../daemon/token.ts"
import { BadUsage } from "../errors.ts"
import { type PoolSettings, poolSettingsOf } from "../settings/poolSettings.ts"
import { type Environment, find, type Flags, type Found, type Origin } from "../settings/sources.ts"
import { flagOf, has, type Name, names, settingOf, type Values, variableOf } from "../settings/table.ts"
import { type AdviceSettings, adviceOf } from "../advice/settings.ts"
import { processesOf } from "../processes/settings.ts"
import { keyFromOf, tokensOf } from "./tokens.ts"

export type { Flags } from "../settings/sources.ts"

export interface ServeSettings extends PoolSettings, Address {
  readonly handlers: string
  /** The operator's. */
  readonly token: Redacted.Redacted | undefined
  /** Those of tenants, by name. */
  readonly tokens: ReadonlyMap<string, Redacted.Redacted>
  readonly keyFrom: KeyFrom
  readonly maxBodyBytes: number
  readonly maxWaitMillis: number
  readonly shutdownDelayMillis: number
  readonly keepEnds: number
  readonly keepBytes: number
  readonly keepForMillis: number
  /** `undefined`: nobody is advised. */
  readonly advice: AdviceSettings | undefined
  readonly logFormat: Values["logFormat"]
  /** `undefined`: the process itself serves. */
  readonly processes: number | undefined
  /** What each of several processes has to load its handlers and listen. */
  readonly startTimeoutMillis: number
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
    const handlers = yield* handlersOf(found)
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
      const shown = settingOf(name).kind.shown?.(text) ?? text
      const value = name === "token" && from !== "default" ? "(set)" : shown
      return { name, flag: has(name, "flag") ? flagOf(name) : null, env: variableOf(name), value, from, at }
    })
  })

const check = (found: Found): Effect.Effect<Omit<ServeSettings, "handlers">, BadUsage> =>
  Effect.gen(function* () {
    const { origins, values } = found
    const pool = yield* poolSettingsOf(found)
    const advice = yield* adviceOf(found, pool.threads?.max)
    const token = yield* tokenOf(values, origins)
    const tokens = yield* tokensOf(values, origins, token)
    const keyFrom = yield* keyFromOf(values, origins)
    const address = yield* addressOf(found, token !== undefined || tokens.size > 0)
    const processes = yield* processesOf(found, pool)
    return {
      ...pool,
      ...address,
      token,
      tokens,
      keyFrom,
      maxBodyBytes: values.maxBody,
      maxWaitMillis: values.maxWait,
      shutdownDelayMillis: values.shutdownDelay,
      keepEnds: values.keepEnds,
      keepBytes: values.keepBytes,
      keepForMillis: values.keepFor,
      advice,
      logFormat: values.logFormat,
      processes,
      startTimeoutMillis: values.startTimeout
    }
  })
