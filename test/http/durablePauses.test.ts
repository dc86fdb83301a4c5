/** Whoever pauses a part of the cluster sees it paused: its process hears of it a moment later. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import type { Durable } from "../../src/durable/service.ts"
import type { Pause } from "../../src/durable/Store.ts"
import { ofStore } from "../../src/http/pauses.ts"
import { PoolError, type WorkerPool } from "../../src/index.ts"

const make = (setPause: Effect.Effect<void, PoolError.StoreUnavailable> = Effect.void) => {
  const said: { pauses: ReadonlyArray<Pause>; asked: Array<[Pause, boolean]> } = { pauses: [], asked: [] }
  const durable = {
    local: Effect.sync(() => ({ pauses: said.pauses })),
    setPause: (pause: Pause, paused: boolean) => {
      said.asked.push([pause, paused])
      return setPause
    }
  } as unknown as Durable["Service"]
  return { said, pauses: ofStore({} as WorkerPool.WorkerPool["Service"], durable) }
}

it.effect("is done once this process has heard of it, and waits for that a second at most", () =>
  Effect.gen(function* () {
    const { pauses, said } = make()
    const pausing = yield* Effect.forkChild(pauses.set({ tag: "Echo" }, true), { startImmediately: true })
    yield* TestClock.adjust(500)
    assert.strictEqual(pausing.pollUnsafe(), undefined)
    said.pauses = [{ key: "acme" }, { tag: "Echo" }]
    yield* TestClock.adjust(5)
    assert.deepStrictEqual(pausing.pollUnsafe(), Exit.void)
    assert.strictEqual(yield* pauses.isAll, false)
    const resuming = yield* Effect.forkChild(pauses.set("all", true), { startImmediately: true })
    yield* TestClock.adjust(999)
    assert.strictEqual(resuming.pollUnsafe(), undefined)
    yield* TestClock.adjust(1)
    assert.deepStrictEqual(resuming.pollUnsafe(), Exit.void)
    said.pauses = [{}]
    assert.strictEqual(yield* pauses.isAll, true)
    assert.deepStrictEqual(said.asked, [
      [{ tag: "Echo" }, true],
      [{}, true]
    ])
  })
)

it.effect("waits for nothing where the store has not taken it", () =>
  Effect.gen(function* () {
    const away = new PoolError.StoreUnavailable({ reason: "away", detail: "" })
    const { pauses } = make(Effect.fail(away))
    assert.deepStrictEqual(yield* Effect.flip(pauses.set({ key: "acme" }, true)), away)
  })
)
