/** `worker-pool jobs`: what is in a store, for people and for scripts. It needs no handlers. */
import { Clock, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { type Durable, lawViolations } from "../../durable/service.ts"
import type { PoolError } from "../../index.ts"
import { ask, lookers, neededAddress } from "../durable/asking.ts"
import { exit, print } from "../process/end.ts"
import { json, orUndefined, storeFlag, text } from "../settings/flags.ts"
import { list, queryOf, statesInWords } from "./list.ts"
import { toJson } from "./rows.ts"
import * as Show from "./show.ts"
import * as Stats from "./stats.ts"

const exitCodes = `Exit codes:
  0    done
  1    there is no such request, or the store cannot be used
  2    bad usage`

const about = (what: string, codes = exitCodes) => `${what}

A password in the URL of a store belongs into WORKER_POOL_STORE: everybody on a machine can read the flags of a process.

${codes}`

const id = Argument.String("id").pipe(
  Argument.withDescription("The id of a request, as `list` and the service tell it")
)

/** Asks the store, prints the answer, and ends the process. */
const answer = <E extends { readonly message: string }>(
  store: string | undefined,
  question: (durable: Durable["Service"]) => Effect.Effect<{ readonly text: string; readonly code?: number }, E>
) =>
  Effect.gen(function* () {
    const address = yield* neededAddress(store)
    // The store is left before the process ends.
    const { code = 0, text } = yield* Effect.scoped(Effect.flatMap(ask(address), question))
    yield* print(text)
    return yield* exit(code)
  })

const listCommand = Command.make(
  "list",
  {
    store: storeFlag,
    state: orUndefined(text("state", "STATE", `Only those in this state, or with this end: ${statesInWords}`)),
    type: orUndefined(text("type", "TYPE", "Only those of this type")),
    key: orUndefined(text("key", "KEY", "Only those of this key")),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("At most so many, up to 1000 (default 50)"),
      Flag.withDefault(50)
    ),
    before: orUndefined(text("before", "ID", "Only those stored before this one: the last one of the page before")),
    json: json("the requests")
  },
  (flags) =>
    Effect.flatMap(Effect.fromResult(queryOf(flags)), (query) =>
      answer(flags.store, (durable) => Effect.map(list(durable, query, flags), (text) => ({ text })))
    )
).pipe(
  Command.withDescription(about("Lists the requests of a store, the newest first.")),
  Command.withShortDescription("List the requests of a store"),
  Command.withExamples([
    { command: "worker-pool jobs list --store ./jobs --state dead", description: "See what can be sent again" }
  ])
)

const showCommand = Command.make("show", { id, store: storeFlag, json: json("the request") }, (flags) =>
  answer(flags.store, (durable) =>
    Effect.map(durable.find(flags.id), (record) => ({
      text: flags.json ? `${JSON.stringify(toJson(record))}\n` : Show.toTable(record)
    }))
  )
).pipe(
  Command.withDescription(about("Prints all that is known of a request: its payload, where it is, and how it ended.")),
  Command.withShortDescription("Print all that is known of a request")
)

const retryCommand = Command.make("retry", { id, store: storeFlag, json: json("the new request's id") }, (flags) =>
  answer(flags.store, (durable) =>
    Effect.map(durable.resubmit(flags.id), ({ id }) => ({
      text: flags.json ? `${JSON.stringify({ id, resubmittedFrom: flags.id })}\n` : `sent again as ${id}\n`
    }))
  )
).pipe(
  Command.withDescription(
    about("Sends a dead letter again, as a new request: one that failed or timed out, and was not sent again before.")
  ),
  Command.withShortDescription("Send a dead letter again")
)

const cancelled = {
  withdrawn: "it was waiting, and will not run",
  interrupting:
    "it is running, and the process that runs it has been told to stop; its outcome is that it was cancelled",
  settled: "it had ended before"
}

const cancelCommand = Command.make("cancel", { id, store: storeFlag, json: json("what became of it") }, (flags) =>
  answer(flags.store, (durable) =>
    Effect.map(durable.cancel(flags.id), (was) => ({
      text: flags.json ? `${JSON.stringify({ id: flags.id, was })}\n` : `${cancelled[was]}\n`
    }))
  )
).pipe(
  Command.withDescription(about("Ends a request, whether it waits or runs, in whichever process.")),
  Command.withShortDescription("Cancel a request")
)

const statsCommand = Command.make("stats", { store: storeFlag, json: json("the figures") }, (flags) =>
  answer(
    flags.store,
    (durable): Effect.Effect<{ readonly text: string; readonly code: number }, PoolError.StoreUnavailable> =>
      Effect.gen(function* () {
        const counts = yield* durable.counts
        // This one, and those like it, have only looked.
        const processes = (yield* durable.processes).filter(({ pool, role }) => role !== "client" || pool !== lookers)
        const stats = { counts, processes }
        return {
          text: flags.json ? Stats.toJson(stats) : Stats.toTable(stats, yield* Clock.currentTimeMillis),
          code: lawViolations(counts).length === 0 ? 0 : 1
        }
      })
  )
).pipe(
  Command.withDescription(
    about(
      "Prints how many requests were stored, wait, are claimed and have ended how, what waits of each type, and the processes.",
      `Exit codes:
  0    the counts add up: stored = waiting + delayed + claimed + the seven ends
  1    they do not, which is a fault of this program, or the store cannot be used
  2    bad usage`
    )
  ),
  Command.withShortDescription("Print the counts of a store and its processes")
)

export const jobsCommand = Command.make("jobs").pipe(
  Command.withDescription("Looks at the requests of a store, and changes what becomes of them. It needs no handlers."),
  Command.withShortDescription("Look at the requests of a store"),
  Command.withSubcommands([listCommand, showCommand, retryCommand, cancelCommand, statsCommand])
)
