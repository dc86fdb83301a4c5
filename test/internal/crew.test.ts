/** Workers that have had nothing to do yet. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { Act, fiberOf, makeWorld } from "../model/world.ts"

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
})
