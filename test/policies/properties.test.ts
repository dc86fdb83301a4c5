/** What holds for every policy, over random policies and random loads. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import * as Simulation from "../../src/Simulation.ts"
import { atEarlyLook, atTick } from "../../src/policies/policy.ts"
import { makeDraw } from "../../src/simulation/random.ts"
import { live, type Second, signals } from "../support/signals.ts"

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

describe("early looks", () => {
  /** The same load, with policies that have looked in between, and without. */
  forAll("leave the ticks as they are: what is remembered is of the last tick", (random) => {
    const policy = anyOf(random, 1)
    const seconds = loads(random)
    const looking: ScalingPolicy.ScalingPolicy = {
      ...policy,
      decide: (signals, state) => {
        let early = state
        for (let look = 0; look < 3; look++) {
          early = atEarlyLook(policy, { ...signals, atMillis: signals.atMillis - 900 + 100 * look }, early).state
        }
        return policy.decide(signals, state)
      }
    }
    assert.deepStrictEqual(live(looking, seconds), live(policy, seconds))
  })

  forAll("min stays below the limit of gradient, which they do not move, and within a clamp", (random) => {
    const guard = ScalingPolicy.gradient({ initial: 1 + random.below(40) })
    const states = live(guard, loads(random).slice(0, 5)).map(({ workers }) => workers)
    const limit = ScalingPolicy.fixed(states.at(-1)!)
    const look = { ...signals, target: random.below(30), waiting: random.below(500) }
    for (const policy of [ScalingPolicy.min(anyOf(random, 2), limit), ScalingPolicy.min(limit, simple(random))]) {
      assert.isAtMost(atEarlyLook(policy, look, policy.initial).workers, states.at(-1)!)
    }
    const policy = bounded(random)
    const { workers } = atEarlyLook(policy, look, policy.initial)
    assert.isTrue(policy.early === "none" || (workers >= least && workers <= most), `${workers}`)
  })

  forAll("the next tick gives up nothing of what they have added, unless a latency asks for it", (random) => {
    const policy = random.from([
      () => ScalingPolicy.adaptive({ cooldown: 0, deadBand: random.uniform(), fallPerSecond: random.uniform() }),
      () => ScalingPolicy.make("as many as wait", ({ waiting }) => waiting),
      () => ScalingPolicy.cooldown(ScalingPolicy.fixed(random.below(20)), 1 + random.below(10_000))
    ])()
    const look = { ...signals, atMillis: 1000, waiting: random.below(3), target: 40, early: 1 + random.below(39) }
    assert.isAtLeast(atTick(policy, look, policy.initial).workers, 40)
  })

  /** A policy with a brake, and whether these decisions have minded it. */
  const braked = (random: Dice) => {
    const up = 1 + random.below(5)
    const millis = random.below(6_000)
    return random.from([
      () => ({
        policy: ScalingPolicy.step(anyOf(random, 1), { up }),
        check: (decisions: ReadonlyArray<Simulation.Decision>) => {
          const risen = new Map<number, number>()
          for (const { after, atMillis, before } of decisions) {
            const interval = Math.ceil(atMillis / 1000)
            risen.set(interval, (risen.get(interval) ?? 0) + Math.max(0, after - before))
          }
          for (const [interval, more] of risen) assert.isAtMost(more, up, `in the interval to second ${interval}`)
        }
      }),
      () => ({
        policy: ScalingPolicy.cooldown(anyOf(random, 1), millis),
        check: (decisions: ReadonlyArray<Simulation.Decision>) => {
          let risenAt = -Infinity
          for (const { after, atMillis, before } of decisions) {
            if (after > before) risenAt = atMillis
            else assert.isAtLeast(atMillis - risenAt, millis)
          }
        }
      }),
      () => ({ policy: anyOf(random, 2), check: () => {} })
    ])()
  }

  it.live("only add workers, within the bounds, 50 ms after any look, and beat neither a step nor a cooldown", () =>
    Effect.gen(function* () {
      let early = 0
      for (let seed = firstSeed; seed < firstSeed + 40; seed++) {
        const random = dice(`early ${seed}`)
        const { check, policy } = braked(random)
        const minWorkers = random.below(3)
        const maxWorkers = Math.max(1, minWorkers) + random.below(60)
        const { decisions } = yield* Simulation.run({
          policy,
          pool: { minWorkers, maxWorkers, timeout: random.from([500, "none"]), capacity: 200 },
          arrivals: Simulation.Arrivals.spike(5, 400, 5300, 3000),
          service: Simulation.ServiceTimes.lognormal(random.from([5, 60, 700]), 1),
          duration: "15 seconds",
          seed
        })
        let lookedAt = -Infinity
        for (const { after, atMillis, before, cause } of decisions) {
          if (cause === "shortage") {
            early++
            assert.isAbove(after, before)
            assert.isAtMost(after, maxWorkers)
            // In whole microseconds, as the pool waits.
            const millis = atMillis - Math.max(lookedAt, (Math.ceil(atMillis / 1000) - 1) * 1000 || -Infinity)
            assert.isAtLeast(Math.round(1000 * millis), 50_000, `POLICY_SEED=${seed}: ${atMillis}`)
          }
          lookedAt = atMillis
        }
        check(decisions)
      }
      assert.isAbove(early, 20)
    })
  )
})
