/** The tables of a store: whether they are those of this version, and how they become so. */
import { Effect, type Scope } from "effect"
import type { EmbeddedPostgresError } from "../../durable/embedded/cluster.ts"
import type { Versions } from "../../durable/postgres/migrations.ts"
import { PoolError } from "../../index.ts"
import { folderExists } from "../durable/store.ts"
import type { StoreAddress } from "../settings/storeAddress.ts"

type Failure = PoolError.StoreUnavailable | EmbeddedPostgresError

/** How they stand. `undefined`: there is nothing yet. */
export type State =
  | { readonly state: "right" | "old"; readonly versions: Versions | undefined }
  | { readonly state: "newer"; readonly detail: string }

/** Looks, and changes nothing: where there is no folder there is none afterwards. */
export const check = (address: StoreAddress): Effect.Effect<State, Failure> =>
  Effect.scoped(
    Effect.gen(function* () {
      if (address.kind === "embedded" && !(yield* folderExists(address.directory)))
        return { state: "old", versions: undefined } as const
      const { check, isCurrent } = yield* migrations
      const versions = yield* check({ url: yield* urlOf(address) })
      return { state: isCurrent(versions) ? "right" : "old", versions } as const
    })
  ).pipe(Effect.catchIf(isOfSchema, ({ detail }) => Effect.succeed({ state: "newer", detail } as const)))

/** Makes them those of this version. */
export const migrate = (address: StoreAddress): Effect.Effect<Versions, Failure> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { migrate } = yield* migrations
      return yield* migrate({ url: yield* urlOf(address) })
    })
  )

export const isOfSchema = (error: Failure): error is PoolError.StoreUnavailable =>
  error._tag === "StoreUnavailable" && error.reason === "schema"

const migrations = Effect.promise(() => import("../../durable/postgres/migrations.ts"))

const urlOf = (address: StoreAddress): Effect.Effect<Url, EmbeddedPostgresError, Scope.Scope> =>
  address.kind === "postgres"
    ? Effect.succeed(address.url)
    : Effect.flatMap(
        Effect.promise(() => import("../../durable/embedded/cluster.ts")),
        ({ open }) => Effect.map(open({ directory: address.directory }), ({ url }) => url)
      )

type Url = Parameters<(typeof import("../../durable/postgres/migrations.ts"))["check"]>[0]["url"]
