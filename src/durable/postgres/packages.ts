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
    pg: loaded(() => import("pg").catch(isNotThere("pg")).then((module) => module.default as unknown as typeof Pg)),
    pgBoss: loaded(() => import("pg-boss").catch(isNotThere("pg-boss")))
  })
)

const loaded = <A>(load: () => Promise<A>) =>
  Effect.tryPromise({ try: load, catch: (error) => error as PoolError.StoreUnavailable })

/** It is caught beside its `import`: a bundler that sees that takes a package that is not installed for no error. */
const isNotThere =
  (name: string) =>
  (error: unknown): Promise<never> => {
    const isMissing = (error as { readonly code?: unknown }).code === "ERR_MODULE_NOT_FOUND"
    const detail = isMissing ? `${name}: install it beside effect-worker-pool` : `${name}: ${String(error)}`
    return Promise.reject(new PoolError.StoreUnavailable({ reason: "missingPackage", detail }))
  }
