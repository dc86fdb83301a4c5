/** What the routes take and answer, as schemas. */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Outcome, PoolError } from "../index.ts"

const states = [...PoolError.Phase.literals, ...Outcome.ends] as const

/** A request as it is shown. */
export const RequestResource = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  state: Schema.Literals(states),
  attempts: Schema.optionalKey(
    Schema.Int.annotate({ description: "Not there while a stored request goes on: whoever has it knows" })
  ),
  deliveries: Schema.optionalKey(
    Schema.Int.annotate({ description: "How often it was handed to a process; of stored requests alone" })
  ),
  process: Schema.optionalKey(
    Schema.String.annotate({
      description: "Which process of `GET /pool` has it, or had it last; of stored requests alone"
    })
  ),
  key: Schema.optionalKey(Schema.String.annotate({ description: "Whose it is; nobody's without" })),
  group: Schema.optionalKey(Schema.String.annotate({ description: "The group that it belongs to" })),
  priority: Schema.optionalKey(Schema.Int.annotate({ description: "From -10 to 10, higher first" })),
  waitedMillis: Schema.optionalKey(Schema.Finite),
  ranMillis: Schema.optionalKey(Schema.Finite),
  acceptedAt: Schema.optionalKey(Schema.String),
  claimedAt: Schema.optionalKey(Schema.String.annotate({ description: "Since when its process has it" })),
  dueAt: Schema.optionalKey(
    Schema.String.annotate({ description: "From when on it may start, where that is to come" })
  ),
  startsInMillis: Schema.optionalKey(
    Schema.Int.annotate({
      description: "While it is delayed: when it may start. Not there where another has to end first"
    })
  ),
  expiresAt: Schema.optionalKey(Schema.String),
  endedAt: Schema.optionalKey(Schema.String),
  result: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown),
  resubmittedFrom: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Request" })

const ProblemDetails = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  field: Schema.optionalKey(Schema.String),
  instance: Schema.optionalKey(Schema.String),
  id: Schema.optionalKey(
    Schema.String.annotate({
      description: "Of the request that is there already, where this one was refused as its duplicate"
    })
  ),
  request: Schema.optionalKey(RequestResource)
}).annotate({ identifier: "Problem" })

const asProblem = HttpApiSchema.asJson({ contentType: "application/problem+json" })
/** An answer that is a problem. */
export const problem = (status: number, description: string) =>
  ProblemDetails.annotate({ description }).pipe(asProblem, HttpApiSchema.status(status))
export const accepted = RequestResource.pipe(HttpApiSchema.status(202))
export const Count = Schema.Int

const Milliseconds = Schema.Finite.annotate({ description: "Milliseconds" })

const ThreadsResource = Schema.Struct({
  now: Schema.Struct({ starting: Count, idle: Count, busy: Count, dying: Count, stuck: Count }).annotate({
    description: "How many there are, by what they do"
  }),
  total: Schema.Struct({ started: Count, killed: Count, crashed: Count }).annotate({
    description: "Of all that there ever were"
  }),
  startMillis: Schema.NullOr(
    Milliseconds.annotate({ description: "How long the last one took to become ready; null: none has" })
  )
}).annotate({ identifier: "Threads" })

const BreakerResource = Schema.Struct({
  per: Schema.Literals(["tag", "key"]).annotate({
    description: "What has one of its own: the type, or each key of it"
  }),
  open: Count.annotate({ description: "Those that let nothing through" }),
  halfOpen: Count.annotate({ description: "Those that let probes through" }),
  opened: Count.annotate({ description: "How often one has opened, or opened again" })
}).annotate({ identifier: "Breakers" })

/** A limit as it is shown; `concurrency` and `rate` may be sent back as they are. */
export const LimitResource = Schema.Struct({
  concurrency: Schema.Union([Count, Schema.Literal("none")]),
  rate: Schema.Union([Schema.Struct({ limit: Count, period: Milliseconds, burst: Count }), Schema.Literal("none")]),
  paused: Schema.Boolean,
  running: Count,
  heldBack: Count,
  started: Count,
  gates: Count,
  breaker: Schema.optionalKey(
    BreakerResource.annotate({ description: "The circuit breakers of this type: one, or one for each key" })
  ),
  threads: Schema.optionalKey(ThreadsResource.annotate({ description: "The threads that it stands for" }))
}).annotate({ identifier: "Limit" })

const ProcessResource = Schema.Struct({
  id: Schema.String,
  pool: Schema.String,
  host: Schema.String,
  pid: Count,
  role: Schema.Literals(["client", "worker", "both"]).annotate({ description: "Whether it asks, works, or both" }),
  live: Schema.Boolean.annotate({ description: "false: it was not heard of lately, and has not left" }),
  workers: Schema.NullOr(Count),
  running: Schema.NullOr(Count),
  startedAt: Schema.String,
  seenAt: Schema.String
}).annotate({ identifier: "Process" })

const StoreResource = Schema.Struct({
  kind: Schema.Literals(["memory", "embedded", "postgres"]),
  process: Schema.String.annotate({ description: "The id of the process that answers" }),
  away: Schema.Boolean.annotate({ description: "Whether this process cannot reach it" }),
  seenAt: Schema.NullOr(Schema.String.annotate({ description: "When the counts were taken" })),
  requests: Schema.NullOr(
    Schema.Record(Schema.String, Count).annotate({
      description: "Of all processes: `stored = waiting + delayed + claimed + the seven ends`; null: not known"
    })
  ),
  oldestWaitMillis: Schema.NullOr(Milliseconds),
  types: Schema.Record(Schema.String, Schema.Struct({ waiting: Count, delayed: Count, claimed: Count })),
  held: Count.annotate({ description: "What this process has" }),
  unsettled: Count.annotate({ description: "Of that, what has ended and is not yet recorded" }),
  pauses: Schema.Array(
    Schema.Struct({ type: Schema.optionalKey(Schema.String), key: Schema.optionalKey(Schema.String) })
  ).annotate({ description: "What starts in no process; `{}`: nothing does" }),
  processes: Schema.Array(ProcessResource)
}).annotate({ identifier: "Store" })

const SeveralResource = Schema.Struct({
  of: Count.annotate({ description: "How many there are to be" }),
  serving: Count.annotate({ description: "Those that take requests" }),
  ended: Count.annotate({ description: "Those that have ended" }),
  lost: Count.annotate({ description: "Requests that those had which were killed, as far as is known" }),
  members: Schema.Array(
    Schema.Struct({
      process: Count,
      pid: Count,
      ids: Schema.String.annotate({ description: "What the ids of its requests begin with" })
    })
  )
}).annotate({ identifier: "Processes" })

const RecurringResource = Schema.Struct({
  name: Schema.String,
  nextAt: Schema.NullOr(Schema.String.annotate({ description: "When it ticks next; null: it ticks no more" })),
  last: Schema.NullOr(
    Schema.Struct({
      at: Schema.String.annotate({ description: "For when it was planned" }),
      result: Schema.Literals(["asked", "skipped", "missed", "refused"]).annotate({
        description: "`skipped`: the request of the one before had not ended"
      })
    }).annotate({ description: "The last tick that has come, and what became of it" })
  )
}).annotate({ identifier: "Recurring" })

export const PoolResource = Schema.Struct({
  name: Schema.String,
  state: Schema.Literals(["open", "draining", "closed"]),
  paused: Schema.Boolean,
  policy: Schema.String,
  held: Schema.NullOr(Count),
  explain: Schema.String,
  bounds: Schema.Struct({ minWorkers: Count, maxWorkers: Count }),
  capacity: Schema.Union([Count, Schema.Literal("unbounded")]),
  workers: Schema.Record(Schema.String, Count),
  requests: Schema.Record(Schema.String, Count),
  overloaded: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Whether it has too much to do; of a pool that sheds requests then" })
  ),
  keys: Count.annotate({ description: "Keys that the queue knows now" }),
  limits: Schema.Record(Schema.String, LimitResource),
  advice: Schema.optionalKey(Schema.Boolean.annotate({ description: "There is /pool/advice; not there without" })),
  recurring: Schema.optionalKey(
    Schema.Array(RecurringResource).annotate({ description: "Calls that recur, the next one first; not there without" })
  ),
  deadLetters: Schema.NullOr(Count).annotate({ description: "null: they are stored, and not counted" }),
  store: Schema.optionalKey(StoreResource.annotate({ description: "Where requests are stored" })),
  processes: Schema.optionalKey(
    SeveralResource.annotate({ description: "Where several processes serve: all else is that of all of them" })
  ),
  types: Schema.Array(Schema.Struct({ type: Schema.String, example: Schema.Unknown })),
  version: Schema.String
}).annotate({ identifier: "Pool" })

/** Says what there is to whoever has misspelt it. */
export const members = <Fields extends Schema.Struct.Fields>(fields: Fields): Schema.Struct<Fields> =>
  Schema.Struct(fields).annotate({
    messageUnexpectedKey: `Expected a member of ${Object.keys(fields).join(", ")}, got another one`
  })

export const PoolPatch = members({
  minWorkers: Schema.optionalKey(Count),
  maxWorkers: Schema.optionalKey(Count),
  policy: Schema.optionalKey(Schema.String),
  hold: Schema.optionalKey(Schema.NullOr(Count)),
  paused: Schema.optionalKey(Schema.Boolean)
})

/** A client that waits for the end. */
export const Preferring = Schema.Struct({
  prefer: Schema.optionalKey(Schema.String.annotate({ description: "`wait=SECONDS`: answer with the end (RFC 7240)" }))
})

const Name = Schema.String.check(Schema.isMaxLength(256))
export const Group = Name.annotate({ description: "Requests of this group" })
export const Key = Name.annotate({ description: "Requests of this key; empty: those without one" })

/** `LimitPatch`: what is left out stays; `"none"` takes that half of the limit away. */
export const LimitPatch = members({
  concurrency: Schema.optionalKey(
    Schema.Union([Count, Schema.Literal("none")]).annotate({ description: "The most that may run at once" })
  ),
  rate: Schema.optionalKey(
    Schema.Union([
      members({
        limit: Count,
        period: Schema.Union([Schema.Finite, Schema.String]).annotate({
          description: "Milliseconds, or a duration such as 1s"
        }),
        burst: Schema.optionalKey(Count)
      }),
      Schema.Literal("none")
    ]).annotate({ description: "How often one may start" })
  )
})

export const RequestPatch = members({
  priority: Schema.Int.check(Schema.isBetween({ minimum: -10, maximum: 10 })).annotate({
    description: "From -10 to 10, higher first"
  })
})

/** One gate: a count of a limit, or a pause, or a time before which nothing starts. */
export const GateResource = Schema.Struct({
  kind: Schema.Literals(["pool", "tag", "key", "limit"]),
  name: Schema.String,
  of: Schema.optionalKey(Schema.String.annotate({ description: "Which of a limit's gates: the tag, key or value" })),
  paused: Schema.Boolean,
  running: Count,
  heldBack: Count,
  started: Count,
  breaker: Schema.optionalKey(
    Schema.Literals(["Closed", "Open", "HalfOpen"]).annotate({
      description: "How it stands, if it is a circuit breaker"
    })
  ),
  breakerMillis: Schema.optionalKey(Milliseconds.annotate({ description: "For how long it has stood so" })),
  opensInMillis: Schema.NullOr(
    Milliseconds.annotate({ description: "0: it is open; null: when something ends, or somebody says so" })
  )
}).annotate({ identifier: "Gate" })

/** What one tag, or one key, has in the pool. */
export const WaitersResource = Schema.Struct({
  name: Schema.String,
  blocked: Count,
  waiting: Count,
  heldBack: Count,
  delayed: Count,
  running: Count
}).annotate({ identifier: "Waiters" })

/** Exactly one of them. */
export const PartQuery = {
  tag: Schema.optionalKey(Name.annotate({ description: "Requests of this type" })),
  key: Schema.optionalKey(Key),
  limit: Schema.optionalKey(Name.annotate({ description: "Requests to which this limit applies" }))
}
