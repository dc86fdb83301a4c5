/** The tables of a store, those of pg-boss and ours, and whether they are the ones that this version can use. */
import { Effect, Redacted, type Scope } from "effect"
import { PoolError } from "../../index.ts"
import { asked, type Connection, inTurn, make as connect, within } from "./connection.ts"
import { isSchema, make as namesOf, type Names } from "./names.ts"
import { load, type Packages } from "./packages.ts"

/** Which tables there are, and which this version writes. `undefined`: none. */
export interface Versions {
  readonly schema: string
  /** Of pg-boss. */
  readonly queue: { readonly found: number | undefined; readonly wanted: number | undefined }
  /** Of ours. */
  readonly pool: { readonly found: number | undefined; readonly wanted: number }
}

export interface Options {
  readonly url: string | Redacted.Redacted
  /** Default `"worker_pool"`. */
  readonly schema?: string | undefined
}

/** Looks, and changes nothing. Fails where the tables are of a newer version: nothing here can use them. */
export const check = (options: Options): Effect.Effect<Versions, PoolError.StoreUnavailable> =>
  Effect.scoped(Effect.flatMap(opened(options), ({ connection, names, packages }) => look(connection, names, packages)))

/** Creates the tables, or brings them to this version; an index may take its time. Processes of the version before can go on with them. */
export const migrate = (options: Options): Effect.Effect<Versions, PoolError.StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { connection, names, packages } = yield* opened(options)
      yield* look(connection, names, packages)
      const boss = new packages.pgBoss.PgBoss({
        ...quiet,
        db: connection.database,
        schema: names.schema,
        migrate: true
      })
      boss.on("error", () => {})
      yield* Effect.ensuring(
        asked(() => boss.start()),
        Effect.promise(() => boss.stop({ close: false, graceful: false }).catch(() => {}))
      )
      yield* migrateOurs(connection, names)
      return yield* look(connection, names, packages)
    })
  )

/** Everything that pg-boss does by itself is left out, or comes as seldom as can be. */
export const quiet = {
  supervise: false,
  schedule: false,
  reindex: false,
  registerInstance: false,
  useListenNotify: false,
  persistWarnings: false,
  monitorIntervalSeconds: 1,
  queueCacheIntervalSeconds: 3_600,
  bamIntervalSeconds: 3_600,
  flowIntervalSeconds: 86_400,
  warningQueueSize: 2_000_000_000
} as const

/** Whether nothing is to be migrated. */
export const isCurrent = ({ pool, queue }: Versions): boolean =>
  pool.found === pool.wanted && queue.found !== undefined && queue.found === (queue.wanted ?? queue.found)

export const look = Effect.fnUntraced(function* (connection: Connection, names: Names, { pgBoss }: Packages) {
  const found = Effect.fnUntraced(function* (table: string) {
    const [there] = yield* connection.query("SELECT to_regclass($1) IS NOT NULL AS is", [table])
    if (there.is !== true) return undefined
    const [row] = yield* connection.query(`SELECT version::int AS version FROM ${table}`)
    return row?.version as number | undefined
  })
  const wanted = /version\s*\(version\)\s*VALUES\s*\('?(\d+)/i.exec(pgBoss.getConstructionPlans(names.schema))?.[1]
  const versions: Versions = {
    schema: names.schema,
    queue: {
      found: yield* found(`${names.schema}.version`),
      wanted: wanted === undefined ? undefined : Number(wanted)
    },
    pool: { found: yield* found(names.version), wanted: steps.length }
  }
  for (const [whose, { found, wanted }] of [
    ["pg-boss's tables", versions.queue],
    ["its tables", versions.pool]
  ] as const) {
    if (found === undefined || wanted === undefined || found <= wanted) continue
    return yield* refused(
      `in schema "${names.schema}" ${whose} are of version ${found}, and this process knows those up to ${wanted}: update effect-worker-pool and pg-boss here`
    )
  }
  return versions
})

/** For a process that is not to migrate. */
export const mustBeCurrent = ({ pool, queue, schema }: Versions): Effect.Effect<void, PoolError.StoreUnavailable> =>
  Effect.asVoid(
    refused(
      pool.found === undefined && queue.found === undefined
        ? `there are no tables in schema "${schema}" yet; "worker-pool store migrate" makes them`
        : `in schema "${schema}" its tables are of version ${pool.found ?? "none"} and pg-boss's of ${queue.found ?? "none"}, and this process needs ${pool.wanted} and ${queue.wanted ?? "any"}; "worker-pool store migrate" brings them there`
    )
  )

const refused = (detail: string) => Effect.fail(new PoolError.StoreUnavailable({ reason: "schema", detail }))

const migrateOurs = (connection: Connection, names: Names) =>
  connection.transaction(
    Effect.fnUntraced(function* (database) {
      const run = (text: string, values?: Array<unknown>) => within(() => database.executeSql(text, values))
      yield* run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`effect-worker-pool.${names.schema}`])
      yield* run(`CREATE TABLE IF NOT EXISTS ${names.version} (version int NOT NULL)`)
      const { rows } = yield* run(`SELECT version FROM ${names.version}`)
      const found: number = rows[0]?.version ?? 0
      // Another process, of a newer version, may have been quicker.
      if (found >= steps.length) return
      yield* inTurn(steps.slice(found), (step) => run(step(names)))
      yield* run(
        rows.length === 0 ? `INSERT INTO ${names.version} VALUES ($1)` : `UPDATE ${names.version} SET version = $1`,
        [steps.length]
      )
    })
  )

/** How each version comes out of the one before. They only add, so that processes of the version before can go on. */
const steps: ReadonlyArray<(names: Names) => string> = [
  ({ expiry, outcome, pause, process, tally }) => `
    CREATE TABLE ${outcome} (
      id uuid NOT NULL,
      queue text NOT NULL,
      "end" text NOT NULL,
      exit text NOT NULL,
      attempts int NOT NULL,
      deliveries int NOT NULL,
      waited_millis float8 NOT NULL,
      ran_millis float8 NOT NULL,
      resubmitted_from text,
      process uuid,
      key text,
      is_dead bool NOT NULL,
      created_on timestamptz NOT NULL,
      sequence bigint NOT NULL,
      ended_at timestamptz NOT NULL,
      forget_at timestamptz NOT NULL,
      PRIMARY KEY (id, queue)
    );
    CREATE INDEX pool_outcome_listed ON ${outcome} (queue, "end", created_on);
    CREATE INDEX pool_outcome_dead ON ${outcome} (queue, created_on) WHERE is_dead;
    CREATE INDEX pool_outcome_key ON ${outcome} (key, created_on) WHERE key IS NOT NULL;
    CREATE INDEX pool_outcome_forgotten ON ${outcome} (forget_at);
    CREATE TABLE ${process} (
      id uuid PRIMARY KEY,
      pool text NOT NULL,
      host text NOT NULL,
      pid int NOT NULL,
      role text NOT NULL,
      queues text[] NOT NULL,
      deliveries int NOT NULL,
      keep_outcomes_millis float8 NOT NULL,
      started_at timestamptz NOT NULL,
      seen_at timestamptz NOT NULL,
      left_at timestamptz,
      mourned_at timestamptz,
      says text,
      held uuid[] NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE ${tally} (
      process uuid NOT NULL,
      kind text NOT NULL,
      amount bigint NOT NULL,
      PRIMARY KEY (process, kind)
    ) WITH (fillfactor = 50);
    CREATE TABLE ${pause} (name text PRIMARY KEY);
    CREATE TABLE ${expiry} (
      id uuid NOT NULL,
      queue text NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (id, queue)
    );
    CREATE INDEX pool_expiry_due ON ${expiry} (expires_at);`
]

const opened = (
  options: Options
): Effect.Effect<
  { readonly connection: Connection; readonly names: Names; readonly packages: Packages },
  PoolError.StoreUnavailable,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const { schema = "worker_pool", url } = options
    if (!isSchema(schema)) {
      return yield* refused(
        `expected \`schema\` to be lower-case letters, digits and underscores, at most 48, got ${JSON.stringify(schema)}`
      )
    }
    const packages = yield* load
    const connection = yield* connect({
      pg: packages.pg,
      url: Redacted.isRedacted(url) ? url : Redacted.make(url),
      maxConnections: 2,
      isPooled: false,
      statementMillis: 3_600_000
    })
    return { connection, names: namesOf(schema), packages }
  })
