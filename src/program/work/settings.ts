/** What `work` is asked for, checked: the settings of `serve`, as far as they are about a pool on a store. */
import { Effect, type Redacted } from "effect"
import { type Address, addressOf, handlersOf } from "../daemon/address.ts"
import { tokenOf } from "../daemon/token.ts"
import { BadUsage } from "../errors.ts"
import { type PoolSettings, poolSettingsOf } from "../settings/poolSettings.ts"
import { type Defaults, type Environment, find, type Flags } from "../settings/sources.ts"
import type { StoreSettings } from "../settings/store.ts"
import { flagOf, type Name, names, type Values, variableOf } from "../settings/table.ts"

export interface WorkSettings extends PoolSettings, Address {
  readonly handlers: string
  readonly store: StoreSettings
  /** What a reader of the metrics must show. */
  readonly token: Redacted.Redacted | undefined
  readonly logFormat: Values["logFormat"]
}

/** A machine may have both. */
export const defaults: Defaults = { port: "8081", name: "work" }

/** They are about taking requests. In the environment, and in a file that it shares with `serve`, they are let be. */
const ofServe = new Set<Name>([
  "processes",
  "startTimeout",
  "capacity",
  "strategy",
  "maxScheduled",
  "sheddingTarget",
  "sheddingInterval",
  "keyCapacity",
  "priority",
  "expiresIn",
  "noWorkers",
  "deadLetters",
  "shutdownDelay",
  "tokensFile",
  "keyFrom",
  "maxBody",
  "maxWait",
  "keepEnds",
  "keepBytes",
  "keepFor",
  "advice",
  "adviceTarget",
  "adviceAfter"
])

export const workNames = names.filter((name) => !ofServe.has(name))

export const make = (flags: Flags, environment: Environment = process.env): Effect.Effect<WorkSettings, BadUsage> =>
  Effect.gen(function* () {
    const found = yield* find(flags, environment, defaults)
    const handlers = yield* handlersOf(found)
    const { store, ...pool } = yield* poolSettingsOf(found)
    if (store === undefined) {
      return yield* new BadUsage({
        reason: `Expected ${flagOf("store")}, ${variableOf("store")} or \`store\` in the file of ${flagOf("config")} to name a store to work on`
      })
    }
    const token = yield* tokenOf(found.values, found.origins)
    const address = yield* addressOf(found, token !== undefined)
    return { ...pool, ...address, store, handlers, token, logFormat: found.values.logFormat }
  })
