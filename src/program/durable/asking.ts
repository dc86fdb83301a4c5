/** A look at a store from a command that neither takes requests nor works on them. */
import { Context, Effect, Layer, type Scope } from "effect"
import { Durable } from "../../durable/service.ts"
import type { PoolError } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { inSentences } from "../output/poolLogs.ts"
import { checkEnvironment, type Environment } from "../settings/environment.ts"
import { read, store as kind } from "../settings/kinds.ts"
import type { StoreAddress } from "../settings/storeAddress.ts"

import { variableOf } from "../settings/table.ts"
import { failureOf, layerOf, loaded } from "./store.ts"

/** The store of the flag, or else of the environment. `undefined`: of neither, or of `none`. */
export const addressOf = (
  flag: string | undefined,
  environment: Environment = process.env
): Effect.Effect<StoreAddress | undefined, BadUsage> =>
  Effect.gen(function* () {
    yield* checkEnvironment(environment)
    const variable = variableOf("store")
    const [label, text] = flag === undefined ? [variable, environment[variable]] : ["--store", flag]
    const address = yield* Effect.fromResult(read(label, kind, text))
    return address === "none" ? undefined : address
  })

/** The same where there must be one. */
export const neededAddress = (
  flag: string | undefined,
  environment?: Environment
): Effect.Effect<StoreAddress, BadUsage> =>
  Effect.flatMap(addressOf(flag, environment), (address) =>
    address === undefined
      ? new BadUsage({ reason: `Expected --store or ${variableOf("store")} to name a store: ${kind.expected}` })
      : Effect.succeed(address)
  )

/** The name under which others of the store see who only looks. */
export const lookers = "jobs"

/** All that can be asked and changed there, without any handler. It changes no tables. */
export const ask = (
  address: StoreAddress
): Effect.Effect<Durable["Service"], BadUsage | PoolError.StoreUnavailable, Scope.Scope> =>
  Effect.flatMap(loaded, (all) =>
    all.layerClient({ name: lookers }).pipe(
      Layer.provide(layerOf(address, { migrates: false })),
      Layer.build,
      Effect.map(Context.get(Durable)),
      Effect.mapError(failureOf),
      // Standard output is for the answer alone.
      inSentences((text) => void process.stderr.write(`${text}\n`), { changes: false })
    )
  )
