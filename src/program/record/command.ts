/** `worker-pool record`: what is in a recording. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Stream } from "effect"
import { Argument, Command } from "effect/cli"
import { read } from "../../recording/read.ts"
import { type Stats, StatsMeter } from "../../recording/stats.ts"
import { BadUsage } from "../errors.ts"
import { writePage } from "../output/files.ts"
import { exit, print } from "../process/end.ts"
import { json, orUndefined, text } from "../settings/flags.ts"
import * as Charts from "../simulate/charts.ts"
import { toHtml } from "./page.ts"
import { toJson, toTable } from "./table.ts"

const description = `Tells what is in a recording: requests per second over its time, how long they waited and ran by type, how many attempts ran at
once, how bursty it was, failures and refusals.

FILE is what --record of serve, work or run has written, or a program with effect-worker-pool/Recording; where it was turned over, its older
parts FILE.3 to FILE.1 are read before it. Several, the earliest first, are told as one: of processes side by side too. It takes the same memory however long they are.

Exit codes:
  0    told
  1    the page of --html could not be written
  2    bad usage, or a file that is no recording, or has a line that none can have`

const files = Argument.String("file").pipe(Argument.withDescription("A recording"), Argument.atLeast(1))

const flags = {
  files,
  json: json("the figures"),
  html: orUndefined(text("html", "FILE", "Write a page with figures and pictures; FILE is overwritten"))
}

export const stats = (paths: ReadonlyArray<string>): Effect.Effect<Stats, BadUsage> =>
  Effect.suspend(() => {
    const meter = new StatsMeter()
    return Stream.runForEach(read(paths), (entries) =>
      Effect.sync(() => {
        for (const entry of entries) meter.add(entry)
      })
    ).pipe(
      Effect.provide(NodeFileSystem.layer),
      Effect.mapError(({ message }) => new BadUsage({ reason: message })),
      Effect.map(() => meter.finish())
    )
  })

const statsCommand = Command.make("stats", flags, ({ files, html, json }) =>
  Effect.gen(function* () {
    const found = yield* stats(files)
    // The figures come first: a page that cannot be written does not take them away.
    yield* print(json ? toJson(found) : toTable(found))
    if (html !== undefined) yield* writePage(html, toHtml(found, yield* Charts.load))
    return yield* exit(0)
  })
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Tell what is in a recording"),
  Command.withExamples([
    { command: "worker-pool record stats load.jsonl --html load.html", description: "See what a load is made of" }
  ])
)

export const recordCommand = Command.make("record").pipe(
  Command.withDescription(
    "Recordings of loads: serve, work and run write one with --record, simulate --recording tries policies on one."
  ),
  Command.withShortDescription("See what is in a recording"),
  Command.withSubcommands([statsCommand])
)
