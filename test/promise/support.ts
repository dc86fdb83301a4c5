/** Pools of promises that a test opens: after each, their books are looked at and they are closed. */
import { Clock, Context, Duration, Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { afterEach, expect, vi } from "vitest"
import { PoolSnapshot } from "../../src/index.ts"
import { make } from "../../src/promise/createPool.ts"
import { createPool, type Options, type Pool } from "../../src/promise/index.ts"

type Advance = (millis: number, step?: number) => Promise<void>
const pools: Array<{ readonly pool: Pool<any>; readonly advance: Advance | undefined }> = []

afterEach(async () => {
  for (const { advance, pool } of pools.splice(0)) {
    expect(PoolSnapshot.lawViolations(pool.snapshot())).toEqual([])
    const drained = pool.drain({ deadline: 0 })
    await advance?.(2)
    await drained
  }
})

/** `advance`: how time passes for it, where it does not by itself. */
export const keep = (pool: Pool<any>, advance?: Advance): void => void pools.push({ pool, advance })

/** With as many workers as it is told, and no scaler. */
export const open = (options: Options = {}): Pool => {
  const pool = createPool({ scaling: "none", ...options })
  keep(pool)
  return pool
}

export const failure = (call: Promise<unknown>): Promise<any> =>
  call.then(
    (value) => expect.fail(`expected a failure, got ${String(value)}`),
    (error) => error
  )

export const gate = () => Promise.withResolvers<void>()

/** What needs no time has happened. */
export const turn = () => new Promise(setImmediate)

/** Asks until it holds; other threads, and other processes, need time for it, on a busy machine much. */
export const eventually = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 20_000, interval: 5 })

/** A pool on virtual time, and all that its tasks and callers note. */
export const openHeld = (options: Options = {}) => {
  const virtual = Effect.runSync(Scope.provide(Layer.build(TestClock.layer()), Scope.makeUnsafe()))
  const clock = Context.get(virtual, Clock.Clock)
  const held = Object.assign(Object.create(clock) as Clock.Clock, { hold: () => {}, release: () => {} })
  const made = make({ scaling: "none", timeout: "none", drainGrace: 1, log: () => {}, ...options }, () => held)
  const pool: Pool = Effect.runSync(Scope.provide(made, Scope.makeUnsafe()))
  const notes: Array<string> = []
  const now = () => clock.currentTimeMillisUnsafe()
  const advance: Advance = async (millis, step = 1) => {
    for (let left = millis; left > 0; left -= step) {
      await Effect.runPromise(Effect.provide(TestClock.adjust(step), virtual))
      await turn()
      await turn()
    }
  }
  keep(pool, advance)
  return {
    pool,
    notes,
    now,
    /** Notes when something happens. */
    note: (what: string) => void notes.push(`${now()} ${what}`),
    /** A task that notes its start, and lasts so long. */
    work:
      (name: string, millis = 0) =>
      async (): Promise<string> => {
        notes.push(`${now()} ${name}`)
        if (millis > 0) await Effect.runPromise(clock.sleep(Duration.millis(millis)))
        return name
      },
    /** Time passes, `step` by step, and in each there happens all that needs none. */
    advance
  }
}
