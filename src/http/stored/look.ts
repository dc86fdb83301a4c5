/**
 * What is in the whole store, looked at for all who ask: however many they are, the store is asked once a second at most, and once at
 * a time. Exact counts cost what there is to count, half a second for a million: they take a tenth of the time at most. Nobody asks while
 * nobody looks.
 */
import { Clock, Effect, Fiber, Option, type Scope } from "effect"
import type { Durable } from "../../durable/service.ts"
import type { Counts, ProcessRecord } from "../../durable/Store.ts"

/** In milliseconds. */
export const everyMillis = 1000
/** However long a look takes, the next one begins no later than that. */
const seldomMillis = 30_000
/** Whoever asks waits no longer than that for a store that does not answer. */
const patienceMillis = 2000

export interface Seen {
  /** Milliseconds since 1970; `0`: nobody has looked yet. */
  readonly at: number
  /** `undefined`: the store could not be reached. */
  readonly counts: Counts | undefined
  /** Those that have not left. */
  readonly processes: ReadonlyArray<ProcessRecord>
}

export interface Look {
  /** At most a second old, or ten times as old as the store takes to answer: then at most half a minute. */
  readonly fresh: Effect.Effect<Seen>
  /** What was seen last. */
  readonly latest: () => Seen
  /** Begins a look where the last one is old, and waits for nothing. */
  readonly glance: () => void
  /** Calls back after each look, until the scope ends. */
  readonly follow: (listener: (seen: Seen) => void) => Effect.Effect<void, never, Scope.Scope>
}

export const make = (
  durable: Pick<Durable["Service"], "counts" | "local" | "processes">
): Effect.Effect<Look, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const clock = yield* Clock.Clock
    const listeners = new Set<(seen: Seen) => void>()
    let seen: Seen = { at: 0, counts: undefined, processes: [] }
    let nextAt = -Infinity
    let looking: Fiber.Fiber<void> | undefined

    const look = Effect.gen(function* () {
      const { isAway } = yield* durable.local
      const found = isAway ? undefined : Option.getOrUndefined(yield* Effect.option(ask))
      const at = clock.currentTimeMillisUnsafe()
      seen = { at, counts: found?.counts, processes: found?.processes.filter((one) => one.leftAt === undefined) ?? [] }
      for (const listener of listeners) listener(seen)
    })
    const ask = Effect.all({ counts: durable.counts, processes: durable.processes }, { concurrency: 2 })
    const elapsed = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const begin = (): Fiber.Fiber<void> | undefined => {
      const begunAt = elapsed()
      if (looking !== undefined || begunAt < nextAt) return looking
      nextAt = begunAt + everyMillis
      const fiber = Fiber.runIn(fork(look), scope)
      if (fiber.pollUnsafe() !== undefined) return undefined
      looking = fiber
      fiber.addObserver(() => {
        looking = undefined
        const rest = Math.max(everyMillis, 10 * (elapsed() - begunAt))
        nextAt = begunAt + Math.min(seldomMillis, rest)
      })
      return fiber
    }
    return {
      fresh: Effect.suspend(() => {
        const fiber = begin()
        if (fiber === undefined) return Effect.sync(() => seen)
        return Effect.map(Effect.timeoutOption(Fiber.await(fiber), patienceMillis), () => seen)
      }),
      latest: () => seen,
      glance: () => void begin(),
      follow: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => void listeners.add(listener)),
          () => Effect.sync(() => void listeners.delete(listener))
        )
    }
  })
