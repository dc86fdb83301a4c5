/** Keys: what one has that comes back, how long it is remembered, and what it may weigh. */
import { assert, describe, it } from "vitest"
import * as Limit from "../../src/Limit.ts"
import { FairQueue } from "../../src/queue/fairQueue.ts"
import { Flows } from "../../src/queue/flows.ts"
import type { Discipline } from "../../src/Discipline.ts"
import { disciplineOf, NotedAlarm, requestOf } from "./support.ts"

const queueOf = (options: Partial<Discipline> = {}) => {
  const queue = new FairQueue(disciplineOf(options), new NotedAlarm())
  /** One that comes, runs for so long, and ends. */
  const run = (key: string, now: number, millis: number) => {
    queue.push(requestOf({ key }, now), now)
    const request = queue.take(now)!
    request.phase = "ended"
    queue.ended(request, millis, now + millis)
    queue.settled(request, now + millis)
  }
  return { queue, run }
}

describe("a key", () => {
  it("is one, also where the function of its weight sends a request of it", () => {
    let asked = 0
    const queue: FairQueue = queueOf({
      weight: () => {
        if (asked++ === 0) queue.push(requestOf({ key: "a" }, 0), 0)
        return 1
      }
    }).queue
    queue.push(requestOf({ key: "a" }, 0), 0)
    assert.lengthOf([...queue], 2)
    assert.strictEqual(queue.size, 2)
  })

  it("that comes back has neither credit for having been away nor its old debt", () => {
    const { queue, run } = queueOf()
    const { flows } = queue
    for (let at = 0; at < 100; at++) run("away", at * 10, 10)
    // Others have the workers for much longer.
    for (let at = 0; at < 1000; at++) run(at % 2 === 0 ? "a" : "b", 1000 + at * 10, 10)
    queue.push(requestOf({ key: "away" }), 20_000)
    assert.strictEqual(flows.find("away")!.virtual, flows.virtual)
  })

  it("that has had more than its share is remembered until the others have had theirs", () => {
    const { queue, run } = queueOf()
    const other = requestOf({ key: "other" })
    queue.push(other, 0)
    assert.strictEqual(queue.take(0), other)
    run("hog", 0, 1000)
    assert.isAbove(queue.flows.find("hog")!.virtual, queue.flows.virtual)
    // "other" is still at work: the time of the queue has gone on for both of them.
    for (let at = 0; at < 200; at++) run("third", 1000, 10)
    assert.isUndefined(queue.flows.find("hog"))
  })

  it("in debt is forgotten as the oldest of too many", () => {
    const { queue, run } = queueOf({ forgetKeys: 5 })
    const keeps = requestOf({ key: "keeps" })
    queue.push(keeps, 0)
    queue.take(0)
    for (let at = 0; at < 100; at++) run(`key ${at}`, at, 1)
    assert.isAtMost(queue.flows.size, 8)
    assert.isDefined(queue.flows.find("keeps"))
  })

  it("is not forgotten while a gate of its own is in force", () => {
    const limit = Limit.make({ name: "rate", per: "key", rate: { limit: 1, period: 1000 } })
    const { queue, run } = queueOf({ limits: [limit] })
    run("limited", 0, 1)
    for (let at = 0; at < 50; at++) run(`key ${at}`, 2, 1)
    assert.isDefined(queue.flows.find("limited"))
    assert.strictEqual(queue.gates.limits.all[0]!.gates, queue.flows.size)
    for (let at = 0; at < 200; at++) run("other", 2000 + at * 1000, 1)
    assert.strictEqual(queue.flows.size, 1)
    assert.strictEqual(queue.gates.limits.all[0]!.gates, 1)
  })

  it("of which only a pause is known is remembered as long as that lasts", () => {
    const { queue, run } = queueOf()
    const paused = queue.flows.of("paused")
    queue.gates.pause(paused, true, 0)
    queue.flows.release(paused)
    for (let at = 0; at < 50; at++) run("other", at, 1)
    assert.strictEqual(queue.flows.find("paused"), paused)
    queue.gates.pause(paused, false, 50)
    for (let at = 0; at < 50; at++) run("other", 50 + at, 1)
    assert.isUndefined(queue.flows.find("paused"))
  })
})

describe("the time of the queue", () => {
  it("goes on with the work that is done, so that keys that are always new do not come before one in debt", () => {
    const { queue, run } = queueOf()
    run("old", 0, 1000)
    queue.push(requestOf({ key: "old" }, 0), 1000)
    let others = 0
    for (let now = 1000; ; now += 10) {
      queue.push(requestOf({ key: `new ${now}` }, now), now)
      const request = queue.take(now)!
      if (request.payload === undefined && queue.flows.find("old")!.running === 1) break
      request.phase = "ended"
      queue.ended(request, 10, now + 10)
      others++
      assert.isBelow(others, 300, "it starves")
    }
  })

  it("stays a number whatever weights there are", () => {
    const weights = [1e-320, 1e-9, 0.1, 0.2, 0.3, 1, 1e9, 1e308, Number.MAX_VALUE]
    const flows = new Flows(disciplineOf({ weight: (key) => weights[Number(key)]! }))
    for (let round = 0; round < 100; round++) {
      const made = weights.map((_, at) => flows.of(String(at)))
      for (const flow of made) flows.join(flow)
      for (const flow of made) {
        flow.running = 1
        flows.charge(flow, 1e6)
        flow.running = 0
        assert.isTrue(Number.isFinite(flow.virtual) && Number.isFinite(flows.virtual), `weight ${flow.weight}`)
        assert.isFalse(Number.isNaN(flow.expected(flow.running)))
        flows.deactivate(flow)
      }
      const before = flows.virtual
      const only = flows.of("5")
      flows.join(only)
      flows.charge(only, 1)
      assert.closeTo(flows.virtual - before, 1, Math.max(1e-6, before * 1e-9), "one that is alone has all of the time")
      flows.deactivate(only)
    }
  })
})
