/** What random sequences seldom come to: each is a fault that the queue once had. */
import { assert, describe, it } from "vitest"
import * as Limit from "../../src/Limit.ts"
import { FairQueue } from "../../src/queue/fairQueue.ts"
import { disciplineOf, NotedAlarm, requestOf } from "./support.ts"

describe("gates that fall due together", () => {
  it("are all looked at, though what one lets go comes to wait at the other", () => {
    const limits = [
      Limit.make({ name: "all", rate: { limit: 1, period: 50 } }),
      Limit.make({ name: "own", concurrency: 1, until: "request", rate: { limit: 1, period: 100 } })
    ]
    const queue = new FairQueue(disciplineOf({ limits }), new NotedAlarm())
    const first = requestOf({}, 0)
    queue.push(first, 0)
    assert.strictEqual(queue.take(0), first)
    // Of another key: it waits until 50 at the first gate.
    queue.push(requestOf({ key: "other" }, 0), 0)
    // It comes back when that is open, and waits until 100 at the second one, where it counts.
    queue.ended(first, 10, 10)
    queue.pushFirst(first, 60)
    assert.strictEqual(queue.gates.heldBack, 2)
    // The alarm rings late: what was let go by the first gate finds the second one full.
    queue.gates.onAlarm(110)
    assert.strictEqual(queue.free, 1)
    assert.strictEqual(queue.take(110), first)
  })
})
