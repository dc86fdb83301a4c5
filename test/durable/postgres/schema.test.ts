/** The tables of a store on PostgreSQL: who makes them, and who cannot use them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { check, migrate } from "../../../src/durable/postgres/migrations.ts"
import { make } from "../../../src/durable/postgres/store.ts"
import { memberOf, newTag, requestOf } from "../store/fixture.ts"
import { serverOf } from "./server.ts"

const server = serverOf("schema")
let schemas = 0
/** A part of the file's own name: it goes with it. */
const newSchema = () => `${server.schema}_${++schemas}`
const optionsOf = (schema: string) => ({ url: Redacted.make(server.url()), kind: "postgres", schema }) as const
const drop = (schema: string) => Effect.ignore(server.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`))

describe("the tables of a store", () => {
  it.live("are made once, whoever comes first", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      yield* Effect.addFinalizer(() => drop(schema))
      const stores = yield* Effect.all(
        [1, 2, 3].map(() => make(optionsOf(schema))),
        { concurrency: "unbounded" }
      )
      const tags = [newTag(), newTag()]
      const sessions = yield* Effect.all(
        stores.map((store) => store.join(memberOf(tags))),
        { concurrency: "unbounded" }
      )
      expect(yield* sessions[0]!.insert([requestOf(tags[0]!)])).toEqual(["stored"])
      expect(yield* sessions[1]!.claim(tags, 1)).toHaveLength(1)
      expect(Object.keys((yield* sessions[2]!.counts).tags).toSorted()).toEqual(tags.toSorted())
    })
  )

  it.live("are looked for, and made where they are to be", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      const options = optionsOf(schema)
      yield* Effect.addFinalizer(() => drop(schema))
      expect(yield* check(options)).toMatchObject({ schema, pool: { found: undefined }, queue: { found: undefined } })
      const refused = yield* Effect.flip(make({ ...options, migrate: false }))
      expect(refused).toMatchObject({ _tag: "StoreUnavailable", reason: "schema" })
      expect(refused.detail).toContain("worker-pool store migrate")
      const made = yield* migrate(options)
      expect(made.pool.found).toBe(made.pool.wanted)
      expect(made.queue.found).toBe(made.queue.wanted)
      expect(yield* migrate(options)).toEqual(made)
      expect(yield* check({ ...options, url: server.url() })).toEqual(made)
      const tag = newTag()
      const session = yield* Effect.flatMap(make({ ...options, migrate: false }), (store) =>
        store.join(memberOf([tag]))
      )
      expect(yield* session.insert([requestOf(tag)])).toEqual(["stored"])
    })
  )

  it.live("of a newer version, ours or pg-boss's, are refused", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      const options = optionsOf(schema)
      yield* Effect.addFinalizer(() => drop(schema))
      yield* migrate(options)
      for (const table of ["pool_version", "version"]) {
        yield* server.query(`UPDATE ${schema}.${table} SET version = version + 1`)
        for (const attempt of [check(options), migrate(options), make(options), make({ ...options, migrate: false })]) {
          const refused = yield* Effect.flip(Effect.scoped<unknown, { readonly detail: string }, any>(attempt))
          expect(refused).toMatchObject({ _tag: "StoreUnavailable", reason: "schema" })
          expect(refused.detail).toContain("update effect-worker-pool")
        }
        yield* server.query(`UPDATE ${schema}.${table} SET version = version - 1`)
      }
      yield* make(options)
    })
  )

  it.live("have a name that can be one", () =>
    Effect.gen(function* () {
      for (const schema of ["", "A", "1a", "a-b", `a"b`, "a".repeat(49)]) {
        const refused = yield* Effect.flip(make(optionsOf(schema)))
        expect(refused.detail).toContain(`got ${JSON.stringify(schema)}`)
        expect(yield* Effect.flip(check(optionsOf(schema)))).toMatchObject({ reason: "schema" })
      }
    })
  )

  it.live("are nobody's who is not let in, and no password is told", () =>
    Effect.gen(function* () {
      const url = new URL(server.url().replace(/^postgres(ql)?:/, "http:"))
      url.pathname = "/nowhere"
      url.password ||= "secret"
      const refused = yield* Effect.flip(make({ ...optionsOf("x"), url: url.href.replace("http:", "postgres:") }))
      expect(refused).toMatchObject({ reason: "refused" })
      expect(refused.message).not.toContain(url.password)
    })
  )
})
