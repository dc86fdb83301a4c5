/** What is counted of a pool, series by series: how each is named, and where it stands in a snapshot. */
import type { ThreadCounts, ThreadState } from "../Capacity.ts"
import { breakerName } from "../Limit.ts"
import { ends } from "../Outcome.ts"
import type { BreakerCounts, HandlerCounts, LimitCounts, PoolSnapshot, State } from "../PoolSnapshot.ts"

/** One series of one pool. */
export interface Series {
  readonly kind: "counter" | "gauge"
  readonly id: string
  readonly description: string
  readonly attributes: Readonly<Record<string, string>>
  readonly count: (snapshot: PoolSnapshot) => number
}

/** What a pool may do, or not, by its options and its handlers. */
export interface Uses {
  readonly retryBudget: boolean
  readonly shedding: boolean
  readonly batches: boolean
  /** Requests of this type run several at once. */
  readonly isBatched: (type: string) => boolean
}

/** The series of this pool that have a number at all times. Limits are those that it was made with. */
export const alwaysThere = ({ limits }: PoolSnapshot, uses: Uses): ReadonlyArray<Series> => [
  ...ofPool,
  ...(uses.retryBudget ? ofRetryBudget : []),
  ...(uses.shedding ? ofShedding : []),
  ...(uses.batches ? ofBatches : []),
  ...namesOfLimits(limits).flatMap(ofLimit),
  ...namesOfThreads(limits).flatMap(ofThreads)
]

/** Those whose number may be infinite, now or after `setLimit`. */
export const boundsOf = ({ limits }: PoolSnapshot): ReadonlyArray<Series> => [
  ...of("gauge", "capacity", "Requests that may wait", "", { "": (s) => s.capacity }),
  ...namesOfLimits(limits).flatMap(boundsOfLimit),
  ...namesOfThreads(limits).flatMap(startOfThreads)
]

const namesOfLimits = (limits: PoolSnapshot["limits"]): ReadonlyArray<string> =>
  Object.keys(limits).filter((name) => limits[name]!.breaker === undefined)

const namesOfThreads = (limits: PoolSnapshot["limits"]): ReadonlyArray<string> =>
  Object.keys(limits).filter((name) => limits[name]!.threads !== undefined)

const states: ReadonlyArray<State> = ["open", "draining", "closed"]

const of = (
  kind: Series["kind"],
  id: string,
  description: string,
  key: string,
  counts: Readonly<Record<string, Series["count"]>>
): ReadonlyArray<Series> =>
  Object.entries(counts).map(([value, count]) => ({
    kind,
    id: `worker_pool_${id}`,
    description,
    attributes: value === "" ? {} : { [key]: value },
    count
  }))

const ofPool: ReadonlyArray<Series> = [
  of(
    "counter",
    "requests_total",
    "Requests that ended",
    "end",
    Object.fromEntries(ends.map((end) => [end, (s) => s[end]]))
  ),
  of("counter", "defects_total", "Requests that ended with a defect", "", { "": (s) => s.defects }),
  of("counter", "refused_total", "Requests that were not accepted", "reason", {
    full: (s) => s.refusedFull,
    draining: (s) => s.refusedDraining,
    circuit_open: (s) => s.refusedOpen,
    duplicate: (s) => s.refusedDuplicate,
    abandoned: (s) => s.abandoned,
    not_found: (s) => s.handlerNotFound,
    invalid: (s) => s.invalid
  }),
  of("counter", "accepted_total", "Requests that were accepted", "", { "": (s) => s.accepted }),
  of("counter", "attempts_total", "Attempts that were started", "", { "": (s) => s.attempts }),
  of("counter", "retries_total", "Attempts that were not a request's first", "", { "": (s) => s.retries }),
  of("counter", "joined_total", "Calls that had the end of a request which was there already", "", {
    "": (s) => s.joined
  }),
  of("counter", "waited_seconds_total", "Time that ended requests waited", "", { "": (s) => s.waitedMillis / 1000 }),
  of("counter", "ran_seconds_total", "Time that ended requests ran", "", { "": (s) => s.ranMillis / 1000 }),
  of("gauge", "requests", "Requests that have not ended", "phase", {
    blocked: (s) => s.blocked,
    waiting: (s) => s.waiting,
    delayed: (s) => s.delayed,
    running: (s) => s.running
  }),
  of("gauge", "scheduled", "Of the delayed requests, those whose time has not come yet", "", {
    "": (s) => s.scheduled
  }),
  of("gauge", "held_back", "Of the waiting requests, those at a closed gate", "", { "": (s) => s.heldBack }),
  of("gauge", "keys", "Keys that the queue knows", "", { "": (s) => s.keys }),
  of("gauge", "workers", "Workers by state, and the number asked for", "state", {
    idle: (s) => s.idle,
    running: (s) => s.running,
    ending: (s) => s.ending,
    stuck: (s) => s.stuck,
    target: (s) => s.target
  }),
  of("gauge", "lent_workers", "Workers in the slot of an attempt that waits for them", "", { "": (s) => s.lent }),
  of(
    "gauge",
    "state",
    "1 for the state that the pool is in",
    "state",
    Object.fromEntries(states.map((state) => [state, (s) => Number(s.state === state)]))
  ),
  of("gauge", "paused", "1 while the pool is paused", "", { "": (s) => Number(s.paused) }),
  of("gauge", "min_workers", "The least workers that the pool may have", "", { "": (s) => s.minWorkers }),
  of("gauge", "max_workers", "The most workers that the pool may have", "", { "": (s) => s.maxWorkers })
].flat()

const ofRetryBudget = of("counter", "retries_denied_total", "Retries for which there was no budget", "", {
  "": (s) => s.retriesDenied
})

const ofShedding: ReadonlyArray<Series> = [
  of("counter", "shed_total", "Of the evicted requests, those given up since there was too much to do", "", {
    "": (s) => s.shed
  }),
  of("gauge", "overloaded", "1 while the pool has too much to do", "", { "": (s) => Number(s.overloaded === true) })
].flat()

const ofBatches = of("gauge", "batched", "Requests that run in the batch of another one", "", { "": (s) => s.batched })

/** Those of one type of requests. One that has not been asked for yet has no counts. */
export const ofType = (type: string, { isBatched }: Uses): ReadonlyArray<Series> => {
  const counted = (key: keyof HandlerCounts) => (s: PoolSnapshot) => s.handlers[type]?.[key] ?? 0
  return [
    of("counter", "handler_offered_total", "Requests of this type", "", { "": counted("offered") }),
    of("counter", "handler_retries_total", "Attempts that were not a request's first", "", { "": counted("retries") }),
    of("counter", "handler_attempts_total", "Attempts that ended", "end", {
      succeeded: counted("succeeded"),
      failed: counted("failed"),
      timed_out: counted("timedOut")
    }),
    of("counter", "handler_busy_seconds_total", "Time that attempts kept workers", "", {
      "": (s) => counted("occupiedMillis")(s) / 1000
    }),
    isBatched(type)
      ? of("counter", "handler_batches_total", "Times that a worker took requests, one or several at once", "", {
          "": counted("batches")
        })
      : [],
    of("gauge", "handler_running", "Attempts that keep a worker now", "", { "": counted("running") }),
    of("gauge", "handler_held_back", "Waiting requests at a closed gate", "", { "": counted("heldBack") })
  ]
    .flat()
    .map(labelled("type", type))
}

const ofLimit = (limit: string): ReadonlyArray<Series> => {
  const counted = (key: "running" | "heldBack" | "started") => (s: PoolSnapshot) => s.limits[limit]![key]
  return [
    of("counter", "limit_started_total", "Starts that the limit has let through", "", { "": counted("started") }),
    of("gauge", "limit_running", "What has passed the limit and still counts", "", { "": counted("running") }),
    of("gauge", "limit_held_back", "Requests that wait at the limit", "", { "": counted("heldBack") })
  ]
    .flat()
    .map(labelled("limit", limit))
}

/** Those of a type: over all of its keys, since callers choose those, and there is no end of them. `name` is that among the limits. */
export const ofBreaker = (name: string): ReadonlyArray<Series> => {
  const counted = (what: Exclude<keyof BreakerCounts, "per">) => ({
    "": (s: PoolSnapshot) => s.limits[name]!.breaker![what]
  })
  return [
    of("gauge", "breaker_open", "Breakers that let nothing through", "", counted("open")),
    of("gauge", "breaker_half_open", "Breakers that let probes through", "", counted("halfOpen")),
    of("counter", "breaker_opened_total", "How often a breaker has opened, or opened again", "", counted("opened"))
  ]
    .flat()
    .map(labelled("type", name.slice(breakerName("").length)))
}

/** Of a limit's two halves one may be missing. */
const boundsOfLimit = (limit: string): ReadonlyArray<Series> => {
  const bound = (count: (limit: LimitCounts) => number) => ({ "": (s: PoolSnapshot) => count(s.limits[limit]!) })
  return [
    of(
      "gauge",
      "limit_concurrency",
      "The most that may run at once",
      "",
      bound(({ concurrency }) => concurrency)
    ),
    of(
      "gauge",
      "limit_starts_per_second",
      "How often one may start",
      "",
      bound(({ rate }) => (rate === undefined ? Infinity : (rate.limit * 1000) / rate.periodMillis))
    )
  ]
    .flat()
    .map(labelled("limit", limit))
}

const ofThreads = (name: string): ReadonlyArray<Series> => {
  const total = (what: keyof ThreadCounts["total"]) => ({
    "": (s: PoolSnapshot) => s.limits[name]!.threads!.total[what]
  })
  return [
    of(
      "gauge",
      "threads",
      "Threads by what they do",
      "state",
      Object.fromEntries(threadStates.map((state) => [state, (s: PoolSnapshot) => s.limits[name]!.threads!.now[state]]))
    ),
    of("counter", "threads_started_total", "Threads that were started", "", total("started")),
    of("counter", "threads_killed_total", "Threads that were killed", "", total("killed")),
    of("counter", "threads_crashed_total", "Threads that ended though nobody had asked for it", "", total("crashed"))
  ]
    .flat()
    .map(labelled("name", name))
}

const threadStates: ReadonlyArray<ThreadState> = ["starting", "idle", "busy", "dying", "stuck"]

/** Until one has become ready there is no such time. */
const startOfThreads = (name: string): ReadonlyArray<Series> =>
  of("gauge", "threads_start_seconds", "Time that the last thread took to become ready", "", {
    "": (s) => (s.limits[name]!.threads!.startMillis ?? Infinity) / 1000
  }).map(labelled("name", name))

const labelled =
  (key: string, value: string) =>
  (series: Series): Series => ({ ...series, attributes: { [key]: value, ...series.attributes } })
