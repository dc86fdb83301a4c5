/** How the commands declare their flags. */
import { Option } from "effect"
import { Flag } from "effect/cli"
import { limitForm } from "./limits.ts"
import { isolation, recordKeys, store, threadMemory, threads } from "./kinds.ts"

export const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))
export const whole = (name: string, description: string) => Flag.Int(name).pipe(Flag.withDescription(description))
export const orUndefined = <A>(flag: Flag.Flag<A>) => flag.pipe(Flag.optional, Flag.map(Option.getOrUndefined))

/** Of any number of times, as one text with semicolons between. */
export const several = (flag: Flag.Flag<string>) =>
  flag.pipe(
    Flag.atLeast(0),
    Flag.map((texts) => (texts.length === 0 ? undefined : texts.join(";")))
  )

/** How much the pool may hold and run at once. */
export const bounds = {
  minWorkers: orUndefined(whole("min-workers", "Workers kept even when idle (default 1)")),
  maxWorkers: orUndefined(whole("max-workers", "The most workers (default 64)")),
  capacity: orUndefined(text("capacity", "N", 'The most requests that wait, or "unbounded" (default 10000)'))
}

/** Where the handlers run. */
export const places = {
  threads: orUndefined(
    text(
      "threads",
      "N",
      "Run each attempt on a thread of its own, at most N at once, or as many as there are cores (default none)"
    ).pipe(Flag.withOptionalValue(threads.bare!))
  ),
  isolate: orUndefined(
    text(
      "isolate",
      isolation.metavar,
      "With --threads: each may be a process of its own, which can be ended whatever it does (default thread)"
    )
  ),
  threadMemory: orUndefined(
    text(
      "thread-memory",
      threadMemory.metavar,
      "With --threads: one whose values take more is killed, and its attempt fails (default none)"
    )
  )
}

/** Where requests are stored. */
export const storeFlag = orUndefined(
  text(
    "store",
    store.metavar,
    `Where requests are stored: ${store.expected} (default WORKER_POOL_STORE). A password belongs there: flags can be seen by all`
  )
)

/** What a process does with a store. */
export const storing = {
  store: storeFlag,
  noWorkers: Flag.Boolean("no-workers").pipe(
    Flag.withDescription("With --store: only store the requests, and wait for other processes to work on them"),
    Flag.withDefault(false)
  ),
  noMigrate: Flag.Boolean("no-migrate").pipe(
    Flag.withDescription("With --store: refuse one whose tables are not those of this version, and change none"),
    Flag.withDefault(false)
  ),
  lookAhead: orUndefined(
    text("look-ahead", "DURATION", "With --store: claim what the workers will begin within so long (default 100 ms)")
  ),
  maxHeld: orUndefined(text("max-held", "N", "With --store: the most requests that it has at a time (default 1000)")),
  deliveries: orUndefined(
    text("deliveries", "N", "With --store: a request ends when so many processes have ended with it (default 5)")
  ),
  keepOutcomes: orUndefined(
    text(
      "keep-outcomes",
      "DURATION",
      "With --store: how long ends are kept, and ids are not stored again (default 7 d)"
    )
  )
}

/** What is written down of the load. */
export const recorded = {
  record: orUndefined(text("record", "FILE", "Write down what the load is made of, for stats and simulations")),
  recordMaxBytes: orUndefined(
    text("record-max-bytes", "BYTES", "With --record: the most bytes of it; the oldest are given up (default 256MiB)")
  ),
  recordKeys: orUndefined(
    text(
      "record-keys",
      recordKeys.metavar,
      "With --record: keys as hashes that nobody can undo, or as they are (default hashed)"
    )
  )
}

/** Who runs next. */
export const turns = {
  limit: several(text("limit", "LIMIT", `What a start must pass, as ${limitForm}; any number of them`)),
  priority: orUndefined(whole("priority", "Of requests that come without one, -10 to 10, higher first (default 0)")),
  aging: orUndefined(
    text("aging", "DURATION", 'How much earlier one step of priority is worth, or "none": always first (default 30 s)')
  ),
  keyCapacity: orUndefined(
    text(
      "key-capacity",
      "N",
      'The most requests of one key that wait, "dynamic" or "none" (default dynamic; of `run` with dropping or sliding: none)'
    )
  ),
  forgetKeys: orUndefined(whole("forget-keys", "Keys that are remembered after their last request (default 10000)")),
  order: orUndefined(
    Flag.Literals("order", ["fifo", "lifo"]).pipe(
      Flag.withDescription("Which of one key and priority comes first (default fifo)")
    )
  )
}

/** Every command that prints a table can print one object instead. */
export const json = (what: string) =>
  Flag.Boolean("json").pipe(Flag.withDescription(`Print ${what} as one JSON object`), Flag.withDefault(false))
