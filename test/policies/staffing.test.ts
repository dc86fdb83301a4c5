/** Queueing theory: how many workers a load needs, and what a rate will be. */
import { assert, describe, it } from "@effect/vitest"
import * as Forecast from "../../src/policies/forecast.ts"
import { erlangC, serversFor } from "../../src/policies/staffing.ts"

/** Erlang's C as in the books: sums of factorials, in whole numbers scaled by their greatest term. */
const erlangCBySums = (servers: number, load: number): number => {
  let term = 1
  let sum = 0
  for (let n = 0; n < servers; n++) {
    sum += term
    term *= load / (n + 1)
  }
  const last = term * (servers / (servers - load))
  return last / (sum + last)
}

describe("Erlang C", () => {
  it.each<[number, number, number]>([
    [1, 0.5, 0.5],
    [2, 1, 1 / 3],
    [5, 4, 0.554_1],
    [10, 9, 0.668_7]
  ])("with %d servers and a load of %d, %d have to wait", (servers, load, expected) => {
    assert.closeTo(erlangC(servers, load), expected, 5e-5)
  })

  it("agrees with the sums in the books, also where it leaves terms out", () => {
    for (const load of [0.1, 1, 7.5, 40, 100.5]) {
      for (const more of [1, 2, 5, 20]) {
        const servers = Math.ceil(load) + more
        assert.closeTo(erlangC(servers, load), erlangCBySums(servers, load), 1e-9, `${servers} servers, load ${load}`)
      }
    }
  })

  it("nobody waits without a load, everybody when it is more than the servers can do", () => {
    assert.deepStrictEqual([erlangC(3, 0), erlangC(3, 3), erlangC(3, 9)], [0, 1, 1])
  })
})

describe("serversFor", () => {
  const late = (servers: number, load: number, service: number, wait: number) =>
    erlangC(servers, load) * Math.exp(-((servers - load) * wait) / service)

  it("is the least number that keeps the wait", () => {
    for (const load of [0.01, 0.7, 3, 9.9, 55, 400, 2000]) {
      for (const service of [1, 100, 5000]) {
        const servers = serversFor(load, service, 100, 0.01)
        assert.isAtMost(late(servers, load, service, 100), 0.01)
        if (servers - 1 > load) assert.isAbove(late(servers - 1, load, service, 100), 0.01)
      }
    }
  })

  it("grows with the load, never falls as it does, and is none for no load", () => {
    let before = 0
    for (let load = 0; load < 200; load += 0.37) {
      const servers = serversFor(load, 100, 100, 0.01)
      assert.isAtLeast(servers, Math.max(before, load === 0 ? 0 : Math.floor(load) + 1))
      before = servers
    }
    assert.deepStrictEqual([serversFor(0, 100, 100, 0.01), serversFor(Number.NaN, 100, 100, 0.01)], [0, 0])
  })
})

describe("Forecast", () => {
  const after = (counts: ReadonlyArray<number>) =>
    counts.reduce((forecast, count) => Forecast.next(forecast, count, 1000), Forecast.nothing)

  it("a constant rate is learnt at once, and has no trend", () => {
    assert.deepStrictEqual(after([100, 100, 100]), { level: 0.1, trend: 0, ticks: 3, millis: 3000, low: false })
  })

  it("what a Poisson stream would not do is a step: up it is followed at once, down at the second tick", () => {
    assert.strictEqual(after([100, 100, 100, 1000]).level, 1)
    assert.isAbove(after([1000, 1000, 100]).level, 0.6)
    assert.strictEqual(after([1000, 1000, 100, 100]).level, 0.1)
  })

  it("bursts with nothing between them are no steps down", () => {
    const forecast = after(Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? 50 : 0)))
    assert.isAbove(forecast.level, 0.02)
  })

  it("what a Poisson stream does every day moves the level a little", () => {
    const { level } = after([...Array.from({ length: 60 }, () => 100), 120])
    assert.isAbove(level, 0.1)
    assert.isBelow(level, 0.103)
  })

  it("a ramp is followed with no more than a second's growth behind", () => {
    const forecast = after(Array.from({ length: 200 }, (_, n) => 200 + 3 * n))
    assert.closeTo(Forecast.ahead(forecast, 1000) * 1000, 200 + 3 * 200, 12)
  })

  it("a fall is followed, and never forecast", () => {
    const falling = after(Array.from({ length: 60 }, (_, n) => 800 - 5 * n))
    assert.strictEqual(falling.trend, 0)
    assert.isAtLeast(falling.level, 0.5)
    assert.isBelow(falling.level, 0.56)
  })

  it("at 10 a second a mean is over a minute, at 1,000 a second over ten seconds", () => {
    assert.deepStrictEqual([0, 0.01, 0.05, 1].map(Forecast.memoryMillis), [60_000, 60_000, 20_000, 10_000])
  })
})
