/** What a pool does to protect itself is load, or none: what was shed would have run, what is for later or refused by a breaker would not. */
import { assert, describe, it } from "@effect/vitest"
import { adaptive, clamp } from "../../src/ScalingPolicy.ts"
import { live, times } from "../support/signals.ts"

describe("what was shed", () => {
  /** Ten workers are busy for all of the time, and a few wait: as many as before, since the others are given up. */
  const busy = { arrived: 100, ended: 100, millis: 100, running: 10, waiting: 30 }

  const policy = clamp(adaptive(), { maxWorkers: 10 })

  it("is load that cannot be seen in what waits", () => {
    const [, second, third] = live(policy, times(3, { ...busy, shed: 50 }), 10)
    assert.match(second!.reason, /; 50 were given up, as they had waited for too long/)
    assert.match(third!.reason, /all workers are busy and the backlog does not shrink/)
  })

  it("counts as not shrinking, though fewer wait", () => {
    const fewer = [30, 25, 20, 15].map((waiting) => ({ ...busy, waiting }))
    const reasons = (shed: number) =>
      live(
        policy,
        fewer.map((second) => ({ ...second, shed })),
        10
      ).map(({ reason }) => reason)
    assert.isFalse(reasons(0).some((reason) => reason.includes("does not shrink")))
    assert.isTrue(reasons(10).some((reason) => reason.includes("does not shrink")))
  })

  it("is told no more once nothing is shed any more", () => {
    const reasons = live(policy, [{ ...busy, shed: 50 }, busy], 10).map(({ reason }) => reason)
    assert.deepStrictEqual(
      reasons.map((reason) => reason.includes("given up")),
      [true, false]
    )
  })
})
