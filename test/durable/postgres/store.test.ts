/** The store on PostgreSQL keeps the promises of a store. */
import { Effect } from "effect"
import { make } from "../../../src/durable/postgres/store.ts"
import { storeSuite } from "../storeSuite.ts"
import { serverOf } from "./server.ts"

const server = serverOf("store")

storeSuite(
  "a store on PostgreSQL",
  Effect.suspend(() => make({ url: server.url(), kind: "postgres", schema: server.schema })),
  { clock: "real", inTransaction: server.inTransaction }
)
