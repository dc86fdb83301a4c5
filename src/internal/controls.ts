/** The pool's levers and gauges: resize, bounds, pause, drain, snapshot. */
import { type Duration, Effect } from "effect"
import type { DrainReport } from "../DrainReport.ts"
import { type InvalidPoolConfig, type NestedWaitRefused, OutOfBounds } from "../PoolError.ts"
import type { HandlerCounts, PoolSnapshot } from "../PoolSnapshot.ts"
import * as checks from "./checks.ts"
import type { HeldBack } from "../queue/heldBack.ts"
import type { Core } from "./core.ts"
import { leftRunning } from "./drain.ts"

const nothing: PoolSnapshot["limits"] = {}

export const makeControls = (core: Core) => {
  const { config, counters, crew, drain, events, nesting, now, queue, routes, runRoute } = core
  let { minWorkers } = config

  const setTarget = (after: number) => {
    const before = crew.target
    if (after === before) return
    crew.target = after
    if (events.on) events.publish({ _tag: "Resized", before, after })
    crew.adjust()
  }

  /** By the same instant as all else in the snapshot. */
  const handlersAt = (now: number, held: HeldBack | undefined): PoolSnapshot["handlers"] => {
    const handlers: Record<string, HandlerCounts> = {}
    const heldBack = (tag: string) => held?.of(queue.fair!.gates.tag(tag)) ?? 0
    for (const { counts, tag } of routes.values()) handlers[tag] = counts.snapshot(now, heldBack(tag))
    const { counts, tag } = runRoute
    if (counts.offered > 0) handlers[tag] = counts.snapshot(now, heldBack(tag))
    return handlers
  }

  const limitsOf = (held: HeldBack | undefined): PoolSnapshot["limits"] =>
    held === undefined
      ? nothing
      : // As entries: a name such as "__proto__" is one like any other.
        Object.fromEntries(
          queue.fair!.gates.limits.all.map((state) => {
            const { breaker, concurrency, gates, limit, paused, running, started } = state
            const { lessor, name, places, rate = lessor?.rate } = limit
            const threads = places?.threads?.()
            return [
              name,
              {
                concurrency,
                rate,
                paused,
                running,
                heldBack: held.of(state),
                started,
                gates,
                ...(breaker !== undefined && { breaker }),
                ...(threads !== undefined && { threads })
              }
            ]
          })
        )

  const snapshotAt = (atMillis: number): PoolSnapshot => {
    const held = queue.fair?.heldBackAt(atMillis)
    return {
      ...counters,
      pool: config.name,
      state: drain.state,
      paused: crew.paused,
      atMillis,
      refused: counters.refusedFull + counters.refusedDraining + counters.refusedOpen + counters.refusedDuplicate,
      blocked: queue.blocked,
      waiting: queue.waiting,
      delayed: queue.delayed,
      scheduled: queue.scheduled,
      ...(queue.overload && { overloaded: queue.overload.isOverloaded }),
      heldBack: held?.total ?? 0,
      keys: queue.fair?.flows.size ?? 0,
      limits: limitsOf(held),
      workers: crew.size,
      idle: crew.size - (counters.running - counters.batched) - counters.ending - counters.stuck,
      target: crew.target,
      retiring: crew.retiring,
      minWorkers,
      maxWorkers: crew.mode === "elastic" ? crew.maxWorkers : Infinity,
      maxStuckWorkers: config.maxStuckWorkers,
      capacity: queue.capacity,
      handlers: handlersAt(atMillis, held)
    }
  }

  return {
    resize: (workers: number): Effect.Effect<void, OutOfBounds> =>
      Effect.suspend(() => {
        const { maxWorkers } = crew
        if (!Number.isInteger(workers) || workers < minWorkers || workers > maxWorkers) {
          return Effect.fail(new OutOfBounds({ workers, minWorkers, maxWorkers }))
        }
        if (drain.state === "open") setTarget(workers)
        return Effect.void
      }),
    setBounds: (bounds: { readonly minWorkers?: number | undefined; readonly maxWorkers?: number | undefined }) =>
      Effect.suspend(() => {
        const least = bounds.minWorkers ?? minWorkers
        const most = bounds.maxWorkers ?? crew.maxWorkers
        const invalid = checks.bounds(least, most)
        if (invalid !== undefined) return Effect.fail(invalid)
        minWorkers = least
        crew.maxWorkers = most
        if (drain.state === "open") setTarget(Math.min(Math.max(crew.target, least), most))
        return Effect.void
      }),
    pause: Effect.sync(() => {
      if (crew.paused || drain.state !== "open") return
      crew.paused = true
      queue.overload?.pause()
      if (events.on) events.publish({ _tag: "Paused" })
    }),
    resume: Effect.sync(() => {
      if (!crew.paused) return
      crew.paused = false
      queue.overload?.resume(now())
      if (events.on) events.publish({ _tag: "Resumed" })
      crew.wakeAll()
    }),
    drain: (options?: {
      readonly deadline?: Duration.Input | undefined
      readonly waiting?: "finish" | "interrupt" | undefined
    }) =>
      Effect.suspend((): Effect.Effect<DrainReport, InvalidPoolConfig | NestedWaitRefused> => {
        const { deadline, waiting = "finish" } = options ?? {}
        const invalid = checks.oneOf("finish", "interrupt")("waiting", waiting)
        if (invalid !== undefined) return Effect.fail(invalid)
        const millis = deadline === undefined ? config.drainDeadlineMillis : checks.millis("deadline", deadline, 0)
        if (typeof millis !== "number") return Effect.fail(millis)
        const refusal = nesting.refuseDrain()
        if (refusal === undefined) return drain.run(millis, waiting)
        drain.start(millis, waiting)
        return refusal
      }),
    running: Effect.sync(() => leftRunning(crew.all, now())),
    snapshot: Effect.sync(() => snapshotAt(now())),
    latencies: Effect.sync(() => ({ waited: core.waited.counts, ran: core.ran.counts }))
  }
}
