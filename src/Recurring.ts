/**
 * Calls that recur, by a cron or a schedule: producers beside a pool, whose ticks ask for requests like any other caller.
 *
 * Changes of clock are those of `Cron`: an hour that is left out, or comes twice. A wall clock that is set forward is noticed within a
 * minute, and what it leaps over was missed; one that is set back makes no tick come twice: the next comes when its time has come again.
 */
import { Effect, Layer, type Scope } from "effect"
import * as checks from "./internal/checks.ts"
import { connectionOf, recurringOn } from "./internal/recurringPools.ts"
import type { InvalidPoolConfig } from "./PoolError.ts"
import { Clockwork, type RecurringView } from "./recurring/clockwork.ts"
import { unfit } from "./recurring/fitting.ts"
import { isCall, type Options, settingsOf } from "./recurring/options.ts"
import { WorkerPool } from "./WorkerPool.ts"

export type { RecurringView, TickResult } from "./recurring/clockwork.ts"
export type { ByCron, BySchedule, Missed, Options, Overlap, Plan } from "./recurring/options.ts"

/**
 * A call that recurs on this pool for as long as the scope is open and the pool takes requests; what it has asked for goes on after
 * that. A tick that is refused, by a full queue or for any other reason, is counted, told (`Ticked`) and logged, and not tried again. Fails with
 * `InvalidPoolConfig`, which names the option; a name may be there once on a pool. Answers what a page would show of it.
 */
export const make = (
  pool: WorkerPool["Service"],
  options: Options
): Effect.Effect<Effect.Effect<RecurringView>, InvalidPoolConfig, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = yield* settingsOf(options)
    const { name } = settings
    const connection = connectionOf(pool)
    const wrong = isCall(options.call) ? yield* unfit(options.call, connection) : undefined
    if (wrong !== undefined) return yield* Effect.fail(wrong)
    const others = recurringOn<Clockwork>(pool)
    const clockwork = new Clockwork(pool, connection, settings)
    if (others.has(name)) {
      return yield* Effect.fail(checks.wrong("name", "a name that nothing else has which recurs on this pool", name))
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => others.set(name, clockwork)),
      () => Effect.sync(() => others.delete(name))
    )
    yield* Effect.forkScoped(clockwork.run, { startImmediately: true })
    return Effect.sync(() => clockwork.view)
  })

/** The same as a layer over a pool: `Recurring.layer({ name: "report", cron: "30 2 * * *", call: WorkerPool.call(Report, {}) })`. */
export const layer = (options: Options): Layer.Layer<never, InvalidPoolConfig, WorkerPool> =>
  Layer.effectDiscard(Effect.flatMap(WorkerPool, (pool) => make(pool, options)))

/** What recurs on this pool, in the order in which it was made. */
export const of = (pool: WorkerPool["Service"]): Effect.Effect<ReadonlyArray<RecurringView>> =>
  Effect.sync(() => [...recurringOn<Clockwork>(pool).values()].map(({ view }) => view))
