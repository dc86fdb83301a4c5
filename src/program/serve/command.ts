/** `worker-pool serve`: its flags and its help. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { policyHelp } from "../settings/policyFlag.ts"
import { durationForms } from "../settings/quantities.ts"
import { serve } from "./serve.ts"
import { allFlags, sourcesHelp } from "../settings/settingFlags.ts"
import { make } from "./settings.ts"

const description = `Serves a pool of workers over HTTP: requests go in at POST /requests/TYPE, and GET / is a page that shows the pool.

${sourcesHelp}
worker-pool config prints what is in force.

POLICY is one of:
${policyHelp.replaceAll(/^/gm, "  ")}

A duration is ${durationForms}.

With --threads handlers may compute, and a timeout ends whatever they do: each thread imports MODULE and builds its layer; the
program itself imports it for its group alone, and answers whatever they compute.

With --store requests outlive the process, and any number of processes take them and work on them: see worker-pool work and
worker-pool jobs. Each answers for the requests of all. One that is drained gives back what it has not begun.

With --processes so many processes serve on one port, each with its share of the workers, of the capacity and of the limits; ids, counts,
metrics and the page are those of all. SIGHUP replaces them one by one, with the settings and the handlers as they are then, and drops no
request. One that dies is started anew.

The first SIGINT or SIGTERM drains the pool, after --shutdown-delay: nothing new is let in, what was accepted has until --drain-deadline to end. The
second ends the process at once.

Exit codes:
  1    cannot listen on the address, the store cannot be used, or the service broke
  2    bad usage: nothing was served
  70   drained because of an error that nobody caught, thrown by a timer or a promise that a handler left behind
  130  stopped by SIGINT
  143  stopped by SIGTERM`

export const serveCommand = Command.make("serve", allFlags, (flags) =>
  Effect.flatMap(make(flags), (settings) => serve(settings, make(flags)))
).pipe(
  Command.withDescription(description),
  Command.withShortDescription("Serve a pool over HTTP"),
  Command.withExamples([
    {
      command: "worker-pool serve --handlers handlers.ts --port 8080 --policy adaptive,gradient",
      description: "Serve the handlers of a module on this machine"
    }
  ])
)
