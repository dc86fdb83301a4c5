/** What a simulation tells of answers that are worth something for a while: by one worker, of which every end can be computed by hand. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

/** Five come at once, and take 100 ms each. */
const five = (options: Partial<Simulation.Options> = {}) =>
  Simulation.run({
    policy: ScalingPolicy.fixed(1),
    arrivals: Arrivals.burst(5),
    service: ServiceTimes.constant(100),
    duration: 2000,
    worth: 250,
    ...options,
    pool: { maxWorkers: 1, timeout: "none", ...options.pool }
  })

describe("answers that are worth something for 250 ms", () => {
  it.live("are counted, per second too, and what was worked for others is wasted", () =>
    Effect.gen(function* () {
      const figures = yield* five()
      assert.deepInclude(figures, { completed: 5, good: 2, goodPerSecond: 1, wasted: 0.6 })
      assert.deepStrictEqual(figures.windows[0]!.good, 2)
    })
  )

  it.live("are those up to that instant", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* five({ worth: 200 }), { good: 2 })
      assert.deepInclude(yield* five({ worth: 199 }), { good: 1 })
    })
  )

  it.live("are none of those whose attempts were interrupted: what those took is wasted", () =>
    Effect.gen(function* () {
      // The third has had 50 ms, and the others nothing.
      const figures = yield* five({ pool: { expiresIn: 250 } })
      assert.deepInclude(figures, { completed: 2, expired: 3, good: 2, wasted: 0.2 })
    })
  )

  it.live("are none of those that fail", () =>
    Effect.gen(function* () {
      const downstream = { outages: [{ fromMillis: 100, untilMillis: 200 }] }
      assert.deepInclude(yield* five({ downstream, worth: 1000 }), { failed: 1, good: 4, wasted: 0.2 })
    })
  )

  it.live("are not told where nobody says for how long they are", () =>
    Effect.gen(function* () {
      const figures = yield* five({ worth: undefined })
      assert.notProperty(figures, "good")
      assert.notProperty(figures.windows[0]!, "good")
    })
  )
})
