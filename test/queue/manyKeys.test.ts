/** Many keys at a gate that closes or opens: the host gets its turns in between, and nobody is forgotten. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Limit from "../../src/Limit.ts"
import { FairQueue } from "../../src/queue/fairQueue.ts"
import { withPool } from "../support/bench.ts"
import { disciplineOf, NotedAlarm, requestOf } from "./support.ts"

it("of 2,500 that find it closed a take looks at 1,000, and whoever asks again at the others", () => {
  const queue = new FairQueue(disciplineOf({}), new NotedAlarm())
  for (let key = 0; key < 2500; key++) queue.push(requestOf({ key: String(key) }, 0), 0)
  queue.gates.pause(queue.gates.tag(requestOf({}).tag), true, 0)
  const free: Array<number> = []
  do {
    assert.isUndefined(queue.take(0))
    free.push(queue.free)
  } while (queue.free > 0)
  assert.deepStrictEqual(free, [1500, 500, 0])
})

it.effect("of 2,500 that go on to another one all have their turn there", () =>
  withPool({ minWorkers: 4, maxWorkers: 4, limits: [Limit.make({ name: "two", concurrency: 2 })] })((bench) =>
    Effect.gen(function* () {
      bench.on("slow", Effect.as(Effect.sleep(10), "done"))
      yield* bench.call("slow")
      yield* bench.call("slow", { id: "slow2" })
      yield* bench.pool.pauseOnly({ tag: "Work" })
      for (let key = 0; key < 2500; key++) yield* bench.submit(String(key), { key: String(key) })
      yield* bench.pool.resumeOnly({ tag: "Work" })
      assert.deepInclude(yield* bench.pool.snapshot, { heldBack: 2500, running: 2 })
      yield* TestClock.adjust(10)
      assert.deepInclude(yield* bench.pool.snapshot, { succeeded: 2502, heldBack: 0 })
    })
  )
)
