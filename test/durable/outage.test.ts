/** An outage of the store that all share makes nobody take another for dead, whenever each of them is heard again. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster

describe("after an outage", () => {
  it.effect("nothing is delivered twice, however the beats of two processes lie", () =>
    Effect.gen(function* () {
      for (let apart = 50; apart < 1_000; apart += 75) {
        const cluster = yield* Cluster.make
        const gate = yield* Deferred.make<void>()
        const options = { maxWorkers: 1, timeout: "none" } as const
        const first = yield* cluster.start("first", options)
        yield* TestClock.adjust(apart)
        const second = yield* cluster.start("second", options)
        const waiting: Array<Fiber.Fiber<string, unknown>> = []
        for (const id of ["one", "two", "three", "four"]) {
          cluster.on(id, () => Effect.as(Deferred.await(gate), id))
          waiting.push(yield* Effect.forkChild(first.pool.execute(Work, { id }), { startImmediately: true }))
          yield* TestClock.adjust(300)
        }
        const { faults } = cluster.memory
        // Nobody is told that it is there again, so that each finds that out by itself; and the beats of the second are out of step with its looks.
        faults.loseNotices(true)
        yield* TestClock.adjust(5_130)
        yield* second.durable.setPause({ key: "nobody" }, true)
        yield* TestClock.adjust(1_000)
        faults.setReach("away")
        yield* TestClock.adjust(15_450)
        faults.setReach("here")
        yield* TestClock.adjust(20_000)
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust(5_000)
        for (const fiber of waiting) yield* Fiber.join(fiber)
        assert.lengthOf(cluster.log, 4, `${apart} ms apart: ${cluster.log.join(", ")}`)
        yield* first.close
        yield* second.close
      }
    })
  )
})
