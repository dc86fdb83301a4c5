/** `worker-pool config`: what `serve` would run with, and where each setting came from. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { json } from "../settings/flags.ts"
import { exit, print } from "../process/end.ts"
import { serveFlags, sourcesHelp } from "./flags.ts"
import { type Row, table } from "./settings.ts"

const description = `Prints the settings that serve would run with, and where each came from, checked as serve checks them.

${sourcesHelp}

Exit codes:
  0    the settings are usable
  2    bad usage: they are not`

export const configCommand = Command.make("config", { ...serveFlags, json: json("the settings") }, (flags) =>
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

const toTable = (rows: ReadonlyArray<Row>): string => {
  const width = (of: (row: Row) => string) => Math.max(...rows.map((row) => of(row).length))
  const nameWidth = width(({ name }) => name)
  const valueWidth = width(({ value }) => value)
  const lines = rows.map(({ at, name, value }) => `${name.padEnd(nameWidth)}   ${value.padEnd(valueWidth)}   ${at}`)
  return `${lines.join("\n")}\n`
}
