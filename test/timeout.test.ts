/** Timeouts: when a caller hears, when the slot is free, and what becomes of attempts that ignore it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { slowly, state, withPool } from "./support/bench.ts"

describe("timeout", () => {
  it.effect("the caller hears at the deadline of the last attempt, not after the finalizers", () =>
    withPool({ timeout: 100, maxWorkers: 1 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", slowly(50)(Effect.never))
        const a = yield* bench.call("a")
        yield* TestClock.adjust(99)
        assert.strictEqual(state(a), "waits")
        yield* TestClock.adjust(1)
        assert.strictEqual(state(a), "RequestTimeout")
        assert.deepStrictEqual(bench.log, ["0 a1 start"])
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(bench.log, ["0 a1 start", "150 a1 interrupted"])
      })
    )
  )
})
