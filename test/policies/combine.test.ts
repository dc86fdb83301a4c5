/** Policies made of policies. */
import { assert, describe, it } from "@effect/vitest"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import { live, signals, times } from "../support/signals.ts"

const { clamp, cooldown, fixed, make, max, min, schedule, step } = ScalingPolicy

/** Wants these numbers, one a tick, and then keeps to the last. */
const wishes = (...numbers: ReadonlyArray<number>): ScalingPolicy.ScalingPolicy<number> => ({
  name: "wishes",
  initial: 0,
  decide: (_, n) => ({ workers: numbers[Math.min(n, numbers.length - 1)]!, reason: `wish ${n}`, state: n + 1 })
})
const idle = { arrived: 0 }
const answers = (policy: ScalingPolicy.ScalingPolicy, ticks: number, from = 1) =>
  live(policy, times(ticks, idle), from).map(({ heldBack, wanted, workers }) => [workers, wanted, heldBack])

describe("a policy of one's own", () => {
  it("is one function", () => {
    const policy = make("half", ({ target }) => Math.floor(target / 2))
    assert.deepInclude(policy.decide({ ...signals, target: 9 }, undefined), { workers: 4, reason: "half says so" })
    const explains = make("three", () => ({ workers: 3, reason: "of a whim" }))
    assert.deepInclude(explains.decide(signals, undefined), { workers: 3, reason: "of a whim" })
  })
})

describe("min and max", () => {
  it("take the least and the most, with the reason of the one that they took and the number of the others", () => {
    const [a, b] = [fixed(3), wishes(5, 1)]
    const lowest = live(min(a, b), times(2, idle))
    assert.deepStrictEqual(
      lowest.map(({ workers }) => workers),
      [3, 1]
    )
    assert.strictEqual(lowest[0]!.reason, "fixed: it is fixed at 3; wishes says 5")
    assert.strictEqual(lowest[1]!.reason, "wishes: wish 1; fixed says 3")
    assert.deepStrictEqual(
      live(max(a, b), times(2, idle)).map(({ workers }) => workers),
      [5, 3]
    )
    assert.strictEqual(min(a, b).name, "min(fixed, wishes)")
  })

  it("each keeps its own state, chosen or not", () => {
    assert.deepStrictEqual(
      live(min(fixed(2), wishes(9, 9, 1)), times(3, idle)).map(({ workers }) => workers),
      [2, 2, 1]
    )
  })

  it("are refused with whichever of them is wrong", () => {
    assert.strictEqual(min(fixed(1), fixed(-1)).invalid?.field, "workers")
  })
})

describe("clamp", () => {
  it("keeps within its bounds, and says what was wanted", () => {
    assert.deepStrictEqual(answers(clamp(wishes(9, 1, 4), { minWorkers: 2, maxWorkers: 5 }), 3), [
      [5, 9, "maxWorkers"],
      [2, 1, "minWorkers"],
      [4, undefined, undefined]
    ])
  })

  it.each<[object, string]>([
    [{ minWorkers: -1 }, "minWorkers"],
    [{ minWorkers: 3, maxWorkers: 2 }, "minWorkers"],
    [{ maxWorkers: 0.5 }, "maxWorkers"]
  ])("%j is refused by its field", (bounds, field) => {
    assert.strictEqual(clamp(fixed(1), bounds).invalid?.field, field)
  })
})

describe("step", () => {
  it("changes by no more at a tick, up and down", () => {
    assert.deepStrictEqual(answers(step(wishes(9, 9, 9, 0), { up: 4, down: 2 }), 5), [
      [5, 9, "step"],
      [9, undefined, undefined],
      [9, undefined, undefined],
      [7, 0, "step"],
      [5, 0, "step"]
    ])
  })

  it.each(["up", "down"] as const)("%s below 1 is refused", (field) => {
    assert.strictEqual(step(fixed(1), { [field]: 0 }).invalid?.field, field)
  })
})

describe("cooldown", () => {
  it("holds a fall until the time has passed since the last rise, its own or anybody's", () => {
    const policy = cooldown(wishes(5, 2), "3 seconds")
    assert.deepStrictEqual(answers(policy, 5), [
      [5, undefined, undefined],
      [5, 2, "cooldown"],
      [5, 2, "cooldown"],
      [2, undefined, undefined],
      [2, undefined, undefined]
    ])
    const { state } = policy.decide({ ...signals, atMillis: 10_000, target: 1 }, { ...start(policy), asked: 1 })
    assert.deepInclude(policy.decide({ ...signals, atMillis: 11_000, target: 9 }, state), {
      workers: 9,
      heldBack: "cooldown"
    })
  })

  it("never holds a rise", () => {
    assert.deepStrictEqual(answers(cooldown(wishes(5, 6), "1 hour"), 2)[1], [6, undefined, undefined])
  })

  it("what is wrong with the policy within is wrong with it", () => {
    assert.strictEqual(cooldown(fixed(-1), 1).invalid?.field, "workers")
    assert.strictEqual(clamp(fixed(-1), {}).invalid?.field, "workers")
  })

  it("a duration that is none is refused", () => {
    assert.strictEqual(cooldown(fixed(1), -1).invalid?.field, "cooldown")
  })
})

const start = (policy: ScalingPolicy.ScalingPolicy) =>
  policy.decide({ ...signals, atMillis: 0, target: 1 }, policy.initial).state as object

describe("schedule", () => {
  const at = (policy: ScalingPolicy.ScalingPolicy, time: string) => {
    const { heldBack, workers } = policy.decide({ ...signals, epochMillis: Date.parse(time) }, policy.initial)
    return [workers, heldBack]
  }

  it("has other bounds from one time of day to another", () => {
    const policy = schedule(fixed(3), [{ from: "08:00", to: "18:30", minWorkers: 10 }])
    assert.deepStrictEqual(at(policy, "2026-11-23T07:59:59Z"), [3, undefined])
    assert.deepStrictEqual(at(policy, "2026-11-23T08:00:00Z"), [10, "minWorkers"])
    assert.deepStrictEqual(at(policy, "2026-11-23T18:29:59Z"), [10, "minWorkers"])
    assert.deepStrictEqual(at(policy, "2026-11-23T18:30:00Z"), [3, undefined])
  })

  it("goes over midnight, and the day is that on which it began", () => {
    const policy = schedule(fixed(30), [{ from: "22:00", to: "06:00", days: ["fri"], maxWorkers: 5 }])
    assert.deepStrictEqual(at(policy, "2026-11-27T23:00:00Z"), [5, "maxWorkers"])
    assert.deepStrictEqual(at(policy, "2026-11-28T05:59:00Z"), [5, "maxWorkers"])
    const saturday = schedule(fixed(30), [{ from: "22:00", to: "06:00", days: ["sat"], maxWorkers: 5 }])
    assert.deepStrictEqual(at(saturday, "2026-11-29T01:00:00Z"), [5, "maxWorkers"])
    assert.deepStrictEqual(at(policy, "2026-11-28T23:00:00Z"), [30, undefined])
    assert.deepStrictEqual(at(policy, "2026-11-27T05:00:00Z"), [30, undefined])
  })

  it("the first entry whose time it is holds, by the zone's own time", () => {
    const entries = [
      { from: "09:00", to: "10:00", maxWorkers: 2 },
      { from: "00:00", to: "00:00", minWorkers: 7 }
    ]
    const policy = schedule(fixed(3), entries, { timeZone: "Europe/Berlin" })
    assert.deepStrictEqual(at(policy, "2026-11-23T08:30:00Z"), [2, "maxWorkers"])
    assert.deepStrictEqual(at(policy, "2026-07-23T08:30:00Z"), [7, "minWorkers"])
    assert.deepStrictEqual(at(policy, "2026-07-23T07:30:00Z"), [2, "maxWorkers"])
  })

  it.each<[object, string]>([
    [{ from: "8:00", to: "09:00" }, "from"],
    [{ from: "08:00", to: "24:00" }, "to"],
    [{ from: "08:00", to: "09:00", days: ["monday"] }, "days"],
    [{ from: "08:00", to: "09:00", minWorkers: 1.5 }, "minWorkers"]
  ])("%j is refused by its field", (entry, field) => {
    assert.strictEqual(schedule(fixed(1), [entry as ScalingPolicy.ScheduleEntry]).invalid?.field, field)
  })

  it("a time zone that there is not is refused", () => {
    assert.strictEqual(schedule(fixed(1), [], { timeZone: "Mars/Olympus" }).invalid?.field, "timeZone")
  })
})
