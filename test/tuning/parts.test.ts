/** What a load asks for, and which parts of it are simulated. */
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { Arrivals, ServiceTimes } from "../../src/Simulation.ts"
import { Histogram } from "../../src/simulation/histogram.ts"
import { demandOf } from "../../src/tuning/demand.ts"
import { DrawnLoad } from "../../src/tuning/load.ts"
import { requestsOf, sample, split, whole } from "../../src/tuning/parts.ts"
import { intervalOf, scoreOf } from "../../src/tuning/scores.ts"
import { parse } from "../../src/tuning/target.ts"

const target = (text: string) => Result.getOrThrow(parse(text))

describe("what a load asks for", () => {
  it("is told with a worker for each request", () => {
    // At 1, 2, 3 and 4 s, of 1.5 s each: one is busy for half of the time between, and two for the other half.
    const load = new DrawnLoad({ arrivals: Arrivals.constant(1), service: ServiceTimes.constant(1500) }, 4500)
    const demand = demandOf(load, "1", 4500, [target("p99(total) <= 1s")])
    expect([demand.requests, demand.busyMost, demand.meanServiceMillis]).toEqual([4, 2, 1500])
    // None for 1 s, one for 1 + 3 x 0.5 - 0.5 s, two for 1.5 s.
    expect([0.22, 0.23, 0.66, 0.67, 1].map(demand.busyIn)).toEqual([0, 1, 1, 2, 2])
    expect(demand.serviceOf).toBeDefined()
    expect(demand.within({ fromMillis: 1000, toMillis: 3000 })).toEqual({ requests: 2, workMillis: 3000 })
    expect(demand.within({ fromMillis: 1001, toMillis: 4500 })).toEqual({ requests: 3, workMillis: 4500 })
  })

  it("counts keys and priorities", () => {
    const arrivals = Arrivals.labelled(Arrivals.constant(10), { key: [{ value: "a" }, { value: "b" }], priority: 3 })
    const load = new DrawnLoad({ arrivals, service: ServiceTimes.constant(1) }, 10_000)
    const ofA = target("p99(wait, key=a) <= 1s")
    const demand = demandOf(load, "1", 10_000, [ofA])
    expect([demand.keys, demand.priorities]).toEqual([2, 1])
    expect(demand.serviceOf(ofA).count).toBeGreaterThan(20)
    expect(demand.serviceOf(ofA).count).toBeLessThan(80)
  })
})

it("a part of a load is what comes in it, the first instant and the last of all, from its own start on", () => {
  const load = new DrawnLoad({ arrivals: Arrivals.constant(1), service: ServiceTimes.constant(1) }, 4000)
  const at = (fromMillis: number, toMillis: number) =>
    [...load.part("1", { fromMillis, toMillis }).draw(undefined as never, 4000)].map(({ atMillis }) => atMillis)
  expect(at(1000, 3000)).toEqual([0, 1000])
  expect(at(1001, 3001)).toEqual([999, 1999])
  expect(at(2000, 4000)).toEqual([0, 1000, 2000])
})

describe("parts", () => {
  it("of a recording are seen or not, and never both; what is drawn is seen whole", () => {
    const { seen, unseen } = split(900_000, true)
    const all = [...seen, ...unseen].sort((a, b) => a.fromMillis - b.fromMillis)
    expect(all.map(({ fromMillis, toMillis }) => [fromMillis, toMillis])).toEqual([
      [0, 200_000],
      [200_000, 300_000],
      [300_000, 500_000],
      [500_000, 600_000],
      [600_000, 800_000],
      [800_000, 900_000]
    ])
    expect(unseen.map(({ fromMillis }) => fromMillis)).toEqual([200_000, 500_000, 800_000])
    expect(split(1000, false).seen).toEqual([{ fromMillis: 0, toMillis: 1000 }])
  })

  it("are warmed up by what came before, as far as anything did", () => {
    const spans = [
      { fromMillis: 0, toMillis: 60_000 },
      { fromMillis: 5000, toMillis: 60_000 },
      { fromMillis: 100_000, toMillis: 110_000 },
      { fromMillis: 100_000, toMillis: 900_000 }
    ]
    expect(whole(spans).map(({ warmupMillis }) => warmupMillis)).toEqual([0, 5000, 10_000, 30_000])
  })

  it("stand for all: the heaviest slice for the heavy ones, and so many as fit; or it is all of it", () => {
    const durationMillis = 3_600_000
    const spans = split(durationMillis, false).seen
    const load = new DrawnLoad(
      { arrivals: Arrivals.spike(50, 500, 1_800_000, 60_000), service: ServiceTimes.constant(100) },
      durationMillis
    )
    const demand = demandOf(load, "1", durationMillis, [])
    const parts = sample(spans, demand, 40_000)
    const weight = parts.reduce((sum, { weight }) => sum + weight, 0)
    const slices = Math.round(durationMillis / 60_000)
    expect(parts.length).toBeGreaterThan(3)
    expect(parts.length).toBeLessThan(slices / 3)
    expect(weight).toBeGreaterThanOrEqual(slices - 10)
    expect(parts[0]).toMatchObject({ fromMillis: 1_800_000, toMillis: 1_860_000 })
    const requests = parts.reduce((sum, part) => sum + requestsOf(part, demand), 0)
    expect(requests).toBeLessThan(90_000)
    expect(sample(spans, demand, 0)).toHaveLength(2)
    expect(sample(spans, demand, 1e9)).toEqual(whole(spans))
  })
})

it("scores weigh what they are made of", () => {
  const times = (...millis: ReadonlyArray<number>) => {
    const histogram = new Histogram()
    for (const one of millis) histogram.add(one)
    return { count: millis.length, times: histogram.sparse }
  }
  const part = (workerMillis: number, hits: number, ...millis: ReadonlyArray<number>) => ({
    requests: millis.length,
    millis: 1000,
    workerMillis,
    peak: workerMillis / 500,
    marks: [times(...millis), { count: millis.length, hits }]
  })
  const targets = [target("p50(wait) <= 10ms"), target("refused <= 50%")]
  const score = scoreOf(
    [
      { measured: part(2000, 1, 0, 10), weight: 1 },
      { measured: part(8000, 0, 40, 40), weight: 3 }
    ],
    targets,
    "worker-seconds"
  )
  expect(score).toMatchObject({ cost: 6.5, meanWorkers: 6.5, peakWorkers: 16, excess: 4 })
  expect(score.values[0]).toBeCloseTo(40, 10)
  expect(score.values[1]).toBe(1 / 8)
  expect(scoreOf([{ measured: part(0, 0), weight: 1 }], targets, "peak").values).toEqual([undefined, undefined])
})

it("an interval is Student's, and of one draw is that draw", () => {
  expect(intervalOf([5])).toEqual({ mean: 5, low: 5, high: 5 })
  const { high, low, mean } = intervalOf([1, 2, 3])
  expect(mean).toBe(2)
  expect(high - mean).toBeCloseTo(4.303 / Math.sqrt(3), 10)
  expect(mean - low).toBeCloseTo(4.303 / Math.sqrt(3), 10)
})
