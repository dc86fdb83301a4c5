/** The command line: its flags, its help, and its exit codes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Fiber, Logger, Option, Runtime, Scope } from "effect"
import { Argument, CliError, CliOutput, Command, Flag } from "effect/cli"
import { Console as NodeConsole } from "node:console"
import { readFileSync } from "node:fs"
import { Writable } from "node:stream"
import { BadUsage, messageOf, StoppedBeforeStart } from "./errors.ts"
import { type Job, run } from "./run.ts"
import * as Settings from "./settings.ts"
import * as StatusLine from "./statusLine.ts"
import { codeOfSignal, listen } from "./stop.ts"
import { exitCodeOf, toJson, toTable } from "./summary.ts"

const description = `Runs a request for each line of REQUESTS on an elastic pool of workers.

REQUESTS is a file of JSON lines, or - for standard input:
  {"type": "Checksum", "data": {"path": "a.txt"}, "id"?: "a", "timeout"?: 500 or "2 seconds", "maxRetries"?: 2}
A blank line is numbered and skipped. A line over 1 MiB, or that is no such object, ends as "malformed"; one whose type or
data the handlers do not know ends as "rejected".

The first SIGINT or SIGTERM stops the run: what runs has until --drain-deadline to end, what waits is left for --resume.
The second ends the process at once. A request may run again after a kill (at least once); it has one outcome.

Exit codes:
  0    every line ended well, or no more than --max-failures did not
  1    more lines ended badly, or the requests could not be read or the outcomes written to the end
  2    bad usage: nothing was run, or the outcomes are not of this input
  130  stopped by SIGINT
  143  stopped by SIGTERM`

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))
const whole = (name: string, description: string) => Flag.Int(name).pipe(Flag.withDescription(description))
const orUndefined = <A>(flag: Flag.Flag<A>) => flag.pipe(Flag.optional, Flag.map(Option.getOrUndefined))

const flags = {
  requests: Argument.String("requests").pipe(Argument.withDescription("A file of JSON lines, or - for standard input")),
  handlers: text("handlers", "MODULE", "A TypeScript or JavaScript module that exports `group` and `layer`"),
  minWorkers: orUndefined(whole("min-workers", "Workers kept even when idle (default 1)")),
  maxWorkers: orUndefined(whole("max-workers", "The most workers (default 64)")),
  capacity: orUndefined(text("capacity", "N", 'The most requests that wait, or "unbounded" (default 10000)')),
  strategy: orUndefined(
    Flag.Literals("strategy", ["suspend", "dropping", "sliding"]).pipe(
      Flag.withDescription("What a full queue does (default suspend); lines are fed so that none is refused")
    )
  ),
  threshold: whole("threshold", "Workers are added while more requests than this wait").pipe(Flag.withDefault(10)),
  scalingInterval: orUndefined(
    text("scaling-interval", "DURATION", "Time between two looks at the load (default 1 s)")
  ),
  timeout: orUndefined(text("timeout", "DURATION", 'For one attempt, or "none" (default 30 s)')),
  retries: whole("retries", "Attempts after a first that failed or timed out, with backoff").pipe(Flag.withDefault(0)),
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
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print the summary as one JSON object"), Flag.withDefault(false))
}

const runCommand = Command.make("run", flags, (flags) =>
  Effect.gen(function* () {
    if (flags.resume && flags.outcomes === undefined) {
      return yield* new BadUsage({ reason: "Expected --resume to come with --outcomes FILE, which it goes on with" })
    }
    const settings = yield* Settings.make(flags)
    return yield* perform({ ...flags, settings }, flags.json)
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

const command = Command.make("worker-pool").pipe(
  Command.withDescription("An elastic, back-pressured, accountable worker pool"),
  Command.withSubcommands([runCommand])
)

/** Runs the job, prints its summary, and ends the process with its code. */
const perform = (job: Job, json: boolean) =>
  Effect.gen(function* () {
    const statusLine = StatusLine.make(process.stderr)
    // Standard output is for the summary alone; what handlers print goes the way of the logs.
    const console = consoleOn(statusLine)
    globalThis.console = console
    const scope = yield* Scope.make("sequential")
    const stop = yield* listen.pipe(Scope.provide(scope))
    const running = run(job, stop, statusLine).pipe(
      Scope.provide(scope),
      Effect.provideService(Console.Console, console),
      Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, statusLine.print)]))
    )
    const report = yield* running
    const output = json
      ? toJson(report, job.settings.maxFailures)
      : toTable(report, job.settings.maxFailures, job.outcomes !== undefined)
    yield* print(output)
    // The handlers' own finalizers may hang; the process goes all the same.
    yield* Effect.timeoutOption(Fiber.await(yield* Effect.forkChild(Scope.close(scope, Exit.void))), "1 second")
    return yield* exit(exitCodeOf(report, job.settings.maxFailures))
  })

const consoleOn = ({ print }: StatusLine.StatusLine): Console.Console & typeof globalThis.console =>
  new NodeConsole(
    new Writable({
      write: (chunk, _encoding, done) => {
        print(String(chunk))
        done()
      }
    })
  ) as never

/** Waits until the text is handed over, or nobody takes it any more. */
const print = (text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })

const exit = (code: number) => Effect.sync(() => process.exit(code))

const version = (): string =>
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version as string

/** Help that was asked for goes to standard output; what is said about bad usage does not. */
const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          `${CliOutput.defaultFormatter({ colors: false }).formatErrors(event.errors)}\nSee ${event.commandPath.join(" ")} --help`
        )
      : event._tag === "Help" && event.reason === "Implicit"
        ? Console.error(CliOutput.defaultFormatter({ colors: false }).formatHelpDoc(event.helpDoc))
        : CliOutput.defaultPresenter.present(event)
})

/** The code of everything that is not a finished run: what the command line itself has found wrong is bad usage. */
const codeOf = (error: unknown): number => {
  if (error instanceof StoppedBeforeStart) return codeOfSignal(error.signal)
  return error instanceof BadUsage || CliError.isCliError(error) ? 2 : 1
}

export const main = (): void => {
  // A reader that went away is no reason to crash, nor to stop the work.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined)
  Command.runWith(command, { version: version() })(process.argv.slice(2)).pipe(
    Effect.provide([NodeServices.layer, presenter]),
    Runtime.makeRunMain(({ fiber }) => {
      fiber.addObserver((result) => {
        if (Exit.isSuccess(result)) process.exit(0)
        const error = Cause.squash(result.cause)
        // The command line's own errors have been shown with the help.
        if (!CliError.isCliError(error)) process.stderr.write(`worker-pool: ${messageOf(error)}\n`)
        process.exit(codeOf(error))
      })
    })({ disableErrorReporting: true })
  )
}
