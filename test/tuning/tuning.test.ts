/** Searches whose answer is known, or must be none. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { Limit, ScalingPolicy } from "../../src/index.ts"
import { erlangC } from "../../src/policies/staffing.ts"
import { Arrivals, ServiceTimes } from "../../src/Simulation.ts"
import * as Tuning from "../../src/Tuning.ts"
import { checked } from "../../src/tuning/wanted.ts"

const tune = (options: Tuning.Options): Promise<Tuning.Report> => Effect.runPromise(Tuning.run(options))
const refusal = (options: Tuning.Options) => Effect.runPromise(Effect.flip(Tuning.run(options)))

/** Poisson arrivals, exponential service: two workers are busy on average. */
const load = { arrivals: Arrivals.poisson(20), service: ServiceTimes.exponential(100) }
const options: Tuning.Options = { load, duration: "5 minutes", targets: ["p99(wait) <= 200ms"], budget: 80_000 }

/** Where the answer is no matter of chance. */
const brief: Tuning.Options = { ...options, duration: "1 minute", budget: 15_000 }

describe("a load of which theory knows what it needs", () => {
  /** The share that waits for longer than `millis`: P(W > t) = C(c, a) e^(-(c - a) t / s). */
  const late = (servers: number, millis: number) => erlangC(servers, 2) * Math.exp((-(servers - 2) * millis) / 100)
  const fewest = (millis: number) => [3, 4, 5, 6, 7, 8].find((servers) => late(servers, millis) <= 0.01)

  it.each([
    [200, 4],
    [30, 6]
  ])("has no more workers at once than keep p99(wait) <= %d ms", async (millis, servers) => {
    expect(fewest(millis)).toBe(servers)
    const report = await tune({ ...options, targets: [`p99(wait) <= ${millis}ms`], cost: "peak" })
    expect(report.chosen!.score.peakWorkers).toBeCloseTo(servers, 6)
    expect(report.chosen!.score.values[0]).toBeLessThanOrEqual(millis)
    // One fewer was tried, and is not enough.
    const tried = report.tried.filter(({ settings: { policy } }) => policy.kind === "fixed")
    for (const { score } of tried) if (score.cost < servers) expect(score.excess).toBeGreaterThan(1)
  })

  it("costs less over time than the fewest fixed workers, for those may come and go", async () => {
    const { chosen, today, isRecorded, unseen } = await tune(options)
    expect(chosen!.cost.mean).toBeLessThanOrEqual(4)
    expect(chosen!.cost.mean).toBeGreaterThan(2)
    expect(chosen!.cost.mean).toBeLessThan(today.cost.mean)
    expect(today.settings).toBe("today")
    expect([isRecorded, unseen]).toEqual([false, [{ fromMillis: 0, toMillis: 300_000 }]])
  })
})

describe("the same options", () => {
  it("give the same report, in whatever order simulations end; another seed gives another one", async () => {
    const alone = await tune(brief)
    const measurer = await Effect.runPromise(Tuning.measurerOf(brief))
    let asked = 0
    const unordered = await tune({
      ...brief,
      measure: (task) =>
        Effect.suspend(() => Effect.delay(measurer.run(task), asked++ % 3 === 0 ? "2 millis" : 0)) as never
    })
    expect(asked).toBeGreaterThan(20)
    expect(JSON.stringify(unordered)).toBe(JSON.stringify(alone))
    expect(JSON.stringify(await tune({ ...brief, seed: 2 }))).not.toBe(JSON.stringify(alone))
  })
})

describe("when nothing keeps a target", () => {
  it("the service time itself is told to be in the way, with what comes nearest", async () => {
    const report = await tune({ ...brief, targets: ["p99(total) <= 300ms"], isWatched: true })
    expect(report.chosen).toBeUndefined()
    expect(report.obstacles).toEqual([
      expect.stringMatching(
        /^p99\(total\) <= 300ms: no number of workers keeps it: the service time itself is [45]\d\d ms at p99$/
      )
    ])
    // Nothing is nearer than hardly any wait at all.
    expect(report.others[0]!.score.values[0]).toBeLessThan(600)
    expect(report.outlook!.best.load.windows).toHaveLength(60)
  })

  it("so is a bound of the workers that the load is too much for", async () => {
    const report = await tune({ ...brief, mostWorkers: 1 })
    expect(report.obstacles).toContainEqual(
      expect.stringMatching(/not more than 1 workers are allowed, and the load keeps [12](\.\d+)? workers busy/)
    )
    for (const { settings } of report.tried) expect(settings.maxWorkers).toBe(1)
  })

  it("so is a limit, which stays as it is", async () => {
    const limits = [Limit.make({ name: "one", concurrency: 1 })]
    const report = await tune({ ...brief, pool: { limits } })
    expect(report.obstacles[0]).toContain("it is the limits that make requests wait")
  })

  it("so are failures", async () => {
    const report = await tune({
      ...brief,
      load: { ...load, failures: 0.1 },
      targets: ["good >= 99%", "failed <= 20%"]
    })
    expect(report.obstacles).toEqual([
      expect.stringMatching(
        /^good >= 99%: no number of workers keeps it: with a worker for each request it is (8[5-9]|9[0-4])/
      )
    ])
  })
})

describe("what may be lost", () => {
  const texts = async (...targets: ReadonlyArray<string>) =>
    (await Effect.runPromise(checked({ ...brief, targets }))).targets.map(({ text }) => text)

  it("is one in a thousand when nobody says, or what may be refused: the cheapest pool refuses everything", async () => {
    expect(await texts("p99(wait) <= 1s")).toEqual(["p99(wait) <= 1s", "lost <= 0.1%"])
    expect(await texts("p99(wait) <= 1s", "refused <= 2%")).toContain("lost <= 2%")
    expect(await texts("lost(key=a) <= 5%", "p99(wait) <= 1s")).toContain("lost <= 0.1%")
    expect(await texts("refused(key=a) <= 50%", "p99(wait) <= 1s")).toContain("lost <= 0.1%")
    expect(await texts("p99(wait) <= 1s", "lost <= 5%")).toHaveLength(2)
    expect(await texts("good >= 90%")).toHaveLength(1)
  })
})

it("today's settings are kept when nothing costs less", async () => {
  const report = await tune({
    ...options,
    budget: 30_000,
    cost: "peak",
    policy: ScalingPolicy.fixed(4),
    pool: { maxWorkers: 4 }
  })
  expect(report.chosen).toBe(report.today)
})

it("a recording is judged on the blocks of its time that the search did not see, once as it was", async () => {
  const arrivals = Arrivals.trace(
    "recorded",
    Array.from({ length: 1800 }, (_, n) => ({ atMillis: 100 * n + ((7 * n) % 90), type: "Work" }))
  )
  const seen: Array<Tuning.Task> = []
  const recorded = { ...options, load: { ...load, arrivals }, duration: "180 seconds", isRecorded: true } as const
  const measurer = await Effect.runPromise(Tuning.measurerOf(recorded))
  const report = await tune({
    ...recorded,
    budget: 30_000,
    measure: (task) =>
      Effect.andThen(
        Effect.sync(() => seen.push(task)),
        measurer.run(task)
      ) as never
  })
  expect(report.unseen).toEqual([
    { fromMillis: 40_000, toMillis: 60_000 },
    { fromMillis: 100_000, toMillis: 120_000 },
    { fromMillis: 160_000, toMillis: 180_000 }
  ])
  const isUnseen = ({ fromMillis }: Tuning.Task) => report.unseen.some((span) => span.fromMillis === fromMillis)
  const judged = seen.filter(isUnseen)
  expect(new Set(judged.map(({ of, seed }) => `${seed} ${of}`))).toContain("1/unseen-1 load")
  for (const { of, seed } of judged) expect(of).toBe(seed === "1/unseen-1" ? "load" : "redrawn")
  // At last what was found is tried on all of it.
  const isWhole = ({ fromMillis, toMillis }: Tuning.Task) => fromMillis === 0 && toMillis === 180_000
  expect(seen.filter(isWhole).length).toBeGreaterThan(0)
  expect(report.chosen!.whole!.excess).toBeLessThanOrEqual(1)
  for (const task of seen.filter((task) => !isUnseen(task) && !isWhole(task))) {
    for (const { fromMillis, toMillis } of report.unseen) {
      expect(task.toMillis <= fromMillis || task.fromMillis >= toMillis).toBe(true)
    }
  }
})

it.each([
  [{ targets: [] }, "targets", "at least one"],
  [{ targets: ["p99(wait, key=x) <= 1s"] }, "targets", "one of requests that the load has"],
  [{ duration: 0 }, "duration", "a finite duration above zero"],
  [{ budget: 10 }, "budget", "at least 1000"],
  [{ mostWorkers: 0 }, "mostWorkers", "at least 1"],
  [{ cost: "money" as never }, "cost", "worker-seconds"],
  [{ pool: { minWorkers: -1 } }, "minWorkers", "a whole number"],
  [{ load: { ...load, arrivals: Arrivals.poisson(-1) } }, "rate", "at least 0"],
  [{ load: { ...load, arrivals: Arrivals.poisson(0.000001) } }, "arrivals", "at least one request"],
  [{ policy: ScalingPolicy.fixed(-1) }, "workers", "a whole number"]
])("is refused where it is wrong: %j", async (wrong, field, expected) => {
  const error = await refusal({ ...brief, ...wrong })
  expect(error).toMatchObject({ _tag: "InvalidPoolConfig", field })
  expect((error as { readonly expected: string }).expected).toContain(expected)
})

it("a target that is none fails with its place", async () => {
  expect(await refusal({ ...options, targets: ["p99(wait) <= 1s", "p99(wat) <= 1s"] })).toMatchObject({
    _tag: "InvalidTarget",
    position: 5,
    came: "wat"
  })
})
