/** What a simulated load is made of: arrivals, service times, and the figures that sum them up. */
import { assert, describe, it } from "@effect/vitest"
import * as Arrivals from "../../src/simulation/arrivals.ts"
import { Histogram } from "../../src/simulation/histogram.ts"
import { makeDraw } from "../../src/simulation/random.ts"
import * as ServiceTimes from "../../src/simulation/serviceTimes.ts"

/** How many arrive from one second to another. */
const between = (arrivals: Arrivals.Arrivals, seconds: number, from: number, to: number): number => {
  let count = 0
  for (const { atMillis } of arrivals.draw(makeDraw("load"), seconds * 1000)) {
    if (atMillis > from * 1000 && atMillis <= to * 1000) count++
  }
  return count
}

/** Within five standard deviations of a Poisson count. */
const poisson = (count: number, mean: number) => assert.closeTo(count, mean, 5 * Math.sqrt(mean))

describe("arrivals", () => {
  it("constant: evenly, from the first interval on", () => {
    const all = [...Arrivals.constant(4).draw(makeDraw("load"), 1000)]
    assert.deepStrictEqual(
      all.map(({ atMillis }) => atMillis),
      [250, 500, 750, 1000]
    )
  })

  it.each<[Arrivals.Arrivals, number, number, number]>([
    [Arrivals.poisson(100), 0, 100, 10_000],
    [Arrivals.step(50, 500, 40_000), 0, 40, 2000],
    [Arrivals.step(50, 500, 40_000), 40, 100, 30_000],
    [Arrivals.ramp(0, 200), 0, 100, 10_000],
    [Arrivals.ramp(0, 200), 0, 10, 100],
    [Arrivals.ramp(100, 300, 20_000, 40_000), 0, 20, 2000],
    [Arrivals.ramp(100, 300, 20_000, 40_000), 20, 40, 4000],
    [Arrivals.ramp(100, 300, 20_000, 40_000), 40, 100, 18_000],
    [Arrivals.spike(20, 400, 30_000, 10_000), 30, 40, 4000],
    [Arrivals.spike(20, 400, 30_000, 10_000), 40, 100, 1200],
    [Arrivals.daily(100, 300), 0, 100, 20_000],
    [Arrivals.daily(100, 300), 0, 10, 1000 + 2000 * 0.0323],
    [Arrivals.daily(100, 300, 50_000), 20, 30, 3000 - 2000 * 0.0323 - 58]
  ])("$name: from second %d to %d", (arrivals, from, to, mean) => {
    poisson(between(arrivals, 100, from, to), mean)
  })

  it("random ones are Poisson: counts scatter as much as their mean, and do not depend on each other", () => {
    const counts = Array.from({ length: 2000 }, () => 0)
    for (const { atMillis } of Arrivals.poisson(20).draw(makeDraw("load"), 2_000_000 - 1)) {
      counts[Math.floor(atMillis / 1000)]!++
    }
    const deviations = counts.map((count) => count - 20)
    const variance = deviations.reduce((sum, x) => sum + x * x, 0) / counts.length
    const together = deviations.slice(1).reduce((sum, x, n) => sum + x * deviations[n]!, 0) / counts.length
    assert.closeTo(variance, 20, 4)
    assert.closeTo(together, 0, 2)
  })

  it("only a rise is a step", () => {
    assert.deepStrictEqual(
      [Arrivals.step(1, 2, 500), Arrivals.step(2, 1, 500), Arrivals.spike(1, 9, 700, 10)].map(({ stepAt }) => stepAt),
      [500, undefined, 700]
    )
  })
})

describe("service times", () => {
  it.each<[ServiceTimes.ServiceTimes, number, number]>([
    [ServiceTimes.constant(40), 40, 0],
    [ServiceTimes.exponential(40), 40, 40],
    [ServiceTimes.lognormal(40, 0.5), 40, 40 * Math.sqrt(Math.exp(0.25) - 1)],
    [ServiceTimes.bimodal(10, 110, 0.3), 40, Math.sqrt(0.3 * 0.7) * 100]
  ])("$name has its mean and its deviation", (service, mean, deviation) => {
    const sample = service.sampler(makeDraw("service"))
    const values = Array.from({ length: 100_000 }, () => sample("Work"))
    const average = values.reduce((sum, x) => sum + x, 0) / values.length
    const spread = Math.sqrt(values.reduce((sum, x) => sum + (x - average) ** 2, 0) / values.length)
    assert.strictEqual(service.meanMillis, mean)
    assert.closeTo(average, mean, Math.max(1e-9, (5 * deviation) / Math.sqrt(values.length)))
    assert.closeTo(spread, deviation, Math.max(1e-9, 0.03 * deviation))
  })

  it("recorded ones start again after the last; a type that was not recorded takes those of all", () => {
    const sample = ServiceTimes.trace("t", [
      { type: "A", millis: 1 },
      { type: "B", millis: 2 },
      { type: "A", millis: 3 }
    ]).sampler(makeDraw("service"))
    assert.deepStrictEqual(["A", "A", "A", "B", "C", "C", "C", "C"].map(sample), [1, 3, 1, 2, 1, 2, 3, 1])
  })
})

describe("Histogram", () => {
  it("is off by no more than a thousandth, over ten orders of magnitude", () => {
    const { normal, uniform } = makeDraw("histogram")
    const histogram = new Histogram()
    const values = Array.from({ length: 20_001 }, () => Math.exp(3 * normal()) * (uniform() < 0.1 ? 1e5 : 1))
    for (const value of values) histogram.add(value)
    const sorted = values.toSorted((a, b) => a - b)
    for (const share of [0.001, 0.05, 0.5, 0.95, 0.99, 0.999, 1]) {
      const exact = sorted[Math.ceil(share * values.length) - 1]!
      assert.closeTo(histogram.quantile(share) / exact, 1, 0.001, String(share))
    }
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length
    assert.closeTo(histogram.mean / mean, 1, 1e-9)
  })

  it("equal values are exact, and those that are zero count", () => {
    const histogram = new Histogram()
    for (const value of [0, 0, 0, 33.3, 33.3]) histogram.add(value)
    assert.deepStrictEqual(
      [0.5, 0.6, 0.61, 1].map((share) => histogram.quantile(share)),
      [0, 0, 33.3, 33.3]
    )
    assert.strictEqual(new Histogram().quantile(0.99), 0)
  })
})
