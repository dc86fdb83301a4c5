/** `worker-pool store`: the tables of a store, for whoever updates what uses it. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import type { Versions } from "../../durable/postgres/migrations.ts"
import { neededAddress } from "../durable/asking.ts"
import { BadUsage } from "../errors.ts"
import { exit, print } from "../process/end.ts"
import { json, storeFlag } from "../settings/flags.ts"
import { check, isOfSchema, migrate, type State } from "./tables.ts"

const password =
  "A password in the URL of a store belongs into WORKER_POOL_STORE: everybody on a machine can read the flags of a process."

const codes = { right: 0, old: 1, newer: 2 } as const

const checkCommand = Command.make("check", { store: storeFlag, json: json("the versions") }, (flags) =>
  Effect.gen(function* () {
    const found = yield* Effect.flatMap(neededAddress(flags.store), check)
    yield* print(flags.json ? `${JSON.stringify(found)}\n` : `${inWords(found)}\n`)
    return yield* exit(codes[found.state])
  })
).pipe(
  Command.withDescription(`Looks whether the tables of a store are those of this version, and changes nothing.

${password}

Exit codes:
  0    they are
  1    they must be migrated first, which worker-pool store migrate does, or the store cannot be used
  2    they are of a newer version, which nothing here can use, or bad usage`),
  Command.withShortDescription("Look whether the tables are those of this version")
)

const migrateCommand = Command.make("migrate", { store: storeFlag, json: json("the versions") }, (flags) =>
  Effect.gen(function* () {
    const address = yield* neededAddress(flags.store)
    const versions = yield* Effect.mapError(migrate(address), (error) =>
      // Exit code 2.
      isOfSchema(error) ? new BadUsage({ reason: error.message }) : error
    )
    yield* print(flags.json ? `${JSON.stringify({ state: "right", versions })}\n` : `${right(versions)}\n`)
    return yield* exit(0)
  })
).pipe(
  Command.withDescription(`Makes the tables of a store, or brings them to this version. Processes of the version before can go on with them.

${password}

Exit codes:
  0    they are those of this version now
  1    the store cannot be used
  2    they are of a newer version, which nothing here can use, or bad usage`),
  Command.withShortDescription("Bring the tables to this version")
)

export const storeCommand = Command.make("store").pipe(
  Command.withDescription("Looks at the tables of a store, and brings them to this version."),
  Command.withShortDescription("Look at the tables of a store, and migrate them"),
  Command.withSubcommands([checkCommand, migrateCommand])
)

const inWords = (found: State): string => {
  if (found.state === "newer") return `the store is of a newer version: ${found.detail}`
  const { state, versions } = found
  if (versions === undefined || isNone(versions)) return "there is no store yet; worker-pool store migrate makes it"
  if (state === "right") return right(versions)
  const { pool, queue, schema } = versions
  return `the tables in schema "${schema}" are of version ${told(pool)} and pg-boss's of ${told(queue)}; worker-pool store migrate brings them to ${pool.wanted} and ${told({ found: queue.wanted })}`
}

const isNone = ({ pool, queue }: Versions): boolean => pool.found === undefined && queue.found === undefined

const right = ({ pool, queue, schema }: Versions): string =>
  `the tables in schema "${schema}" are those of this version: ${told(pool)}, and pg-boss's ${told(queue)}`

const told = ({ found }: { readonly found: number | undefined }): string => String(found ?? "none")
