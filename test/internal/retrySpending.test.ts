/** What retries have left, part by part of the window. */
import { assert, describe, it } from "@effect/vitest"
import { RetrySpending } from "../../src/internal/retrySpending.ts"
import * as RetryBudget from "../../src/RetryBudget.ts"
import { randomOf } from "../support/random.ts"

const spending = (options: RetryBudget.Options) => new RetrySpending(RetryBudget.make(options))
const deposits = (to: RetrySpending, count: number, now: number) => {
  for (let left = count; left > 0; left--) to.deposit(now)
}
/** How many retries it grants at once. */
const grants = (from: RetrySpending, now: number): number => {
  let granted = 0
  while (from.withdraw(now)) granted++
  return granted
}

describe("what retries may spend", () => {
  it("is a part of a retry for each first attempt, and the reserve of the window", () => {
    const some = spending({ ratio: 0.1, minPerSecond: 0.3, window: "10 seconds" })
    assert.strictEqual(grants(some, 0), 3)
    deposits(some, 9, 0)
    assert.strictEqual(grants(some, 0), 0)
    // Ten times a tenth is one, whatever sums of fractions say.
    deposits(some, 1, 0)
    assert.strictEqual(grants(some, 0), 1)
  })

  it("is of no use any more when its window is over, and neither is what was spent", () => {
    const some = spending({ ratio: 0.5, minPerSecond: 0.1, window: "10 seconds" })
    deposits(some, 10, 0)
    assert.strictEqual(grants(some, 999), 6)
    deposits(some, 4, 1000)
    // Just before its end the first second counts, at its end only what came since.
    assert.strictEqual(grants(some, 9999), 2)
    assert.strictEqual(grants(some, 10_000), 1)
    assert.strictEqual(grants(some, 1e9), 1)
  })

  it("without a reserve and without first attempts is nothing; with a ratio of 0 it is the reserve", () => {
    assert.strictEqual(grants(spending({ ratio: 0.2, minPerSecond: 0 }), 5), 0)
    const reserve = spending({ ratio: 0, minPerSecond: 10, window: "1 second" })
    deposits(reserve, 1000, 0)
    assert.strictEqual(grants(reserve, 0), 10)
  })

  it("is what a list of all that happened says, whatever happens and however long nothing does", () => {
    const { next } = randomOf(1)
    for (let round = 0; round < 200; round++) {
      const ratio = [0, 0.1, 0.2, 1.5][Math.floor(next() * 4)]!
      const some = spending({ ratio, minPerSecond: 1, window: "2 seconds" })
      const happened: Array<{ readonly part: number; readonly by: number }> = []
      let now = 0
      for (let step = 0; step < 200; step++) {
        now += next() < 0.1 ? next() * 5000 : next() * 50
        const part = Math.floor(now / 200)
        const sum = happened.reduce((sum, one) => (one.part > part - 10 ? sum + one.by : sum), 2)
        if (next() < 0.6) {
          some.deposit(now)
          happened.push({ part, by: ratio })
        } else {
          const isThere = sum > 1 - 1e-9
          assert.strictEqual(some.withdraw(now), isThere, `${sum} at ${now}`)
          if (isThere) happened.push({ part, by: -1 })
        }
      }
    }
  })
})
