/** Loads with keys and priorities, and what is told of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Limit, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { jain } from "../../src/simulation/groups.ts"
import { makeDraw } from "../../src/simulation/random.ts"

const { Arrivals, ServiceTimes } = Simulation

const drawn = (arrivals: Simulation.Arrivals.Arrivals, millis = 10_000) => [...arrivals.draw(makeDraw("1"), millis)]
const refused = (arrivals: Simulation.Arrivals.Arrivals) => arrivals.invalid?.field

describe("loads made of loads", () => {
  it("labels move no arrival", () => {
    const plain = Arrivals.poisson(50)
    const of = Arrivals.labelled(plain, { key: [{ value: "a" }, { value: "b", share: 3 }], priority: 2 })
    assert.deepStrictEqual(
      drawn(of).map(({ atMillis }) => atMillis),
      drawn(plain).map(({ atMillis }) => atMillis)
    )
    const share = drawn(of, 100_000).filter(({ key }) => key === "b").length / drawn(of, 100_000).length
    assert.closeTo(share, 0.75, 0.02)
    assert.isTrue(drawn(of).every(({ priority }) => priority === 2))
  })

  it("several come in the order of time, and each as it would come with any other of its rate", () => {
    const both = Arrivals.merge(
      Arrivals.labelled(Arrivals.poisson(20), { key: "a" }),
      Arrivals.labelled(Arrivals.poisson(20), { key: "b", type: "B" }),
      Arrivals.burst(5, 3000)
    )
    const all = drawn(both)
    const times = all.map(({ atMillis }) => atMillis)
    assert.deepStrictEqual(
      times,
      times.toSorted((a, b) => a - b)
    )
    assert.strictEqual(times.filter((at) => at === 3000).length, 5)
    assert.deepStrictEqual(both.types, ["Work", "B"])
    const of = (key: string) => all.filter((arrival) => arrival.key === key).map(({ atMillis }) => atMillis)
    assert.notDeepEqual(of("a"), of("b"))
    assert.isAbove(of("b").length, 150)
  })

  it("are refused by the field that is wrong", () => {
    const load = Arrivals.poisson(1)
    assert.strictEqual(refused(Arrivals.labelled(load, { priority: 11 })), "priority")
    assert.strictEqual(refused(Arrivals.labelled(load, { key: [] })), "key")
    assert.strictEqual(refused(Arrivals.labelled(load, { key: [{ value: "a", share: 0 }] })), "share")
    assert.strictEqual(refused(Arrivals.merge(load, Arrivals.burst(-1))), "count")
    assert.strictEqual(refused(Arrivals.trace("t", [{ atMillis: 1, type: "A", priority: 0.5 }])), "priority")
  })
})

it("Jain's index is 1 for the same and 1 / n for one of n", () => {
  assert.strictEqual(jain([3, 3, 3]), 1)
  assert.strictEqual(jain([5, 0, 0, 0]), 0.25)
  assert.strictEqual(jain([0, 0]), 1)
  assert.closeTo(jain([1, 2, 3]), 36 / 42, 1e-12)
})

const run = (options: Partial<Simulation.Options> & Pick<Simulation.Options, "arrivals">) =>
  Simulation.run({
    policy: ScalingPolicy.fixed(4),
    service: ServiceTimes.exponential(50),
    duration: "30 seconds",
    ...options,
    pool: { minWorkers: 0, capacity: "unbounded", timeout: "none", ...options.pool }
  })

describe("figures by key and priority", () => {
  it.live("keys share the workers by time, whatever theirs take, and weights are shares", () =>
    Effect.gen(function* () {
      const backlog = (key: string) => Arrivals.labelled(Arrivals.burst(3000), { key, type: key })
      const service = ServiceTimes.byType({ b: ServiceTimes.exponential(200) }, ServiceTimes.exponential(50))
      const arrivals = Arrivals.merge(backlog("a"), backlog("b"))
      const { byKey, fairness } = yield* run({ arrivals, service })
      assert.isAbove(fairness!, 0.999)
      assert.closeTo(
        byKey!.reduce((sum, { serviceSeconds }) => sum + serviceSeconds, 0),
        120,
        0.01
      )
      const weighted = yield* run({ arrivals, service, pool: { weight: (key) => (key === "a" ? 3 : 1) } })
      const [first, second] = weighted.byKey!
      assert.strictEqual(first!.key, "a")
      assert.closeTo(first!.serviceSeconds / second!.serviceSeconds, 3, 0.06)
    })
  )

  it.live("a higher priority waits less, and the warm-up is left out", () =>
    Effect.gen(function* () {
      const arrivals = Arrivals.labelled(Arrivals.poisson(78), {
        priority: [{ value: 0 }, { value: 5 }]
      })
      const { byKey, byPriority, fairness } = yield* run({ arrivals, warmup: "10 seconds" })
      assert.deepStrictEqual([byKey, fairness], [undefined, undefined])
      const [high, low] = byPriority!
      assert.deepStrictEqual([high!.priority, low!.priority], [5, 0])
      assert.isBelow(high!.waitP99, low!.waitP50)
      assert.isBelow(high!.arrived + low!.arrived, 78 * 21.5)
    })
  )

  it.live("a rate limit lets through what it allows, and the same seed gives the same bytes", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const options = {
        arrivals: Arrivals.labelled(Arrivals.poisson(50), { key: [{ value: "a" }, { value: "b" }] }),
        pool: { limits: [Limit.make({ name: "slow", rate: { limit: 10, period: "1 second", burst: 5 } })] },
        onEnd: ({ startedAt }: Simulation.SimulatedRequest) => void starts.push(startedAt!)
      }
      const figures = yield* run(options)
      starts.sort((a, b) => a - b)
      for (let n = 5; n < starts.length; n++) assert.isAtLeast(starts[n]! - starts[n - 5]!, 100 - 1e-6)
      const again = yield* run({ ...options, onEnd: undefined })
      assert.strictEqual(JSON.stringify(again), JSON.stringify(figures))
    })
  )
})
