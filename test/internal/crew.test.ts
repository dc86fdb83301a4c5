/** Workers that have had nothing to do yet. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { Act, fiberOf, makeWorld } from "../model/world.ts"
import { gate, open, turn } from "../promise/support.ts"

const behaviour = "sync"

describe("Crew", () => {
  it.effect("a worker has no fiber before its first request, and ends with the pool all the same", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { core, pool } = yield* makeWorld({ minWorkers: 1, maxWorkers: 3 }).pipe(Scope.provide(scope))
      yield* pool.resize(3)
      const withFiber = () => core.crew.all.filter((worker) => fiberOf(worker) !== undefined).map(({ id }) => id)
      expect((yield* pool.snapshot).workers).toBe(3)
      expect(withFiber()).toEqual([])
      yield* pool.execute(Act, { key: 1, behaviour })
      yield* pool.execute(Act, { key: 2, behaviour })
      expect(withFiber()).toEqual([3])
      yield* pool.resize(1)
      expect((yield* pool.snapshot).workers).toBe(1)
      yield* Scope.close(scope, Exit.void)
      expect((yield* pool.snapshot).workers).toBe(0)
    })
  )

  for (const how of ["given up", "held by a pause"]) {
    it(`of none that are wanted none stays for what was ${how} before there was time for it`, async () => {
      const pool = open({ minWorkers: 0, maxWorkers: 2 })
      const held = gate()
      const leaving = new AbortController()
      const first = pool.run(() => held.promise)
      const second = pool.run(() => busy(10))
      const third = pool.run(() => 3, { signal: leaving.signal }).catch(() => "gone")
      held.resolve()
      await Promise.all([first, second])
      if (how === "given up") leaving.abort()
      else pool.pause()
      await turn()
      await turn()
      expect(pool.snapshot()).toMatchObject({ workers: 0, retiring: 0 })
      pool.resume()
      expect(await third).toBe(how === "given up" ? "gone" : 3)
    })
  }
})

/** For longer than a turn. */
const busy = (millis: number): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}
