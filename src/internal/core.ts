/** Puts the parts of one pool together. What its parts may know of each other can be read here. */
import { type Context, Effect, Exit, Fiber, Scope } from "effect"
import * as DrainReport from "../DrainReport.ts"
import { Handlers } from "../Handlers.ts"
import { PoolConfig } from "../PoolConfig.ts"
import type * as RequestPolicy from "../RequestPolicy.ts"
import { RequestQueue, type WaitingRequests } from "../RequestQueue.ts"
import { Admission } from "./admission.ts"
import { Attempts } from "./attempt.ts"
import { connectBreakers } from "./breaking.ts"
import { connectPlaces, disciplineOf } from "./capacity.ts"
import { Counters } from "./counters.ts"
import { Crew, type Mode } from "./crew.ts"
import { DeadLetterBox } from "./deadLetterBox.ts"
import { Deadline, Deadlines, grainMillis } from "./deadlines.ts"
import { Drain } from "./drain.ts"
import { Events } from "./events.ts"
import { FiberWorker } from "./fiberWorker.ts"
import { Groups } from "./groups/groups.ts"
import { LatencyHistogram } from "./histogram.ts"
import { Identities } from "./identity/identities.ts"
import { Latest } from "./identity/latest.ts"
import { Nesting } from "./nesting.ts"
import type { Canceller, PoolRequest, Route } from "./request.ts"
import { makeRetryDelay } from "./retry.ts"
import { type PlainHandler, Routes } from "./routes.ts"
import { runnable } from "./runnable.ts"
import { Alarm, inherit, Turn } from "./runtime.ts"
import { makeSettle } from "./settle.ts"
import { connectShedding } from "./shedding.ts"
import { Time } from "./time.ts"
import { Unheard } from "./unheard.ts"
import type { Parts, Worker } from "./worker.ts"

export interface Core {
  readonly config: PoolConfig["Service"]
  /** What workers run with, but for what a handler has of its own. */
  readonly context: Context.Context<never>
  /** How each tag is run. */
  readonly routes: ReadonlyMap<string, Route>
  /** One more tag. Its policy is the pool's where it has none of its own. */
  readonly addRoute: (tag: string, handler: PlainHandler, policy: RequestPolicy.Resolved | undefined) => Route
  /** How `run` runs its effects: as their callers would. */
  readonly runRoute: Route
  /** The same tags, with the Rpc that describes each. */
  readonly handlers: Handlers["Service"]
  readonly now: () => number
  readonly admission: Admission
  readonly counters: Counters
  readonly waited: LatencyHistogram
  readonly ran: LatencyHistogram
  readonly crew: Crew
  readonly deadlines: Deadlines
  readonly deadLetters: DeadLetterBox
  readonly drain: Drain
  readonly events: Events
  readonly groups: Groups
  readonly identities: Identities
  readonly nesting: Nesting
  readonly queue: WaitingRequests
  readonly turn: Turn
  /** Ends when the pool has drained. */
  readonly lasting: Scope.Scope
}

/** How this pool's workers are made, given what handlers run with but for what one has of its own. */
export type Hire = (context: Context.Context<never>) => (parts: Parts) => Worker

const hireFibers: Hire = (context) => (parts) => new FiberWorker(parts, context)

/** The machine, running. Its scope's end drains it. */
export const makeCore = Effect.fnUntraced(function* (mode: Mode, hire: Hire = hireFibers) {
  const config = yield* PoolConfig
  const handlers = yield* Handlers
  const canceller: Canceller = {
    cancel: (request) => admission.cancel(request),
    cancelAndWait: (request) => admission.cancelAndWait(request),
    setPriority: (request, priority) => admission.setPriority(request, priority)
  }
  const nesting = new Nesting()
  const routes = new Routes(config, canceller, nesting)
  for (const [tag, handler] of handlers) yield* Effect.fromResult(routes.add(tag, handler))
  const discipline = yield* disciplineOf(config, handlers)
  const runRoute: Route = {
    tag: "run",
    policy: config.policy,
    context: undefined,
    run: (effect) => runnable("run", effect),
    batch: undefined,
    subjectOf: () => undefined,
    canceller,
    nesting,
    idPrefix: config.idPrefix,
    counts: routes.byTag.get("run")?.counts ?? routes.counts()
  }
  const context = inherit(yield* Effect.context<never>())
  const log = (line: Effect.Effect<void>) => Effect.runForkWith(context)(Effect.annotateLogs(line, "pool", config.name))
  const lasting = yield* Effect.flatMap(Effect.scope, Scope.fork)
  const scope = Scope.makeUnsafe("parallel")
  const time = new Time(context)
  const { now } = time
  const turn = new Turn(context, (defect) => log(Effect.logError("an observer of a caller threw", defect)))
  const counters = new Counters()
  const waited = new LatencyHistogram()
  const ran = new LatencyHistogram()
  const events = new Events()
  const drain = new Drain()
  const deadlines = new Deadlines(time, new Alarm(context, scope), turn)
  const deadLetters = new DeadLetterBox(config.deadLetters)
  const gatesOpen = new Deadline((now) => {
    queue.fair!.gates.onAlarm(now)
    crew.wakeAll()
  })
  const queue: WaitingRequests = (yield* RequestQueue).make(
    counters,
    {
      set: (at, now) => deadlines.set(gatesOpen, now, Math.ceil(at - now - grainMillis)),
      clear: () => deadlines.clear(gatesOpen)
    },
    discipline
  )

  for (const { batch, tag } of routes.byTag.values()) {
    if (batch !== undefined) queue.rank().gates.tag(tag).batching = batch
  }
  const settle = makeSettle({
    counters,
    waited,
    ran,
    deadlines,
    deadLetters,
    events,
    queue,
    turn,
    onDefect: new Unheard({ now, turn, log }).onDefect,
    onSettled: (request, from, millis) => drain.onSettled(request, from, millis),
    onTold: drain.check
  })
  const onReturn = () => {
    if (queue.free > 0) crew.wake()
    nesting.lendAll()
  }
  const latestReturn = (request: PoolRequest) => drain.latestReturn(request)
  const attempts: Attempts = new Attempts({
    now,
    interruptGraceMillis: config.interruptGraceMillis,
    counters,
    deadlines,
    queue,
    events,
    settle,
    retryDelay: makeRetryDelay(context, ({ attempts, id, tag }) => {
      counters.retriesDenied++
      if (events.on) events.publish({ _tag: "RetryDenied", id, tag, attempt: attempts })
    }),
    latestReturn,
    onPlace: () => {
      admission.onPlace()
      // To be taken, it may have let others go at a gate. Whoever is woken for them finds this one counted.
      crew.wakeFreed(0)
    },
    onReturn,
    onFreed: (byWorker) => crew.wakeFreed(byWorker),
    onPostponed: (request, { kind, name }, millis) => {
      if (events.on) events.publish({ _tag: "Postponed", id: request.id, tag: request.tag, kind, name, millis })
    },
    onHostEnded: (worker) => nesting.leave(worker),
    onStuck: (worker, { id, tag }) => {
      if (events.on) events.publish({ _tag: "WorkerStuck", worker: worker.id, id, tag })
      log(Effect.logWarning(`worker ${worker.id} is stuck: "${tag}" (request ${id}) ignores its interruption`))
      crew.keepStuck(worker)
      crew.adjust()
      drain.check()
    }
  })
  const crew: Crew = new Crew(
    {
      hire: hire(context),
      scope,
      attempts,
      counters,
      events,
      queue,
      turn,
      maxStuckWorkers: config.maxStuckWorkers,
      onCrash: (worker, exit) => {
        log(Effect.logError(`worker ${worker.id} died`, Exit.isFailure(exit) ? exit.cause : undefined))
        attempts.end(worker, Exit.isFailure(exit) ? exit : Exit.die(exit.value), now())
      },
      onWorkerEnded: drain.check,
      onReturned: nesting.lend,
      onShort: () => nesting.lendAll(),
      onReserved: (request, now) => admission.admitAtOnce(request, now),
      onExpired: (request, now) => admission.expireTaken(request, now)
    },
    config,
    mode
  )
  const admission: Admission = new Admission({
    name: config.name,
    maxScheduled: config.maxScheduled,
    now,
    attempts,
    counters,
    crew,
    deadlines,
    events,
    queue,
    settle,
    turn,
    isOpen: () => drain.state === "open",
    letsIn: (request) => drain.isFinishing && nesting.isFromWithin(request)
  })
  const latest = new Latest({ now, admission, deadlines, queue, turn, latestReturn, onReturn })
  const identities = new Identities({ now, admission, counters, events, latest, turn })
  nesting.connect({
    name: config.name,
    counters,
    crew,
    deadlines,
    now,
    queue,
    onLent: (tag, childTag) =>
      log(
        Effect.logWarning(
          `"${tag}" waits for "${childTag}" of its own pool while no worker is free: it runs in its slot (more workers, ` +
            `or a pool of its own for "${childTag}", would run them side by side)`
        )
      )
  })
  drain.connect({
    name: config.name,
    graceMillis: config.drainGraceMillis,
    now,
    admission,
    counters,
    crew,
    deadlines,
    events,
    nesting,
    queue,
    turn,
    onDrained: (report) =>
      log(report.forced ? Effect.logWarning(DrainReport.format(report)) : Effect.logDebug(DrainReport.format(report)))
  })

  connectBreakers({ admission, crew, events, log, now, queue, settle, tags: routes.byTag.keys(), turn })
  connectShedding({ counters, crew, deadlines, events, queue, settle })
  yield* connectPlaces({ crew, events, now, queue, turn })
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const { stuckCount } = yield* drain.run(config.drainDeadlineMillis)
      const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
      // A stuck fiber has had its grace: waiting for it would wait for ever.
      if (stuckCount === 0) yield* Fiber.await(closing)
    })
  )
  crew.adjust()
  const core: Core = {
    config,
    context,
    routes: routes.byTag,
    addRoute: (tag, handler, policy) => routes.addPlain(tag, handler, policy),
    runRoute,
    handlers,
    now,
    admission,
    counters,
    waited,
    ran,
    crew,
    deadlines,
    deadLetters,
    drain,
    events,
    groups: new Groups(),
    identities,
    nesting,
    queue,
    turn,
    lasting
  }
  return core
})
