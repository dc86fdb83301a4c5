/** `worker-pool run`: its flags, its help, and what it prints. */
import { Console, Effect, Exit, Fiber, Logger, Option, Scope } from "effect"
import { Argument, Command, Flag, GlobalFlag } from "effect/cli"
import { Console as NodeConsole } from "node:console"
import { resolve } from "node:path"
import { Writable } from "node:stream"
import { checkEnvironment } from "../settings/environment.ts"
import { BadUsage } from "../errors.ts"
import { ExitGuard } from "../process/exitGuard.ts"
import { json, orUndefined, storing, text, turns, whole, bounds, places } from "../settings/flags.ts"
import { readable } from "../output/logs.ts"
import { policyHelp } from "../settings/policyFlag.ts"
import { exit, print } from "../process/end.ts"
import { durationForms } from "../settings/quantities.ts"
import { howToGoOn, type Job, run } from "./run.ts"
import * as Settings from "./settings.ts"
import * as StatusLine from "../output/statusLine.ts"
import { listen } from "../process/stop.ts"
import { exitCodeOf, toJson, toTable } from "./summary.ts"

const description = `Runs a request for each line of REQUESTS on an elastic pool of workers.

REQUESTS is a file of JSON lines, or - for standard input:
  {"type": "Checksum", "data": {"path": "a.txt"}, "id"?: "a", "key"?: "acme", "priority"?: 5, "timeout"?: 500 or "2s", "maxRetries"?: 2}
It can also have a "delay" or a "startAt", and a "primaryKey", "duplicate", "debounce", "debounceAtMost" and "group".
A blank line is numbered and skipped. A line over 1 MiB, or that is no such object, ends as "malformed"; one whose type or
data the handlers do not know, or whose options are out of their range, ends as "rejected". Workers are shared fairly among
keys, of the lines that have been read: a few more than there are workers. A priority is from -10 to 10, higher first.

POLICY is one of:
${policyHelp.replaceAll(/^/gm, "  ")}

A duration is ${durationForms}.

With --threads handlers may compute, and a timeout ends whatever they do: each thread imports MODULE and builds its layer; the
program itself imports it for its group alone.

With --store the lines are put into a store, where any process may work on them, this one as well; what they end with is waited for and
told. Started again, the same run goes on: a line that is stored is not stored again, and one that has ended is told once more.
A password in the URL of a store belongs into WORKER_POOL_STORE: everybody on a machine can read the flags of a process.

The first SIGINT or SIGTERM stops the run: what runs has until --drain-deadline to end, what waits is left for --resume, or
to the store.
The second ends the process at once. A request may run again after a kill (at least once); it has one outcome.

Exit codes:
  0    every line ended well, or no more than --max-failures did not
  1    more lines ended badly, or the requests could not be read or the outcomes or the summary written to the end, or the
       store cannot be used
  2    bad usage: nothing was run, or the outcomes are not of this input
  70   stopped by an error that nobody caught, thrown by a timer or a promise that a handler left behind, or by a handler or
       its module that called process.exit
  130  stopped by SIGINT
  143  stopped by SIGTERM`

const flags = {
  requests: Argument.String("requests").pipe(Argument.withDescription("A file of JSON lines, or - for standard input")),
  handlers: text("handlers", "MODULE", "A TypeScript or JavaScript module that exports `group` and `layer`"),
  ...places,
  ...bounds,
  maxWorkers: orUndefined(whole("max-workers", "The most workers (default 64, or with --threads as many as those)")),
  strategy: orUndefined(
    Flag.Literals("strategy", ["suspend", "dropping", "sliding"]).pipe(
      Flag.withDescription("What a full queue does (default suspend); lines are fed so that none is refused")
    )
  ),
  ...turns,
  policy: text("policy", "POLICY", "What decides how many workers there are (default adaptive); see above").pipe(
    Flag.withDefault("adaptive")
  ),
  scalingInterval: orUndefined(
    text("scaling-interval", "DURATION", "Time between two looks at the load (default 1 s)")
  ),
  timeout: orUndefined(text("timeout", "DURATION", 'For one attempt, or "none" (default 30 s)')),
  retries: whole("retries", "Attempts after a first that failed or timed out, with backoff").pipe(Flag.withDefault(0)),
  ...storing,
  job: orUndefined(
    text(
      "job",
      "NAME",
      "With --store: what the lines are called there; the same name goes on (default the name and the content of REQUESTS)"
    )
  ),
  drainDeadline: orUndefined(
    text("drain-deadline", "DURATION", "What running requests have to end after a signal (default 30 s)")
  ),
  maxFailures: text("max-failures", "N|P%", "Lines that may end badly, as a number or a percentage").pipe(
    Flag.withDefault("0")
  ),
  outcomes: orUndefined(text("outcomes", "FILE", "Append one JSON line for each line's end; FILE must not exist")),
  resume: Flag.Boolean("resume").pipe(
    Flag.withDescription("Go on with FILE: run only lines without an outcome. Starts afresh if there is no FILE"),
    Flag.withDefault(false)
  ),
  json: json("the summary")
}

export const runCommand = Command.make("run", flags, (flags) =>
  Effect.gen(function* () {
    if (flags.resume && flags.outcomes === undefined) {
      return yield* new BadUsage({ reason: "Expected --resume to come with --outcomes FILE, which it goes on with" })
    }
    yield* checkEnvironment(process.env)
    const settings = yield* Settings.make(flags)
    // A handler may change the working directory.
    const outcomes = flags.outcomes === undefined ? undefined : resolve(flags.outcomes)
    const tellsChanges = Option.isSome(yield* GlobalFlag.LogLevel)
    return yield* perform({ ...flags, outcomes, settings, tellsChanges }, flags.json)
  })
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Run a file of requests"),
  Command.withExamples([
    {
      command: "worker-pool run requests.jsonl --handlers handlers.ts --outcomes outcomes.jsonl --max-failures 1%",
      description: "Run a file, keep its outcomes, accept one bad line in a hundred"
    }
  ])
)

/** Runs the job, prints its summary, and ends the process with its code. */
const perform = (job: Job, json: boolean) =>
  Effect.gen(function* () {
    const statusLine = StatusLine.make(process.stderr)
    // Standard output is for the summary alone; what handlers print goes the way of the logs.
    const console = consoleOn(statusLine)
    globalThis.console = console
    const scope = yield* Scope.make("sequential")
    const stop = yield* listen((error, running) =>
      Effect.sync(() => statusLine.print(`worker-pool: nobody caught this: ${error.detail}\nIt ran then: ${running}`))
    )
    const guard = new ExitGuard((text) => process.stderr.write(`\nworker-pool: ${text}\n`))
    const running = run(job, stop, statusLine, guard).pipe(
      Scope.provide(scope),
      Effect.provideService(Console.Console, console),
      Effect.provide(Logger.layer([logger(statusLine)]))
    )
    const report = yield* running
    const code = exitCodeOf(report, job.settings.maxFailures)
    guard.code = code
    const output = json
      ? toJson(report, job.settings.maxFailures)
      : toTable(report, job.settings.maxFailures, howToGoOn(job))
    yield* print(output)
    // The handlers' own finalizers may hang; the process goes all the same.
    yield* Effect.timeoutOption(Fiber.await(yield* Effect.forkChild(Scope.close(scope, Exit.void))), "1 second")
    return yield* exit(code)
  })

/** What handlers log. */
const logger = ({ print }: StatusLine.StatusLine) =>
  Logger.make<unknown, void>((line) => print(Logger.formatLogFmt.log(readable(line))))

const consoleOn = ({ print }: StatusLine.StatusLine): Console.Console & typeof globalThis.console =>
  new NodeConsole(
    new Writable({
      write: (chunk, _encoding, done) => {
        print(String(chunk))
        done()
      }
    })
  ) as never
