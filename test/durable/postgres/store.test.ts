/** The store on PostgreSQL keeps the promises of a store. */
import { afterAll, beforeAll } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { make } from "../../../src/durable/postgres/store.ts"
import type { Store } from "../../../src/durable/Store.ts"
import { storeSuite } from "../storeSuite.ts"
import { serverOf } from "./server.ts"

const server = serverOf("store")
const scope = Effect.runSync(Scope.make())
let store: Store["Service"]

beforeAll(async () => {
  const making = make({ url: server.url(), kind: "postgres", schema: server.schema })
  store = await Effect.runPromise(making.pipe(Scope.provide(scope)))
})

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

storeSuite(
  "a store on PostgreSQL",
  Effect.suspend(() => Effect.succeed(store)),
  { clock: "real", inTransaction: server.inTransaction }
)
