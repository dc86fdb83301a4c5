/** What stands after `@` in `--arrivals`, the flags that say who runs next, and what comes of them. */
import { Effect, Result } from "effect"
import { describe, expect, it } from "vitest"
import type { BadUsage } from "../../../src/program/errors.ts"
import { parseLoads } from "../../../src/program/simulate/labelFlags.ts"
import { parseServices } from "../../../src/program/simulate/loadFlags.ts"
import { parseQueue } from "../../../src/program/simulate/queueFlags.ts"
import { toJson, toTable } from "../../../src/program/simulate/report.ts"
import { make } from "../../../src/program/simulate/settings.ts"
import { simulate } from "../../../src/program/simulate/simulate.ts"
import { flags, nobody } from "../fixtures/simulation.ts"

const value = <A>(effect: Effect.Effect<A, BadUsage>) => Effect.runPromise(effect)
const refusal = async (effect: Effect.Effect<unknown, BadUsage>): Promise<string | undefined> => {
  const result = await Effect.runPromise(Effect.result(effect))
  return Result.isFailure(result) ? result.failure.message : undefined
}
const still = { uniform: () => 0.5, exponential: () => 1, normal: () => 0, of: () => still }
const drawn = async (...texts: ReadonlyArray<string>) => [...(await value(parseLoads(texts))).draw(still, 2000)]

describe("a load", () => {
  it("says whose its requests are, how urgent, and of which type", async () => {
    expect(await drawn("burst:2@key=hog", "burst:1,1s@priority=-3,type=Report")).toEqual([
      { atMillis: 0, type: "Work", key: "hog" },
      { atMillis: 0, type: "Work", key: "hog" },
      { atMillis: 1000, type: "Report", priority: -3 }
    ])
  })

  it("has several keys by their shares, and so many that are numbered", async () => {
    expect((await drawn("burst:1@key=a:1+b:3"))[0]!.key).toBe("b")
    expect((await drawn("burst:1@key=a:3+b:1"))[0]!.key).toBe("a")
    expect((await drawn("burst:1@key=light*99"))[0]!.key).toBe("light-50")
    expect((await drawn("burst:1@key=a*2:3+b"))[0]!.key).toBe("a-2")
  })

  it.each([
    ["burst:1@key=", "with KEYS NAME, NAME*COUNT"],
    ["burst:1@key=a*0", "with KEYS NAME, NAME*COUNT"],
    ["burst:1@key=a:0", "with KEYS NAME, NAME*COUNT"],
    ["burst:1@key=a:1:2", "with KEYS NAME, NAME*COUNT"],
    ["burst:1@priority=11", "with PRIORITIES a whole number from -10 to 10"],
    ["burst:1@priority=high", "with PRIORITIES a whole number from -10 to 10"],
    ["burst:1@type=", "with TYPE a text that is not empty"],
    ["burst:1@key=a,key=b", "to be LOAD@key=KEYS,priority=PRIORITIES,type=TYPE"],
    ["burst:1@key=a,tenant=b", "to be LOAD@key=KEYS,priority=PRIORITIES,type=TYPE"],
    ["burst:1@tenant=b", "burst:COUNT[,AT] with COUNT"],
    ["burst:x@key=a", "burst:COUNT[,AT] with COUNT a whole number, at least 0"]
  ])("is refused where that is wrong: %s", async (text, says) => {
    expect(await refusal(parseLoads(["poisson:1", text]))).toContain(says)
  })
})

describe("service times", () => {
  it("may be those of a type", async () => {
    const sample = (await value(parseServices(["constant:10ms", "Report=constant:1s"]))).sampler(still)
    expect([sample("Work"), sample("Report")]).toEqual([10, 1000])
  })

  it.each([
    [["Report=constant:1s"], "one --service without a type"],
    [["constant:1s", "constant:2s"], 'once for all others, got another one, "constant:2s"'],
    [["constant:1s", "A=constant:2s", "A=constant:3s"], "once for A, got another one"]
  ])("are refused where it cannot be told which holds: %j", async (texts, says) => {
    expect(await refusal(parseServices(texts))).toContain(says)
  })
})

describe("who runs next", () => {
  const none = { limit: [], weight: [], aging: undefined, order: undefined, keyCapacity: undefined }

  it("is said by flags", async () => {
    const queue = await value(
      parseQueue({
        limit: ["name=mailer,concurrency=4"],
        weight: ["gold=4", "a=b=2"],
        aging: "10s",
        order: "lifo",
        keyCapacity: "100"
      })
    )
    expect(queue.limits?.map(({ concurrency, name }) => [name, concurrency])).toEqual([["mailer", 4]])
    expect(["gold", "a=b", "tin"].map(queue.weight!)).toEqual([4, 2, 1])
    expect(queue).toMatchObject({ aging: 10_000, order: "lifo", keyCapacity: 100 })
  })

  it.each([
    [{ limit: ["mailer"] }, "Expected --limit to be name=NAME"],
    [{ limit: ["name=a,concurrency=0"] }, "limits.a.concurrency that is a whole number, at least 1, got 0"],
    [{ weight: ["gold"] }, "Expected --weight to be KEY=WEIGHT"],
    [{ weight: ["gold=0"] }, "Expected --weight to be KEY=WEIGHT"]
  ])("is refused where it is wrong: %j", async (wrong, says) => {
    expect(await refusal(parseQueue({ ...none, ...wrong }))).toContain(says)
  })

  it("what the pool refuses is refused by the name of its flag", async () => {
    const plan = await value(make({ ...flags, aging: "soon" }))
    expect(await refusal(simulate(plan, nobody))).toMatch(/^Expected --aging to be .*got "?soon"?/)
  })
})

it("the report tells waits by priority and by key, and how fair it was; without them it has none of it", async () => {
  const of = async (arrivals: ReadonlyArray<string>) => {
    const plan = await value(make({ ...flags, policy: ["fixed:2"], duration: "10s", capacity: "unbounded", arrivals }))
    const simulated = await value(simulate(plan, nobody))
    return { table: toTable(simulated, plan), json: toJson(simulated) }
  }
  const load = ["burst:300@key=hog", "poisson:8@key=light*7,priority=0+2"]
  const { json, table } = await of(load)
  expect(table).toMatch(/^wait p50, p99 of priority 2 +\d/m)
  expect(table).toMatch(/^wait p50, p99 of hog +\d/m)
  expect(table).toMatch(/^keys +8$/m)
  expect(table).toMatch(/^fairness among keys \(1 is even\) +0\.\d{4}$/m)
  const [policy] = JSON.parse(json).policies
  expect(policy.byPriority.map(({ priority }: { priority: number }) => priority)).toEqual([2, 0])
  expect(policy.byKey[0]).toMatchObject({ key: "hog", arrived: 300 })
  // A waiting hog does not keep anybody waiting.
  expect(policy.byKey[1].waitP99).toBeLessThan(policy.byKey[0].waitP50 / 5)
  expect((await of(load)).json).toBe(json)
  const without = await of(["poisson:8"])
  expect(without.table).not.toMatch(/priority|key|fair/)
  expect(without.json).not.toMatch(/byPriority|byKey|fairness|keys/)
})

describe("an overload, and an outage", () => {
  const overload = {
    ...flags,
    policy: ["fixed:2"],
    arrivals: ["constant:40"],
    duration: "10s",
    strategy: "shedding" as const,
    worth: "300ms"
  }
  const run = async (wanted: typeof flags) => {
    const plan = await value(make(wanted))
    const simulated = await value(simulate(plan, nobody))
    const [policy] = JSON.parse(toJson(simulated)).policies
    return { policy, table: toTable(simulated, plan) }
  }

  it("is told: what was shed, answered in time, and done in vain", async () => {
    const { policy, table } = await run(overload)
    expect(policy.shed).toBeGreaterThan(100)
    expect(policy.shed).toBe(policy.evicted)
    expect(policy.good).toBeGreaterThan(150)
    expect(policy.goodPerSecond).toBeGreaterThan(15)
    expect(policy.wasted).toBeLessThan(0.1)
    for (const [name, shown] of [
      ["of them shed", policy.shed],
      ["answered in time", policy.good],
      ["answered in time, per second", policy.goodPerSecond.toFixed(1)],
      ["work that came too late or failed", `${(100 * policy.wasted).toFixed(1)} %`]
    ]) {
      expect(table).toMatch(new RegExp(`^${name} +${shown}$`, "m"))
    }
    expect(table).toContain("strategy shedding, worth 300ms")
    const late = (await run({ ...overload, strategy: "dropping" })).policy
    expect([late.shed, late.good < 50, late.wasted > 0.8]).toEqual([0, true, true])
    const unasked = await run({ ...overload, strategy: "dropping", worth: undefined })
    expect(unasked.table).not.toMatch(/shed|in time|too late/)
  })

  it("heeds how long a wait may be, and for how long there must be too much", async () => {
    const shed = async (sheddingTarget: string, sheddingInterval?: string) =>
      (await run({ ...overload, sheddingTarget, sheddingInterval })).policy.shed
    expect(await shed("900ms", "20s")).toBe(0)
    expect(await shed("3s")).toBe(0)
    expect(await shed("900ms", "2s")).toBeGreaterThan(100)
    const { table } = await run({ ...overload, sheddingTarget: "1s", sheddingInterval: "5s" })
    expect(table).toContain("shedding target 1s, shedding interval 5s")
  })

  it("fails what begins while the handlers' service is out of order, and a budget bounds what is tried again", async () => {
    const outage = { ...flags, policy: ["fixed:64"], duration: "10s", retries: 3, outage: ["2s,4s", "6s,7s"] }
    const without = (await run(outage)).policy
    expect(without.failed).toBeGreaterThan(50)
    expect(without.retries).toBeGreaterThan(300)
    const { policy, table } = await run({ ...outage, retryBudget: "0" })
    expect(policy.retries).toBeLessThan(without.retries / 2)
    expect(table).toContain("retry budget 0, outage 2s,4s, outage 6s,7s")
  })

  it.each([
    [{ sheddingTarget: "10ms" }, 'Expected --strategy to be "shedding" where `shedding` is set, got "dropping"'],
    [
      { strategy: "shedding" as const, sheddingTarget: "0" },
      "Expected --shedding-target to be a finite duration above"
    ],
    [{ strategy: "shedding" as const, sheddingInterval: "x" }, "Expected --shedding-interval to be a finite duration"],
    [{ worth: "0" }, "Expected --worth to be a finite duration above zero"],
    [{ retryBudget: "lots" }, 'Expected --retry-budget to be a number from 0 to 10, or "none", got "lots"'],
    [{ outage: ["5s"] }, "Expected --outage to be FROM,UNTIL"],
    [{ outage: ["5s,5s"] }, "Expected --outage to be FROM,UNTIL"],
    [{ outage: ["5s,6s,7s"] }, "Expected --outage to be FROM,UNTIL"]
  ])("is refused where it is wrong: %j", async (wrong, says) => {
    const refused = refusal(Effect.flatMap(make({ ...flags, ...wrong }), (plan) => simulate(plan, nobody)))
    expect(await refused).toContain(says)
  })
})
