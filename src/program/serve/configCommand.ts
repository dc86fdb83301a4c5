/** `worker-pool config`: what `serve` would run with, and where each setting came from. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { columns } from "../output/columns.ts"
import { json } from "../settings/flags.ts"
import { exit, print } from "../process/end.ts"
import { allFlags, sourcesHelp } from "../settings/settingFlags.ts"
import { type Row, table } from "./settings.ts"

const description = `Prints the settings that serve would run with, and where each came from, checked as serve checks them.

${sourcesHelp}

Exit codes:
  0    the settings are usable
  2    bad usage: they are not`

export const configCommand = Command.make("config", { ...allFlags, json: json("the settings") }, (flags) =>
  Effect.gen(function* () {
    const rows = yield* table(flags)
    yield* print(flags.json ? `${JSON.stringify({ settings: rows })}\n` : toTable(rows))
    return yield* exit(0)
  })
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Print the settings of serve and their sources"),
  Command.withExamples([
    { command: "worker-pool config --config pool.yaml", description: "See what a file and the environment come to" }
  ])
)

const toTable = (rows: ReadonlyArray<Row>): string => columns(rows.map(({ at, name, value }) => [name, value, at]))
