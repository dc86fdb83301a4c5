/** The article's rule, and none. */
import { assert, describe, it } from "@effect/vitest"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import { signals } from "../support/signals.ts"

describe("queueLength and fixed", () => {
  const rule = ScalingPolicy.queueLength({ threshold: 8, lowWater: 0.75, step: 2 })
  const want = (waiting: number) => rule.decide({ ...signals, waiting }, undefined).workers

  it.each<[number, number]>([
    [0, 3],
    [5, 3],
    [6, 5],
    [7, 5],
    [8, 5],
    [9, 7],
    [1000, 7]
  ])("the article's rule with 5 workers, %d waiting of a threshold of 8: %d", (waiting, workers) => {
    assert.strictEqual(want(waiting), workers)
  })

  it("by default it removes below three quarters, one at a time", () => {
    const { decide } = ScalingPolicy.queueLength({ threshold: 4 })
    assert.deepStrictEqual(
      [2, 3, 4, 5].map((waiting) => decide({ ...signals, waiting }, undefined).workers),
      [4, 5, 5, 6]
    )
  })

  it.each<[object, string]>([
    [{ threshold: 0 }, "threshold"],
    [{ threshold: 1.5 }, "threshold"],
    [{ threshold: 1, lowWater: -0.1 }, "lowWater"],
    [{ threshold: 1, lowWater: 1.1 }, "lowWater"],
    [{ threshold: 1, lowWater: Number.NaN }, "lowWater"],
    [{ threshold: 1, step: 0 }, "step"]
  ])("%j is refused by its field", (options, field) => {
    assert.strictEqual(ScalingPolicy.queueLength(options as ScalingPolicy.QueueLengthOptions).invalid?.field, field)
  })

  it("fixed always wants its number, and refuses one that is none", () => {
    assert.strictEqual(ScalingPolicy.fixed(3).decide(signals, undefined).workers, 3)
    assert.strictEqual(ScalingPolicy.fixed(3).invalid, undefined)
    assert.strictEqual(ScalingPolicy.fixed(-1).invalid?.field, "workers")
  })
})
