/** The packages that a store on PostgreSQL asks for. Nothing else of the library loads them. */
import { Effect } from "effect"
import type * as Pg from "pg"
import type * as PgBoss from "pg-boss"
import { PoolError } from "../../index.ts"

export interface Packages {
  readonly pg: typeof Pg
  readonly pgBoss: typeof PgBoss
}

/** Fails with reason `missingPackage`, and the package's name, where one is not installed. */
export const load: Effect.Effect<Packages, PoolError.StoreUnavailable> = Effect.suspend(() =>
  Effect.all({
    pg: loaded("pg", () => import("pg").then((module) => module.default as unknown as typeof Pg)),
    pgBoss: loaded("pg-boss", () => import("pg-boss"))
  })
)

const loaded = <A>(name: string, load: () => Promise<A>) =>
  Effect.tryPromise({
    try: load,
    catch: (error) => {
      const isMissing = (error as { readonly code?: unknown }).code === "ERR_MODULE_NOT_FOUND"
      const detail = isMissing ? `${name}: install it beside effect-worker-pool` : `${name}: ${String(error)}`
      return new PoolError.StoreUnavailable({ reason: "missingPackage", detail })
    }
  })
