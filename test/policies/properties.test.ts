/** What holds for every policy, over random policies and random loads. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import * as Simulation from "../../src/Simulation.ts"
import { makeDraw } from "../../src/simulation/random.ts"
import { live, type Second } from "../support/signals.ts"

const runs = Number(process.env["POLICY_RUNS"] ?? 300)
const firstSeed = Number(process.env["POLICY_SEED"] ?? 1)

const dice = (seed: string) => {
  const { uniform } = makeDraw(seed)
  const below = (most: number) => Math.floor(uniform() * most)
  return { uniform, below, from: <A>(choices: ReadonlyArray<A>) => choices[below(choices.length)]! }
}
type Dice = ReturnType<typeof dice>

/** Loads with steps, silences, timeouts, failures, pauses and attempts that do not end. */
const loads = ({ below, from, uniform }: Dice): ReadonlyArray<Second> => {
  let rate = 100
  return Array.from({ length: 40 }, () => {
    if (uniform() < 0.2) rate = from([0, 1, 10, 100, 1000, 20_000])
    const ended = uniform() < 0.1 ? 0 : below(rate + 1)
    const timedOut = uniform() < 0.2 ? below(ended + 1) : 0
    return {
      arrived: below(2 * rate + 1),
      ended,
      timedOut,
      failed: uniform() < 0.2 ? below(ended - timedOut + 1) : 0,
      millis: from([0, 0.2, 10, 100, 5000]),
      waiting: uniform() < 0.5 ? 0 : below(10 * rate + 1),
      running: below(300),
      paused: uniform() < 0.1,
      epochMillis: below(7 * 24 * 3_600_000)
    }
  })
}

const simple = ({ below, from, uniform }: Dice): ScalingPolicy.ScalingPolicy =>
  from([
    () => ScalingPolicy.adaptive(),
    () => ScalingPolicy.adaptive({ cooldown: 0, deadBand: uniform(), fallPerSecond: uniform() }),
    () => ScalingPolicy.gradient({ tolerance: 1 + uniform(), initial: 1 + below(50), least: 1 + below(10) }),
    () => ScalingPolicy.queueLength({ threshold: 1 + below(200), step: 1 + below(5) }),
    () => ScalingPolicy.fixed(below(400))
  ])()

const least = 3
const most = 50
/** A policy within bounds of its own, so that what comes out of it can be checked. */
const bounded = (random: Dice): ScalingPolicy.ScalingPolicy =>
  random.from([
    () => ScalingPolicy.clamp(anyOf(random, 2), { minWorkers: least, maxWorkers: most }),
    () =>
      ScalingPolicy.schedule(anyOf(random, 2), [{ from: "00:00", to: "00:00", minWorkers: least, maxWorkers: most }])
  ])()

const anyOf = (random: Dice, depth: number): ScalingPolicy.ScalingPolicy => {
  if (depth === 0) return simple(random)
  const inner = () => anyOf(random, depth - 1)
  return random.from([
    () => simple(random),
    () => ScalingPolicy.min(inner(), inner()),
    () => ScalingPolicy.max(inner(), inner(), inner()),
    () => ScalingPolicy.step(inner(), { up: 1 + random.below(20), down: 1 + random.below(5) }),
    () => ScalingPolicy.cooldown(inner(), random.below(10_000))
  ])()
}

const forAll = (what: string, check: (random: Dice) => void) =>
  it(what, () => {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      try {
        check(dice(String(seed)))
      } catch (error) {
        throw new Error(`POLICY_SEED=${seed} POLICY_RUNS=1: ${String(error)}`, { cause: error })
      }
    }
  })

describe("every policy", () => {
  forAll("wants a whole number of workers, and gives a reason", (random) => {
    for (const { reason, wanted, workers } of live(anyOf(random, 3), loads(random), random.below(50))) {
      for (const number of [workers, wanted ?? workers]) assert.isTrue(Number.isSafeInteger(number), `${number}`)
      assert.isAbove(reason.length, 0)
    }
  })

  forAll("within bounds stays within bounds", (random) => {
    for (const { workers } of live(bounded(random), loads(random), random.below(100))) {
      assert.isAtLeast(workers, least)
      assert.isAtMost(workers, most)
    }
  })

  forAll("says what holds it back whenever it does not get what it wants", (random) => {
    for (const { heldBack, wanted, workers } of live(anyOf(random, 3), loads(random))) {
      if (wanted !== undefined && wanted !== workers) assert.isDefined(heldBack, `${wanted}, but ${workers}`)
    }
  })

  forAll("is a pure fold: the same load gives the same answers", (random) => {
    const policy = anyOf(random, 3)
    const seconds = loads(random)
    assert.deepStrictEqual(live(policy, seconds), live(policy, seconds))
  })

  forAll("min is no more than any of its policies, max no less, and both are one of them", (random) => {
    const policies = [simple(random), simple(random), simple(random)] as const
    const seconds = loads(random)
    const [first] = seconds
    const each = policies.map((policy) => live(policy, [first!])[0]!.workers)
    assert.strictEqual(live(ScalingPolicy.min(...policies), [first!])[0]!.workers, Math.min(...each))
    assert.strictEqual(live(ScalingPolicy.max(...policies), [first!])[0]!.workers, Math.max(...each))
  })

  forAll("step changes no more at a tick than it may", (random) => {
    const [up, down] = [1 + random.below(10), 1 + random.below(10)]
    for (const { target, workers } of live(ScalingPolicy.step(anyOf(random, 2), { up, down }), loads(random))) {
      assert.isAtMost(workers - target, up)
      assert.isAtMost(target - workers, down)
    }
  })
})

describe("adaptive and queueLength are monotone", () => {
  for (const make of [() => ScalingPolicy.adaptive(), () => ScalingPolicy.queueLength({ threshold: 20 })]) {
    forAll(`${make().name}: the more wait, the more workers`, (random) => {
      const seconds = loads(random).map((second) => ({ ...second, paused: false }))
      const last = seconds.at(-1)!
      const wanted = [0, 1, 50, 5000].map(
        (more) => live(make(), [...seconds.slice(0, -1), { ...last, waiting: last.waiting! + more }]).at(-1)!.workers
      )
      assert.deepStrictEqual(
        wanted,
        wanted.toSorted((a, b) => a - b)
      )
    })
  }

  forAll("adaptive: the more arrive, and the longer they take, the more workers", (random) => {
    const millis = 1 + random.below(1000)
    const rate = random.below(1000)
    const first = (second: Second) => live(ScalingPolicy.adaptive(), [second], 0)[0]!.workers
    const byRate = [1, 2, 3, 10].map((times) => first({ arrived: rate * times, millis, running: 0 }))
    const byTime = [1, 2, 3, 10].map((times) => first({ arrived: rate, millis: millis * times, running: 0 }))
    assert.deepStrictEqual(
      byRate,
      byRate.toSorted((a, b) => a - b)
    )
    assert.deepStrictEqual(
      byTime,
      byTime.toSorted((a, b) => a - b)
    )
  })
})

describe("under a real pool", () => {
  it.live("no decision leaves the pool's bounds, whatever the policy", () =>
    Effect.gen(function* () {
      for (let seed = firstSeed; seed < firstSeed + 30; seed++) {
        const random = dice(`pool ${seed}`)
        const minWorkers = random.below(5)
        const maxWorkers = Math.max(1, minWorkers) + random.below(30)
        const { decisions } = yield* Simulation.run({
          policy: anyOf(random, 2),
          pool: { minWorkers, maxWorkers, timeout: random.from([50, 500, "none"]), capacity: 200 },
          arrivals: Simulation.Arrivals.spike(20, 400, 5000, 5000),
          service: Simulation.ServiceTimes.lognormal(60, 1),
          failures: random.from([0, 0.3]),
          duration: "20 seconds",
          seed
        })
        for (const { after, heldBack, wanted } of decisions) {
          assert.isAtLeast(after, minWorkers)
          assert.isAtMost(after, maxWorkers)
          if (after !== wanted) assert.isNotNull(heldBack)
        }
      }
    })
  )
})
