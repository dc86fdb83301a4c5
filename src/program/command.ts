/** The command line: its commands, how errors are shown, and its exit codes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Runtime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { attached } from "./arguments.ts"
import { configCommand } from "./serve/configCommand.ts"
import { jobsCommand } from "./jobs/command.ts"
import { BadUsage, messageOf, StoppedBeforeStart } from "./errors.ts"
import { end, endPrinted, watchOutputs } from "./process/end.ts"
import { recordCommand } from "./record/command.ts"
import { runCommand } from "./run/command.ts"
import { serveCommand } from "./serve/command.ts"
import { simulateCommand } from "./simulate/command.ts"
import { storeCommand } from "./store/command.ts"
import { tuneCommand } from "./tune/command.ts"
import { version } from "./version.ts"
import { workCommand } from "./work/command.ts"

const command = Command.make("worker-pool").pipe(
  Command.withDescription("An elastic, back-pressured, accountable worker pool"),
  Command.withSubcommands([
    runCommand,
    serveCommand,
    workCommand,
    configCommand,
    jobsCommand,
    storeCommand,
    simulateCommand,
    tuneCommand,
    recordCommand
  ])
)

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

/** On one line, but for what has a stack. */
const textOf = (error: unknown) => (error instanceof StoppedBeforeStart ? error.message : messageOf(error))

/** The code of everything that is not a finished run: what the command line itself has found wrong is bad usage. */
const codeOf = (error: unknown): number => {
  if (error instanceof StoppedBeforeStart) return error.code
  return error instanceof BadUsage || CliError.isCliError(error) ? 2 : 1
}

export const main = (): void => {
  watchOutputs()
  Command.runWith(command, { version: version() })(attached(process.argv.slice(2))).pipe(
    Effect.provide([NodeServices.layer, presenter]),
    Runtime.makeRunMain(({ fiber }) => {
      fiber.addObserver((result) => {
        if (Exit.isSuccess(result)) return endPrinted(0)
        const error = Cause.squash(result.cause)
        // The command line's own errors have been shown with the help.
        if (!CliError.isCliError(error)) process.stderr.write(`worker-pool: ${textOf(error)}\n`)
        return end(codeOf(error))
      })
    })({ disableErrorReporting: true })
  )
}
