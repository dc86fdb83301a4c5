/** The limit that follows latency. */
import { assert, describe, it } from "@effect/vitest"
import { gradient, type GradientOptions } from "../../src/ScalingPolicy.ts"
import { live, type Second, times } from "../support/signals.ts"

const limits = (seconds: ReadonlyArray<Second>, options?: GradientOptions) =>
  live(gradient(options), seconds, 20).map(({ workers }) => workers)

/** All that the limit lets through runs. */
const full = { arrived: 200, running: 1000, millis: 100 }

describe("gradient", () => {
  it("while latency stays, a limit that is used grows", () => {
    assert.deepStrictEqual(limits(times(3, full)), [30, 45, 65])
  })

  it("one of which less than half is used stays", () => {
    assert.deepStrictEqual(limits(times(3, { ...full, running: 9 })), [20, 20, 20])
  })

  it("when latency rises it comes down, by at most half at a tick, and not below the least", () => {
    const after = limits([...times(5, full), ...times(12, { ...full, millis: 1000 })], { least: 6, initial: 20 })
    const top = Math.max(...after)
    const fall = after.slice(after.indexOf(top))
    for (let n = 1; n < fall.length && fall[n]! < fall[n - 1]!; n++)
      assert.isAtLeast(fall[n]!, Math.floor(fall[n - 1]! / 2))
    assert.isBelow(Math.min(...after), top / 4)
    assert.isAtLeast(Math.min(...after), 6)
  })

  it("what is slower than it was once, but no more than tolerated, is let be", () => {
    const after = limits([...times(5, full), ...times(5, { ...full, millis: 120 })], { tolerance: 1.3 })
    for (let n = 1; n < after.length; n++) assert.isAbove(after[n]!, after[n - 1]!)
  })

  it("timeouts are drops, whatever the latency of the others", () => {
    const [answer] = live(gradient(), [{ ...full, timedOut: 10 }], 20)
    assert.deepInclude(answer, { workers: 18, reason: "5 % of the attempts time out" })
    assert.deepStrictEqual(limits([{ ...full, arrived: 1000, timedOut: 10 }]), [30])
  })

  it("failures that end at once do not read as fast", () => {
    const after = live(gradient(), [...times(3, full), ...times(10, { ...full, millis: 50, failed: 100 })], 20)
    assert.notMatch(after.at(-1)!.reason, /and 50 ms unloaded/)
  })

  it("too few attempts say nothing", () => {
    const [answer] = live(gradient(), [{ ...full, arrived: 9, running: 9 }], 20)
    assert.deepInclude(answer, { workers: 20, reason: "too few attempts have ended to judge their latency" })
    const waiting = { arrived: 9, ended: 0, running: 1000 }
    assert.deepStrictEqual(limits(times(3, waiting)), [24, 29, 35])
  })

  it("a latency that a low limit does not bring down is not of our making, and becomes the unloaded one", () => {
    const slow = { ...full, millis: 1000 }
    const answers = live(gradient({ initial: 4 }), [full, ...times(40, slow)], 4)
    assert.match(answers.at(-1)!.reason, /^an attempt takes 1 s, and (9\d\d ms|1 s) unloaded/)
    assert.isAbove(answers.at(-1)!.workers, 20)
  })

  it("half as many at once and the same latency: that is not of their making, at any limit", () => {
    const slow = { ...full, arrived: 2000, millis: 300 }
    const after = limits([...times(8, { ...full, arrived: 2000 }), ...times(12, slow)])
    const top = after[8]!
    assert.isBelow(Math.min(...after.slice(8)), 0.6 * top)
    assert.isAbove(after.at(-1)!, top)
  })

  it("one timeout in a hundred attempts may be chance", () => {
    assert.deepStrictEqual(limits([{ ...full, arrived: 100, timedOut: 3 }]), [30])
    assert.deepStrictEqual(limits([{ ...full, arrived: 100, timedOut: 5 }]), [18])
  })

  it("the lowest latency is forgotten in ten minutes", () => {
    const slower = { ...full, millis: 120 }
    const answers = live(gradient(), [...times(60, full), ...times(700, slower)], 20)
    assert.include(answers[200]!.reason, "an attempt takes 120 ms, and 100 ms unloaded")
    assert.include(answers.at(-1)!.reason, "an attempt takes 120 ms, and 120 ms unloaded")
  })

  it("a paused pool stays as it is", () => {
    const [answer] = live(gradient(), [{ ...full, paused: true }], 7)
    assert.deepInclude(answer, { workers: 7, heldBack: "paused" })
  })

  it.each<[GradientOptions, string]>([
    [{ tolerance: 0.9 }, "tolerance"],
    [{ initial: 0 }, "initial"],
    [{ least: 1.5 }, "least"]
  ])("%j is refused by its field", (options, field) => {
    assert.strictEqual(gradient(options).invalid?.field, field)
  })
})
