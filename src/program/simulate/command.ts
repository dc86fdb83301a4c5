/** `worker-pool simulate`: its flags, its help, and what it prints. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Charts from "./charts.ts"
import { BadUsage } from "../errors.ts"
import { writePage } from "../output/files.ts"
import { json, orUndefined, text } from "../settings/flags.ts"
import { policyHelp } from "../settings/policyFlag.ts"
import * as Kinds from "../settings/kinds.ts"
import { judge } from "./check.ts"
import { duration, partOfRecording, simulatedPool } from "./flags.ts"
import { shareOf } from "../settings/quantities.ts"
import { exit, print } from "../process/end.ts"
import { canBeSideBySide, simulateSideBySide } from "./sideBySide.ts"
import { type Simulated, simulate } from "./simulate.ts"
import { looksOf } from "./looks.ts"
import { toHtml } from "./page.ts"
import { really, toJson, toTable } from "./report.ts"
import * as Settings from "./settings.ts"
import * as StatusLine from "../output/statusLine.ts"
import { endOnSignal } from "../process/stop.ts"

const description = `Tries policies before they are deployed: the real pool and scaler on virtual time, under a load that is drawn from a seed.
Every policy sees the same arrivals, and the same flags give the same output, byte for byte.

POLICY is one of:
${policyHelp.replaceAll(/^/gm, "  ")}

ARRIVALS is one of these; rates are requests per second, and at random unless they are constant:
  poisson:9                  constant:100
  step:100,1000,30s          from 100 to 1000 at 30 s
  ramp:10,500[,1m,5m]        from 10 to 500, over the whole duration or from 1 min to 5 min
  spike:100,1000,1m,10s      1000 for 10 s from 1 min on, and else 100
  daily:10,500[,24h]         from 10 to 500 and back, in 24 h or in the whole duration
  burst:1000[,30s]           1000 at once, at the start or at 30 s
  csv:FILE                   rows of time[,type[,key[,priority]]]: milliseconds since the start, or ISO 8601 timestamps
Several come together. Each may say whose its requests are, how urgent they are (-10 to 10, higher first), and their type:
  poisson:9@key=hog          all of one key
  poisson:9@key=light*99     at random of light-1 to light-99
  poisson:9@key=a:3+b:1,priority=0:9+5:1,type=Report    three of a for each of b, one in ten more urgent

SERVICE, the time that a request takes, is one of:
  constant:100ms             exponential:1s (the mean)
  lognormal:100ms,1.5        the mean, and the standard deviation of the logarithm
  bimodal:10ms,2s[,5%]       5 % take 2 s and the others 10 ms; default 10 %
  csv:FILE                   rows of milliseconds or type,milliseconds, taken one after the other
TYPE=SERVICE is that of the requests of a type, beside the one of all others.

With --recording requests come as they came, with their types, keys and priorities, and their attempts take and end as they did; with
--service redrawn those are drawn from all of their type. What is not said of the pool is as it was recorded. What really happened
stands beside the figures.

A DURATION is a number of milliseconds, or a text such as 500ms, 1.5s, 10m, 2h, 1d or "2 seconds".

Exit codes:
  0    simulated, and no farther from what happened than --check allows
  1    the page of --html could not be written
  2    bad usage: nothing was simulated
  3    farther from what happened than --check allows
  130  stopped by SIGINT
  143  stopped by SIGTERM`

const flags = {
  policy: text("policy", "POLICY", "Once for each policy to compare (default adaptive); see above").pipe(
    Flag.atLeast(0)
  ),
  arrivals: text("arrivals", "ARRIVALS", "The load, or once for each of several; see above").pipe(Flag.atLeast(0)),
  service: text("service", "SERVICE", "What a request takes, also by type; see above").pipe(Flag.atLeast(0)),
  recording: orUndefined(
    text(
      "recording",
      "FILE",
      "The load that --record of serve, work or run has written, in place of --arrivals and --service"
    )
  ),
  ...partOfRecording,
  check: orUndefined(
    text(
      "check",
      "P%",
      "With --recording: say how far the first policy is from what happened, and fail if it is farther (default 10%)"
    ).pipe(Flag.withOptionalValue("10%"))
  ),
  ...simulatedPool,
  worth: orUndefined(
    text(
      "worth",
      "DURATION",
      "Tell how many are answered within so long, and what of the work was too late (default: not told)"
    )
  ),
  waitTarget: text("wait-target", "DURATION", "The wait that is good enough, for adaptive too (default 100 ms)").pipe(
    Flag.withDefault("100ms")
  ),
  duration,
  warmup: text("warmup", "DURATION", "What arrives before is left out of the figures (default 0)").pipe(
    Flag.withDefault("0")
  ),
  seed: text("seed", "TEXT", "Another one gives another load of the same kind (default 1)").pipe(Flag.withDefault("1")),
  threads: orUndefined(
    text(
      "threads",
      "N",
      "Simulate policies side by side, N at once or as many as there are cores, each on a thread of its own (default none)"
    ).pipe(Flag.withOptionalValue(Kinds.threads.bare!))
  ),
  json: json("the figures and decisions"),
  html: orUndefined(text("html", "FILE", "Write a page with figures, pictures and decisions; FILE is overwritten"))
}

interface Output {
  readonly check: string | undefined
  readonly json: boolean
  readonly html: string | undefined
}

export const simulateCommand = Command.make("simulate", flags, (flags) =>
  Effect.gen(function* () {
    const threads = yield* Effect.fromResult(Kinds.read("--threads", Kinds.threads, flags.threads))
    const bound = yield* boundOf(flags)
    const plan = yield* Settings.make(flags)
    return yield* perform(plan, flags, typeof threads === "number" ? threads : 1, bound)
  })
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Try scaling policies on a simulated load"),
  Command.withExamples([
    {
      command:
        "worker-pool simulate --policy adaptive --policy fixed:150 --arrivals step:100,1000,30s --service exponential:100ms --max-workers 200 --html step.html",
      description: "Compare two policies under a load that jumps"
    }
  ])
)

/** Simulates, prints the figures, writes the page, and ends the process. A signal ends it on the spot. */
const perform = (plan: Settings.Plan, flags: Settings.Flags & Output, threads: number, bound: number | undefined) =>
  Effect.gen(function* () {
    const statusLine = StatusLine.make(process.stderr)
    endOnSignal(statusLine.clear)
    for (const note of plan.notes) statusLine.print(`worker-pool: ${note}`)
    const { html, json } = flags
    const simulated = yield* threads > 1 && canBeSideBySide(plan, flags)
      ? simulateSideBySide(plan, flags, threads, statusLine)
      : simulate(plan, statusLine)
    // The figures come first: a page that cannot be written does not take them away.
    const { reality } = plan
    const verdict =
      bound === undefined || reality === undefined
        ? undefined
        : yield* check(plan, simulated[0]!, reality, bound, statusLine)
    const shown = reality === undefined ? simulated : [{ policy: really, figures: reality }, ...simulated]
    const sentence = verdict === undefined ? "" : `\n${verdict.sentence}\n`
    yield* print(json ? toJson(simulated, reality, verdict) : `${toTable(shown, plan)}${sentence}`)
    if (html !== undefined) yield* writePage(html, toHtml(shown, plan, yield* Charts.load))
    return yield* exit(verdict?.isWithin === false ? 3 : 0)
  })

/** Of the first policy. When it looked to the millisecond nobody knows, so what it comes to is told for some moments nearby. */
const check = (
  plan: Settings.Plan,
  first: Simulated,
  reality: Simulated["figures"],
  bound: number,
  statusLine: StatusLine.StatusLine
) =>
  Effect.gen(function* () {
    const { how, runs } = looksOf(plan, first)
    const others = yield* simulate({ ...plan, runs }, statusLine)
    return judge(
      first,
      reality,
      bound,
      others.map(({ figures }) => figures),
      how
    )
  })

/** What `--check` allows, as a share. */
const boundOf = ({ check, recording }: Settings.Flags & Output): Effect.Effect<number | undefined, BadUsage> => {
  if (check === undefined) return Effect.succeed(undefined)
  if (recording === undefined) {
    return new BadUsage({ reason: "Expected --check to come with --recording, which it is about" })
  }
  const bound = shareOf(check)
  return bound === undefined
    ? new BadUsage({ reason: `Expected --check to be a percentage such as 10%, got "${check}"` })
    : Effect.succeed(bound)
}
