/** `worker-pool tune`: its flags, its help, and what it prints and writes. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { writePage, writeSettings } from "../output/files.ts"
import { json, orUndefined, text, whole } from "../settings/flags.ts"
import { policyHelp } from "../settings/policyFlag.ts"
import * as Kinds from "../settings/kinds.ts"
import { exit, print } from "../process/end.ts"
import * as StatusLine from "../output/statusLine.ts"
import { endOnSignal } from "../process/stop.ts"
import * as Charts from "../simulate/charts.ts"
import { duration, partOfRecording, simulatedPool } from "../simulate/flags.ts"
import { canBeReadAgain } from "../simulate/sideBySide.ts"
import { toHtml } from "./page.ts"
import { toJson, toTable } from "./report.ts"
import * as Settings from "./settings.ts"
import { tune, tuneSideBySide } from "./tune.ts"
import { toYaml } from "./yaml.ts"

const description = `Finds the cheapest settings of a pool that keep what you want of it, by simulating the load: the real pool and scaler on
virtual time. It judges them on a part of the load that the search has not seen, beside today's settings. The same flags give the same
answer, byte for byte.

TARGET is what you want, once for each:
  "p99(wait) <= 200ms"             of all requests, until their first attempt; also mean, p50, p95 or any pN
  "p99(total, key=free) <= 2s"     until their end, of one key; also type=TYPE and priority=N
  "refused <= 0.1%"                by a full queue; also evicted, expired, lost (all three), timedOut and failed
  "good(within=1s) >= 99%"         completed, in time
Where no target says how many may be lost, 0.1 % may.

The load is a recording, or ARRIVALS and SERVICE as for worker-pool simulate: see its help. The flags of the pool say how it is today; --config takes a file of
settings of serve for that. What is tuned: the policy, the bounds, the capacity and the tick; with keys the attempts of one key at once, with
priorities the aging. All else stays as it is.

POLICY is one of:
${policyHelp.replaceAll(/^/gm, "  ")}

Exit codes:
  0    settings were found that keep every target
  1    none were found, or a file could not be written
  2    bad usage: nothing was simulated
  130  stopped by SIGINT
  143  stopped by SIGTERM`

const flags = {
  target: text("target", "TARGET", "What is wanted, once for each; see above").pipe(Flag.atLeast(1)),
  recording: orUndefined(
    text("recording", "FILE", "A load that was recorded, and a pool that is today as it was then")
  ),
  ...partOfRecording,
  arrivals: text("arrivals", "ARRIVALS", "The load, or once for each of several").pipe(Flag.atLeast(0)),
  service: text("service", "SERVICE", "What a request takes, also by type").pipe(Flag.atLeast(0)),
  duration,
  cost: Flag.Literals("cost", ["worker-seconds", "peak"]).pipe(
    Flag.withDescription("What is to be little: workers over time, or the most at once (default worker-seconds)"),
    Flag.withDefault("worker-seconds" as const)
  ),
  mostWorkers: orUndefined(
    whole("most-workers", "No more than these are recommended (default as many as could be busy)")
  ),
  budget: text(
    "budget",
    "REQUESTS",
    "About so many are simulated in all (default 6000000, a minute on two cores)"
  ).pipe(Flag.withDefault("6000000")),
  config: orUndefined(text("config", "FILE", "Settings of serve, as the pool is today; flags go before them")),
  policy: orUndefined(text("policy", "POLICY", "That of today (default adaptive)")),
  ...simulatedPool,
  seed: text("seed", "TEXT", "Another one searches on other draws (default 1)").pipe(Flag.withDefault("1")),
  threads: orUndefined(
    text("threads", "N", "So many simulations at once, each on a thread (default as many as there are cores)").pipe(
      Flag.withOptionalValue(Kinds.threads.bare!)
    )
  ),
  json: json("the answer, and all that was tried"),
  out: orUndefined(text("out", "FILE", "Write the settings, as serve --config takes them; FILE is overwritten")),
  html: orUndefined(text("html", "FILE", "Write a page with figures and pictures; FILE is overwritten"))
}

interface Output {
  readonly json: boolean
  readonly out: string | undefined
  readonly html: string | undefined
}

export const tuneCommand = Command.make("tune", flags, ({ html, json, out, threads, ...flags }) =>
  Effect.gen(function* () {
    const read = yield* Effect.fromResult(Kinds.read("--threads", Kinds.threads, threads))
    const plan = yield* Settings.make(flags)
    const atOnce = read === "none" ? 1 : (read ?? availableParallelism())
    return yield* perform(plan, flags, { html, json, out }, atOnce)
  })
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Find the cheapest settings that keep a target"),
  Command.withExamples([
    {
      command:
        'worker-pool tune --arrivals poisson:100 --service exponential:100ms --duration 1h --target "p99(wait) <= 200ms" --out settings.yaml',
      description: "Settings for a load, as a file for serve"
    }
  ])
)

/** Searches, prints the answer, writes the files, and ends the process. A signal ends it on the spot. */
const perform = (plan: Settings.Plan, flags: Settings.Flags, { html, json, out }: Output, threads: number) =>
  Effect.gen(function* () {
    const statusLine = StatusLine.make(process.stderr)
    endOnSignal(statusLine.clear)
    for (const note of plan.notes) statusLine.print(`worker-pool: ${note}`)
    const watched = { ...plan, options: { ...plan.options, isWatched: html !== undefined } }
    const report = yield* threads > 1 && canBeReadAgain(flags)
      ? tuneSideBySide(watched, flags, threads, statusLine)
      : tune(watched, statusLine)
    // The answer comes first: a file that cannot be written does not take it away.
    yield* print(json ? toJson(report) : toTable(report, plan))
    if (out !== undefined) yield* writeSettings(out, toYaml(report, plan.today, plan.load))
    if (html !== undefined) yield* writePage(html, toHtml(report, plan, yield* Charts.load))
    return yield* exit(report.chosen === undefined ? 1 : 0)
  })
