/** A gate: how many run at once, and how often one may start, against a list of all starts. */
import { assert, describe, it } from "vitest"
import * as Limit from "../../src/Limit.ts"
import { Gate, LimitState } from "../../src/queue/gate.ts"
import { randomOf } from "../support/random.ts"

const gateOf = (options: Partial<Limit.Options>) => {
  const limit = new LimitState(0, Limit.make({ name: "it", ...options }))
  return { gate: new Gate("limit", "it", limit), limit }
}

/** The most starts in any window, beyond `burst + t * limit / period`. From one start to another is enough to look at. */
const worst = (starts: ReadonlyArray<number>, { burst, interval }: { burst: number; interval: number }): number => {
  let most = -Infinity
  for (let from = 0; from < starts.length; from++) {
    for (let to = from; to < starts.length; to++) {
      most = Math.max(most, to - from + 1 - (burst + (starts[to]! - starts[from]!) / interval))
    }
  }
  return most
}

const rates = [
  { limit: 10, period: 1000, burst: 5 },
  { limit: 10, period: 1000, burst: 1 },
  { limit: 3, period: 1000, burst: 3 },
  { limit: 1, period: 60_000, burst: 2 },
  { limit: 1000, period: 1000, burst: 7 },
  { limit: 7, period: 100, burst: 20 }
] as const

describe("a rate", () => {
  for (const rate of rates) {
    const { burst, limit, period } = rate
    const interval = period / limit

    it(`of ${limit} in ${period} ms and ${burst} at once lets no more start in any window, and no fewer than it says`, () => {
      const random = randomOf(limit + burst)
      const { gate } = gateOf({ rate })
      const starts: Array<number> = []
      let now = 0
      for (let step = 0; step < 2000 && starts.length < 400; step++) {
        const eager = Math.floor(step / 100) % 2 === 0
        // What a naive look at all starts says: none of the windows that end now would hold too many.
        const next = [...starts, now]
        const mayStart = worst(next.slice(-3 * burst - 60), { burst, interval }) <= 1e-6
        assert.strictEqual(gate.isOpen(now), mayStart, `at ${now}`)
        if (mayStart && (eager || random.below(3) === 0)) {
          gate.enter(now)
          gate.leave()
          starts.push(now)
        } else now += random.of([0, interval / 4, interval / 2, interval, 3 * interval, burst * interval])
      }
      assert.isAbove(starts.length, 100)
      assert.isAtMost(worst(starts, { burst, interval }), 1e-6)
    })

    it(`of ${limit} in ${period} ms and ${burst} at once opens exactly when it says`, () => {
      const { gate } = gateOf({ rate })
      for (let start = 0; start < burst; start++) {
        assert.isTrue(gate.isOpen(100), `start ${start}`)
        gate.enter(100)
      }
      assert.strictEqual(gate.room(100), 0)
      for (let start = 1; start < 5; start++) {
        const opensAt = 100 + start * interval
        assert.closeTo(gate.opensAt, opensAt, 1e-6)
        assert.isFalse(gate.isOpen(opensAt - 0.001))
        assert.isTrue(gate.isOpen(opensAt))
        assert.strictEqual(gate.room(opensAt), 1)
        gate.enter(opensAt)
      }
    })
  }

  it("has its whole burst again after a rest, and no more", () => {
    const { gate } = gateOf({ rate: { limit: 10, period: 1000, burst: 5 } })
    for (let start = 0; start < 5; start++) {
      gate.enter(0)
      gate.leave()
    }
    assert.isFalse(gate.isBlank(499.9))
    assert.isTrue(gate.isBlank(500))
    assert.strictEqual(gate.room(500), 5)
    assert.strictEqual(gate.room(1e9), 5)
  })

  it("whose time to the next is less than clocks can tell has a place whenever it is open", () => {
    const { gate } = gateOf({ rate: { limit: 1e9, period: 1, burst: 1 } })
    gate.enter(1000)
    for (const now of [1000, 1000 + 1e-10, 1001]) {
      assert.isTrue(gate.isOpen(now))
      assert.strictEqual(gate.room(now), 1)
    }
  })

  it("that is changed owes no more than the new one lets anybody owe", () => {
    const { gate, limit } = gateOf({ rate: { limit: 1, period: 3_600_000, burst: 10 } })
    for (let start = 0; start < 10; start++) gate.enter(0)
    limit.change(Limit.change(limit.limit, { rate: { limit: 10, period: 1000, burst: 2 } }))
    gate.forgive(0)
    assert.isFalse(gate.isOpen(99))
    assert.isTrue(gate.isOpen(100))
    limit.change(Limit.change(limit.limit, { rate: { limit: 1, period: 1000, burst: 1 } }))
    gate.forgive(100)
    assert.deepStrictEqual([gate.isOpen(199), gate.isOpen(200)], [false, true])
  })
})

describe("a time before which nothing starts", () => {
  it("opens exactly then, and a pause does not open by itself", () => {
    const gate = new Gate("tag", "Send")
    assert.isTrue(gate.isOpen(0))
    gate.notBefore = 100
    assert.deepStrictEqual([gate.isOpen(99.999), gate.isOpen(100)], [false, true])
    assert.deepStrictEqual([gate.isBlank(99.999), gate.isBlank(100)], [false, true])
    gate.paused = true
    assert.strictEqual(gate.opensAt, Infinity)
    assert.deepStrictEqual([gate.isOpen(1e12), gate.isBlank(1e12)], [false, false])
  })
})

describe("a number at once", () => {
  it("is what may have passed and not left, whoever counts already aside", () => {
    const { gate, limit } = gateOf({ concurrency: 2, until: "request" })
    gate.enter(0)
    assert.strictEqual(gate.room(0), 1)
    gate.enter(0)
    assert.isFalse(gate.isOpen(0))
    assert.isTrue(gate.isOpen(0, true))
    assert.isFalse(gate.isOpen(0, false))
    assert.deepStrictEqual([gate.running, limit.running], [2, 2])
    gate.leave()
    assert.isTrue(gate.isOpen(0, false))
    assert.isFalse(gate.isBlank(0))
    gate.leave()
    assert.isTrue(gate.isBlank(0))
  })

  it("counts those that it has let go as if they had passed", () => {
    const { gate } = gateOf({ concurrency: 3 })
    gate.enter(0)
    gate.woken = 1
    assert.strictEqual(gate.room(0), 1)
  })
})
