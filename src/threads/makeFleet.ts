/** The threads of one layer, or of one pool of promises, for as long as its scope lasts. */
import { Clock, Context, Effect, References, type Scope } from "effect"
import { AsyncLocalStorage } from "node:async_hooks"
import type { Capacity } from "../index.ts"
import { Backlog } from "./backlog.ts"
import { Fleet } from "./fleet.ts"
import type { Ended, Host, Listener } from "./host.ts"
import { watchMemory } from "./memory.ts"
import { type FromThread, isReport, To } from "./messages.ts"
import { Reports } from "./reports.ts"
import type { Settings } from "./settings.ts"

/**
 * Its first threads are on their way. `places` are set to as many as are ready; whoever makes them
 * calls `want` when one is waited for. `isAwaited`: a thread that starts keeps the process alive though no request waits for it.
 */
export const makeFleet = Effect.fnUntraced(function* (
  settings: Settings,
  start: (listener: Listener) => Host,
  places: Capacity.Places,
  isAwaited: boolean
): Effect.fn.Return<Fleet, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const fork = (effect: Effect.Effect<void>) => {
    Effect.runForkWith(context)(Effect.forkIn(effect, scope, { startImmediately: true }))
  }
  const reports = new Reports(settings.name, context)
  const logLevel = Context.get(context, References.MinimumLogLevel)
  // A thread outlives the attempt for which it is started: it must not keep alive what that one's caller has in its async context.
  const outside = AsyncLocalStorage.snapshot()
  const fleet = new Fleet({
    settings,
    places,
    isAwaited,
    now: () => clock.currentTimeMillisUnsafe(),
    start: (thread) => {
      const backlog = new Backlog()
      const host = outside(start, {
        onMessage: (message: FromThread) => {
          thread.onMessage(message)
          if (isReport(message)) backlog.take()
        },
        onExit: (ended: Ended) => {
          reports.onDropped(thread, backlog.takeDropped())
          reports.onGone(thread, ended, clock.currentTimeNanosUnsafe())
          thread.onExit(ended)
        }
      })
      const shared = host.sharesMemory ? backlog.memory : undefined
      host.post([To.begin, { logLevel, cloned: [undefined], backlog: shared }], undefined)
      return host
    },
    onReport: (thread, report) => reports.on(thread, report),
    onGone: (thread, { detail, reason }) =>
      fork(Effect.logWarning(`thread ${thread.id} of "${settings.name}" has crashed (${reason}): ${detail}`)),
    afterKill: (then) => fork(Effect.delay(Effect.sync(then), millisToGo(settings)))
  })
  yield* Effect.addFinalizer(() => close(fleet, settings))
  fleet.ensure()
  // Before one has become ready there is nothing to look at.
  const someReady = until(fleet, () => fleet.stats.startMillis !== undefined)
  yield* Effect.forkScoped(Effect.andThen(someReady, look(fleet, settings)))
  return fleet
})

/** For ever: ends those that are not needed, and those that take too much memory. */
const look = (fleet: Fleet, { idleForMillis, memoryLimit }: Settings): Effect.Effect<void> => {
  const age = Effect.delay(
    Effect.sync(() => fleet.age()),
    Math.max(10, idleForMillis / 4)
  )
  return memoryLimit === undefined
    ? Effect.forever(age)
    : Effect.raceFirst(Effect.forever(age), watchMemory(fleet, memoryLimit))
}

/** Waits until that holds of its threads. It is asked at once, and whenever one has become ready, or is gone. */
export const until = (fleet: Fleet, holds: () => boolean): Effect.Effect<void> => {
  const changed = Effect.callback<void>((resume) => fleet.onChange(() => resume(Effect.void)))
  const wait: Effect.Effect<void> = Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(changed, wait)))
  return wait
}

/** To go takes a thread a moment, however soon attempts are killed. */
const leastMillisToGo = 500

/** How long one that is told to go, or that was killed, may still be there. */
const millisToGo = ({ killAfterMillis }: Settings): number => Math.max(leastMillisToGo, killAfterMillis)

/** All are told to go; those that have not in their time are left behind, and keep nothing from ending. */
const close = (fleet: Fleet, settings: Settings): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { name } = settings
    fleet.close()
    const gone = until(fleet, () => fleet.all.length === 0)
    const left = yield* Effect.timeoutOption(gone, millisToGo(settings))
    if (left._tag === "Some") return
    for (const thread of fleet.all) fleet.kill(thread)
    const rest = yield* Effect.timeoutOption(gone, millisToGo(settings))
    if (rest._tag === "Some") return
    for (const thread of fleet.all) {
      thread.keepAlive(false)
      const what = thread.task === undefined ? "its end" : `"${thread.task.tag}"`
      yield* Effect.logWarning(
        `thread ${thread.id} of "${name}" ignores that it was killed, and is left behind with ${what}`
      )
    }
  })
