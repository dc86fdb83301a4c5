/** A PostgreSQL for tests: an embedded one that ends with the file, or the one that `WORKER_POOL_TEST_STORE` names. */
import { afterAll, beforeAll } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import pg from "pg"
import type { Transaction } from "../../../src/durable/Store.ts"
import { open } from "../../../src/durable/embedded/cluster.ts"

export interface TestServer {
  /** Its address, once the tests run. */
  readonly url: () => string
  /** A name that no other file, and no run before, has. */
  readonly schema: string
  /** Runs a statement, on a connection that is not the store's. */
  readonly query: (text: string, values?: Array<unknown>) => Effect.Effect<Array<any>, Error>
  /** Runs this in a transaction of a caller's. */
  readonly inTransaction: <A, E>(
    use: (transaction: Transaction) => Effect.Effect<A, E>,
    commits: boolean
  ) => Effect.Effect<A, E | Error>
}

/** To be called once, in the body of a file. What was made of `schema` is gone at its end. */
export const serverOf = (name: string): TestServer => {
  const scope = Effect.runSync(Scope.make())
  const schema = `test_${name}_${process.pid}`
  let url: string | undefined = process.env["WORKER_POOL_TEST_STORE"]
  let pool: pg.Pool

  beforeAll(async () => {
    if (url === undefined) {
      const directory = mkdtempSync(join(tmpdir(), "worker-pool-test-"))
      // The server may have to run as another user, who must be able to enter it.
      chmodSync(directory, 0o711)
      await Effect.runPromise(
        Scope.addFinalizer(
          scope,
          Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
        )
      )
      url = (await Effect.runPromise(open({ directory: join(directory, "store") }).pipe(Scope.provide(scope)))).url
    }
    pool = new pg.Pool({ connectionString: url, max: 4 })
    pool.on("error", () => {})
  }, 60_000)

  afterAll(async () => {
    await pool?.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`).catch(() => {})
    await pool?.end()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, 60_000)

  const connected = Effect.acquireRelease(Effect.tryPromise({ try: () => pool.connect(), catch: asError }), (client) =>
    Effect.sync(() => client.release())
  )
  return {
    url: () => url!,
    schema,
    query: (text, values) =>
      Effect.map(Effect.tryPromise({ try: () => pool.query(text, values), catch: asError }), ({ rows }) => rows),
    inTransaction: (use, commits) =>
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* connected
          const run = (text: string) => Effect.tryPromise({ try: () => client.query(text), catch: asError })
          yield* run("BEGIN")
          const answer = yield* Effect.onError(use({ executeSql: (text, values) => client.query(text, values) }), () =>
            Effect.ignore(run("ROLLBACK"))
          )
          yield* run(commits ? "COMMIT" : "ROLLBACK")
          return answer
        })
      )
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
