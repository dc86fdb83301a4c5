/**
 * Which part of a request each frame of a profile is, by its file and function. The first rule that fits counts; what fits
 * none is `unassigned`, and has a row like all others.
 */

export const groups = [
  "the caller: its fiber, stream or promise",
  "workers' fibers",
  "async context (`AsyncResource`)",
  "the scheduler's hop and turns",
  "contexts",
  "deadlines and clock reads",
  "records, queue and admission",
  "attempts, ends and notifying",
  "histograms and counts",
  "schema and exits",
  "the handler and its timer",
  "the driver of the benchmark",
  "garbage collection",
  "the rest of the host",
  "unassigned"
] as const
export type Group = (typeof groups)[number]

/** Effect's runtime runs for callers and workers, and the host for everybody: whose they are, the frames that called them say. */
const runtime = "runtime"
const host = "host"

const rules: ReadonlyArray<readonly [Group | typeof runtime | typeof host, RegExp]> = [
  ["garbage collection", /^native \(garbage collector\)$/],

  ["async context (`AsyncResource`)", /^node:(async_hooks|internal\/async_(hooks|context_frame|local_storage\/.*)) /],
  ["async context (`AsyncResource`)", /^effect\/internal\/effect\.js (AsyncResource|captureAsyncContext)\./],
  ["async context (`AsyncResource`)", /^src\/internal\/asyncContext\.ts /],
  ["async context (`AsyncResource`)", /\.(get )?asyncContext$/],
  ["async context (`AsyncResource`)", /^native (pushAsyncContext|popAsyncContext|executionAsyncResource)$/],

  ["deadlines and clock reads", /^native (hrtime|hrtimeBigInt|now)$/],
  ["deadlines and clock reads", /^node:internal\/(process\/per_thread|perf\/.*) /],
  ["deadlines and clock reads", /^effect\/Clock\.js /],
  ["deadlines and clock reads", /^effect\/internal\/effect\.js (monotonicNowNanos|wallTimeNanos|nanosPerMilli)\./],
  ["deadlines and clock reads", /\.(currentTime|monotonicTime)\w+$/],
  ["deadlines and clock reads", /^src\/(internal\/(deadlines|time|startTime|ticking)|promise\/hostClock)\.ts /],

  ["the handler and its timer", /^scripts\/bench\/tasks\.ts /],
  [
    "the handler and its timer",
    /^effect\/internal\/effect\.js (ClockRef|ClockImpl|MAX_TIMER_MILLIS|clockWith|sleep)\./
  ],
  ["the handler and its timer", /^effect\/Duration\.js /],
  ["the handler and its timer", /^node:(timers|internal\/(timers|linkedlist|priority_queue)) (?!.*[Ii]mmediate)/],
  ["the handler and its timer", /^native (scheduleTimer|toggleTimerRef|getLibuvNow)$/],

  ["the scheduler's hop and turns", /^effect\/Scheduler\.js /],
  ["the scheduler's hop and turns", /^effect\/internal\/effect\.js (yieldNow|yieldNowWith)\./],
  ["the scheduler's hop and turns", /^node:.*[Ii]mmediate/],
  ["the scheduler's hop and turns", /^native (toggleImmediateRef|setImmediate)$/],
  ["the scheduler's hop and turns", /^src\/internal\/runtime\.ts Turn\.(?!tell$)/],

  ["contexts", /^effect\/Context\.js /],
  ["contexts", /^effect\/internal\/effect\.js makeFiberContextCache\./],
  ["contexts", /\.(setContext|getRef|contextOf|enterContext|callerContext|provideContext|updateContext)$/],
  ["contexts", /^src\/internal\/origin\.ts /],

  ["histograms and counts", /^src\/(Latencies|internal\/(histogram|buckets|counters|countsBy|series|gauges))\.ts /],

  ["schema and exits", /^effect\/(Schema\w*|Predicate|Exit|Cause|Option|Result|internal\/schema\/.*)\.js /],
  // An exit that goes on with the fiber's next frame is the runtime's: only its making and asking are here.
  [runtime, /^effect\/internal\/core\.js exit(Succeed|FailCause)\.makeExit$/],
  ["schema and exits", /^effect\/internal\/core\.js (makeExit|exit\w*|isExit|Cause\w*|cause\w*)\./],
  ["schema and exits", /^effect\/internal\/effect\.js (exit\w*|effectIsExit|cause\w*)\./],
  ["schema and exits", /^src\/(Handlers|Outcome|internal\/(payload|exits))\.ts /],

  [
    "attempts, ends and notifying",
    /^src\/internal\/(attempt|settle|retry|routes|runnable|worker|fiberWorker|exitOf|crew|idle|task|taskWorker|unheard|core|hosting)\.ts /
  ],
  ["attempts, ends and notifying", /\.(notify|tell)$/],

  ["the caller: its fiber, stream or promise", /^src\/promise\//],
  ["the caller: its fiber, stream or promise", /^src\/internal\/(processing|calls)\.ts /],
  [
    "the caller: its fiber, stream or promise",
    /^effect\/(Stream|Channel|Pull|Queue|Take|MutableRef|internal\/stream|Scope)\.js /
  ],

  ["records, queue and admission", /^src\/(queue|internal\/(batch|groups|identity))\//],
  [
    "records, queue and admission",
    /^src\/internal\/(request|intake|admission|callOptions|events|drain|refused|deadLetterBox|recorder|shedding|controls|idOwner)\.ts /
  ],
  ["records, queue and admission", /^src\/(RequestQueue|RequestPolicy|Call|Ticket|PoolClient|WorkerPool)\.ts /],

  ["the driver of the benchmark", /^scripts\/bench\//],

  [runtime, /^effect\/internal\/(effect|core)\.js /],
  [
    runtime,
    /^effect\/(Effect|Fiber|Function|Pipeable|Utils|Array|Effectable|internal\/(tracer|references|metric))\.js /
  ],

  // Below what Effect promises: it is whose the fiber is.
  [runtime, /^src\/internal\/(inside|suspension)\.ts /],

  [host, /^native (?!\()/],
  [host, /^node:/],
  ["the rest of the host", /^native /]
]

/** `callers`: the frames that called this one, the nearest first. */
export const groupOf = (line: string, callers: () => Iterable<string>): Group => {
  const [group] = rules.find(([, pattern]) => pattern.test(line)) ?? ["unassigned"]
  return group === runtime ? sideOf(callers()) : group === host ? hostOf(callers()) : group
}

/** Time of the profiler itself, and time in which the thread waits, is no part of a request. */
export const isLeftOut = (line: string): boolean => line === "native (idle)" || line.startsWith("node:inspector ")

/** Where a caller's fiber is started, runs the pool's part of a call, and is told; and where a worker's is. */
const sides: ReadonlyArray<readonly [Group, RegExp]> = [
  ["workers' fibers", /^(src\/internal\/(fiberWorker|attempt|crew)\.ts|src\/Handlers\.ts|scripts\/bench\/tasks\.ts) /],
  ["the caller: its fiber, stream or promise", /^scripts\/bench\//],
  ["the caller: its fiber, stream or promise", /^src\/internal\/(calls|intake|processing|request)\.ts /],
  ["the caller: its fiber, stream or promise", /^src\/promise\//]
]

/** The nearest frame that is on a side decides. A fiber that a timer wakes is a worker's: none of these callers sleeps. */
const sideOf = (callers: Iterable<string>): Group => {
  for (const line of callers) {
    const side = sides.find(([, pattern]) => pattern.test(line))
    if (side !== undefined) return side[0]
  }
  return "workers' fibers"
}

/** What the handler asks of the host, such as a microtask, is the handler's. */
const hostOf = (callers: Iterable<string>): Group => {
  for (const line of callers) {
    if (/^(native|node:)/.test(line)) continue
    return /^scripts\/bench\/(tasks|effectTasks)\.ts /.test(line) ? "the handler and its timer" : "the rest of the host"
  }
  return "the rest of the host"
}
