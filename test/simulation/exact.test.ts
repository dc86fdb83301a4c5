/** The simulated pool against an exact model: a queue of which every wait can be computed by hand. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

interface Request {
  readonly atMillis: number
  readonly serviceMillis: number
}

/** First come, first served by `servers`: each takes the server that is free first (J. Kiefer and J. Wolfowitz, 1955). */
const waitsOf = (requests: ReadonlyArray<Request>, servers: number): ReadonlyArray<number> => {
  const freeAt = Array.from({ length: servers }, () => 0)
  return requests.map(({ atMillis, serviceMillis }) => {
    const first = freeAt.indexOf(Math.min(...freeAt))
    const startsAt = Math.max(atMillis, freeAt[first]!)
    freeAt[first] = startsAt + serviceMillis
    return startsAt - atMillis
  })
}

const simulate = (
  servers: number,
  arrivals: Simulation.Arrivals.Arrivals,
  service: Simulation.ServiceTimes.ServiceTimes
) =>
  Effect.gen(function* () {
    const requests: Array<Simulation.SimulatedRequest> = []
    yield* Simulation.run({
      policy: ScalingPolicy.fixed(servers),
      pool: { capacity: "unbounded", timeout: "none", minWorkers: 0 },
      arrivals,
      service,
      duration: "10 minutes",
      seed: 7,
      onEnd: (request) => void requests.push(request)
    })
    return requests.toSorted((a, b) => a.index - b.index)
  })

describe("fixed(c) and the recursion over c servers", () => {
  it.live.each<[number, Simulation.Arrivals.Arrivals, Simulation.ServiceTimes.ServiceTimes]>([
    [1, Arrivals.poisson(9), ServiceTimes.exponential(100)],
    [10, Arrivals.poisson(9), ServiceTimes.exponential(1000)],
    [3, Arrivals.constant(40), ServiceTimes.lognormal(80, 1)],
    [20, Arrivals.spike(50, 400, 120_000, 60_000), ServiceTimes.bimodal(20, 400, 0.2)],
    [5, Arrivals.daily(5, 80), ServiceTimes.constant(100)]
  ])("%d workers agree on every wait, to the millisecond", ([servers, arrivals, service]) =>
    Effect.gen(function* () {
      const requests = yield* simulate(servers, arrivals, service)
      assert.isAbove(requests.length, 1000)
      const expected = waitsOf(requests, servers)
      const off = requests.filter(({ atMillis, startedAt }, n) => Math.abs(startedAt! - atMillis - expected[n]!) > 0.5)
      assert.deepStrictEqual(off, [])
      assert.isAbove(Math.max(...expected), 10)
    })
  )
})
