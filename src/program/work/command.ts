/** `worker-pool work`: its flags and its help. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { policyHelp } from "../settings/policyFlag.ts"
import { durationForms } from "../settings/quantities.ts"
import { flagsOf, sourcesHelp } from "../settings/settingFlags.ts"
import { defaults, make, workNames } from "./settings.ts"
import { work } from "./work.ts"

const description = `Works on what is stored: requests that worker-pool serve, worker-pool run or a program of yours has put into --store. Any
number of processes do so together, and a request that one of them has left behind is delivered to another.

It takes no requests. Over HTTP it answers /health/live, /health/ready and /metrics.

${sourcesHelp}

POLICY is one of:
${policyHelp.replaceAll(/^/gm, "  ")}

A duration is ${durationForms}.

The first SIGINT or SIGTERM drains the pool: nothing more is claimed, what runs has until --drain-deadline to end, and the rest is given
back to the store. The second ends the process at once; others then find what it had after ten seconds.

Exit codes:
  1    cannot listen on the address, the store cannot be used, or the process broke
  2    bad usage: nothing was begun
  70   drained because of an error that nobody caught, thrown by a timer or a promise that a handler left behind
  130  stopped by SIGINT
  143  stopped by SIGTERM`

export const workCommand = Command.make("work", flagsOf(workNames, defaults), (flags) =>
  Effect.flatMap(make(flags), work)
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Work on what is stored"),
  Command.withExamples([
    {
      command: "worker-pool work --store ./jobs --handlers handlers.ts",
      description: "Work on the requests of a store on this machine"
    }
  ])
)
