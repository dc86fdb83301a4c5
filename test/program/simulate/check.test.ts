/** How far a replay is from what happened, and how much of that is chance. */
import { assert, describe, it } from "@effect/vitest"
import { judge } from "../../../src/program/simulate/check.ts"
import { looksOf } from "../../../src/program/simulate/looks.ts"
import type { Plan } from "../../../src/program/simulate/settings.ts"
import type * as Simulation from "../../../src/Simulation.ts"

const figures = (mean: number, p99: number, workerSeconds: number, decisions = 1) =>
  ({
    wait: { mean, p99 },
    workerSeconds,
    decisions: Array.from({ length: decisions })
  }) as unknown as Simulation.Figures
const simulated = (...numbers: Parameters<typeof figures>) => ({ policy: "adaptive", figures: figures(...numbers) })

const plan = (firstTick: number | undefined, scalingInterval: number | string | undefined = undefined) =>
  ({ runs: [{ policy: "adaptive", options: { firstTick, pool: { scalingInterval } } }] }) as unknown as Plan

const firstTicks = (...of: Parameters<typeof plan>) =>
  looksOf(plan(...of), simulated(1, 1, 1)).runs.map(({ options }) => options.firstTick)

describe("a check", () => {
  it("compares what happened with all that looks a little earlier or later come to", () => {
    const really = figures(15, 100, 1000)
    const alone = judge(simulated(20, 100, 1000), really, 0.1)
    assert.isFalse(alone.isWithin)
    assert.isUndefined(alone.looked)
    const among = judge(simulated(20, 100, 1000), really, 0.1, [figures(12, 90, 980)], "with luck")
    assert.isTrue(among.isWithin)
    assert.closeTo(among.off.waitMean, 1 / 3, 1e-9)
    assert.deepStrictEqual(among.looked, {
      waitMean: [12, 20],
      waitP99: [90, 100],
      workerSeconds: [980, 1000],
      off: { waitMean: 0, waitP99: 0, workerSeconds: 0 }
    })
    assert.match(
      among.sentence,
      /^adaptive is off by 33\.3 % in the mean wait .*\. It comes to a mean wait of 12 ms to 20 ms, a 99th percentile of 90 ms to 100 ms and 980 to 1000 worker-seconds with luck; what happened is 0 % from that, within 10 %\.$/
    )
  })

  it("fails where what happened is farther from all of them than its bound, on either side", () => {
    const others = [figures(12, 90, 980)]
    const isWithin = (...really: Parameters<typeof figures>) =>
      judge(simulated(20, 100, 1000), figures(...really), 0.1, others).isWithin
    assert.isTrue(isWithin(18.5, 95, 990))
    assert.isFalse(isWithin(18, 120, 990))
    assert.isFalse(isWithin(18, 95, 880))
    assert.isFalse(isWithin(23, 95, 990))
    assert.isTrue(isWithin(22, 95, 990))
    assert.isFalse(isWithin(10.8, 95, 990))
  })

  it("looks again where the recording says when it did, and anywhere where it does not", () => {
    assert.deepStrictEqual(firstTicks(500), [495, 498, 499, 501, 502, 505])
    assert.deepStrictEqual(firstTicks(2), [997, 1000, 1, 3, 4, 7])
    assert.deepStrictEqual(firstTicks(999.5), [995, 998, 999, 1, 2, 5])
    assert.deepStrictEqual(firstTicks(1, "2s"), [1996, 1999, 2000, 2, 3, 6])
    assert.deepStrictEqual(firstTicks(undefined, 400), [50, 100, 150, 200, 250, 300, 350])
  })

  it("runs nothing more where nothing was decided", () => {
    assert.deepStrictEqual(looksOf(plan(500), simulated(1, 1, 1, 0)).runs, [])
  })
})
