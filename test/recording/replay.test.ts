/** A recording replays as it was: the same requests, the same attempts, and figures that agree with what happened. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { RetryPolicy, ScalingPolicy } from "../../src/index.ts"
import { load } from "../../src/recording/load.ts"
import { realityOf } from "../../src/recording/reality.ts"
import type { Recorded } from "../../src/recording/recorded.ts"
import { makeDraw } from "../../src/simulation/random.ts"
import * as Simulation from "../../src/Simulation.ts"

const { Arrivals, ServiceTimes } = Simulation

/** What a recording of this run would have, and its figures. */
const record = (options: Simulation.Options) =>
  Effect.gen(function* () {
    const recorded: Array<Recorded> = []
    const figures = yield* Simulation.run({
      ...options,
      onEnd: ({ atMillis, end, endedAt, key, serviceMillis, startedAt, type }) => {
        const done = end === "completed" ? "succeeded" : end === "refused" ? "refusedFull" : "failed"
        recorded.push({
          atMillis,
          type,
          ...(key === undefined ? {} : { key }),
          attempts:
            startedAt === undefined
              ? []
              : [
                  {
                    startedAtMillis: startedAt,
                    millis: serviceMillis,
                    end: end === "completed" ? "succeeded" : "failed"
                  }
                ],
          end: done,
          endedAtMillis: endedAt
        })
      }
    })
    return { recorded, figures }
  })

const options: Simulation.Options = {
  arrivals: Arrivals.labelled(Arrivals.spike(40, 200, 20_000, 5_000), { key: [{ value: "a" }, { value: "b" }] }),
  service: ServiceTimes.exponential(150),
  failures: 0.1,
  duration: "60 seconds",
  policy: ScalingPolicy.adaptive(),
  pool: { maxWorkers: 40, capacity: 200 }
}

describe("a replay", () => {
  it.effect("with the same pool and policy gives the same figures, whatever the seed", () =>
    Effect.gen(function* () {
      const { figures, recorded } = yield* record(options)
      assert.isAbove(figures.refused + figures.failed, 100)
      const { arrivals, durationMillis, failures, service } = load(recorded, { to: 60_000 })
      const again = yield* Simulation.run({
        ...options,
        arrivals,
        service,
        failures,
        duration: durationMillis,
        seed: "another"
      })
      assert.deepStrictEqual(again.wait, figures.wait)
      assert.strictEqual(again.completed, figures.completed)
      assert.strictEqual(again.refused, figures.refused)
      assert.strictEqual(again.workerSeconds, figures.workerSeconds)
    })
  )

  it.effect("of a pool whose policy follows the load comes to the same where it is looked at in the same moments", () =>
    Effect.gen(function* () {
      const spike = { ...options, arrivals: Arrivals.spike(40, 300, 30_000, 6000), pool: { maxWorkers: 60 } }
      const { figures, recorded } = yield* record({ ...spike, firstTick: 300 })
      const { arrivals, durationMillis, failures, service } = load(recorded, { to: 60_000 })
      const replay = (firstTick: number) =>
        Simulation.run({ ...spike, arrivals, service, failures, duration: durationMillis, firstTick })
      const same = yield* replay(300)
      assert.deepStrictEqual(same.wait, figures.wait)
      assert.deepStrictEqual(same.decisions, figures.decisions)
      const other = yield* replay(700)
      assert.isAbove(Math.abs(other.wait.mean - figures.wait.mean), 0.1 * figures.wait.mean)
    })
  )

  it.effect("finds in what happened what the run itself has found", () =>
    Effect.gen(function* () {
      const { figures, recorded } = yield* record(options)
      const millis = { fromMillis: 0, durationMillis: 60_000, warmupMillis: 0, waitTargetMillis: 100, tickMillis: 1000 }
      const really = realityOf(recorded, [], millis)
      for (const figure of ["arrived", "completed", "failed", "refused", "peakBacklog", "windowsWithinTarget"] as const)
        assert.strictEqual(really[figure], figures[figure], figure)
      assert.deepStrictEqual(really.wait, figures.wait)
      assert.deepStrictEqual(
        really.byKey!.map(({ arrived, key }) => [key, arrived]),
        figures.byKey!.map(({ arrived, key }) => [key, arrived])
      )
    })
  )

  it("counts workers between the marks of each recording, and of all of them together", () => {
    const mark = (salt: string, atMillis: number, workerMillis: number, closed = false) => ({
      salt,
      atMillis,
      workers: 2,
      workerMillis,
      pending: 0,
      lost: 0,
      closed
    })
    const marks = [
      mark("x", 0, 0),
      mark("x", 1000, 3000),
      mark("x", 2000, 5000, true),
      mark("y", 1000, 0),
      mark("y", 3000, 2000, true)
    ]
    const really = realityOf([], marks, {
      fromMillis: 500,
      durationMillis: 4000,
      warmupMillis: 0,
      waitTargetMillis: 100,
      tickMillis: 1000
    })
    assert.strictEqual(really.workerSeconds, 3 * 0.5 + 2 + 2)
  })

  it("counts nobody as waiting who begins in the instant of the arrival", () => {
    const millis = { fromMillis: 0, durationMillis: 60_000, warmupMillis: 0, waitTargetMillis: 100, tickMillis: 1000 }
    const attempts = [{ startedAtMillis: 5, millis: 10, end: "succeeded" as const }]
    const one: Recorded = { atMillis: 5, type: "A", attempts, end: "succeeded", endedAtMillis: 15 }
    assert.strictEqual(realityOf([one, one], [], millis).peakBacklog, 0)
    assert.strictEqual(realityOf([one, { ...one, atMillis: 4 }], [], millis).peakBacklog, 1)
  })

  it.effect("takes attempts that failed, and what follows them, as they were", () =>
    Effect.gen(function* () {
      const request: Recorded = {
        atMillis: 100,
        type: "A",
        attempts: [
          { startedAtMillis: 100, millis: 30, end: "failed" },
          { startedAtMillis: 230, millis: 70, end: "succeeded" }
        ],
        end: "succeeded",
        endedAtMillis: 300
      }
      const { arrivals, durationMillis, service } = load([request])
      const ends: Array<number> = []
      const { retries } = yield* Simulation.run({
        arrivals,
        service,
        duration: durationMillis,
        policy: ScalingPolicy.fixed(1),
        pool: { retry: RetryPolicy.make({ times: 3, base: 100, jitter: "none" }) },
        onEnd: ({ endedAt }) => ends.push(endedAt)
      })
      assert.strictEqual(retries, 1)
      assert.deepStrictEqual(ends, [300])
    })
  )
})

const some: ReadonlyArray<Recorded> = Array.from({ length: 1000 }, (_, n) => ({
  atMillis: n * 100,
  type: n % 4 === 0 ? "A" : "B",
  priority: n % 2,
  attempts: [
    {
      startedAtMillis: n * 100,
      millis: n % 4 === 0 ? 10 : 20,
      end: n % 8 === 0 ? ("failed" as const) : ("succeeded" as const)
    }
  ],
  end: "succeeded" as const,
  endedAtMillis: n * 100 + 20
}))
const drawn = (recorded: ReadonlyArray<Recorded>, options = {}) => {
  const { arrivals, durationMillis } = load(recorded, options)
  return [...arrivals.draw(makeDraw("1"), durationMillis)]
}

describe("a recorded load", () => {
  it("has a part of it, counted from there, and leaves out what would be no work", () => {
    const part = drawn(some, { from: 1000, to: 2000 })
    assert.deepStrictEqual(
      part.map(({ atMillis }) => atMillis),
      [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]
    )
    const others = (["joined", "refusedDuplicate", "refusedDraining", "refusedFull"] as const).map((end) => ({
      ...some[0]!,
      end
    }))
    const { arrivals, leftOut } = load([...some, ...others])
    assert.strictEqual([...arrivals.draw(makeDraw("1"), Infinity)].length, 1001)
    assert.strictEqual(leftOut, 3)
  })

  it("comes so many times as often over the same time, each of it once where it was", () => {
    const double = drawn(some, { scale: 2 })
    assert.closeTo(double.length, 2000, 10)
    const ats = new Set(double.map(({ atMillis }) => atMillis))
    assert.isTrue(some.every(({ atMillis }) => ats.has(atMillis)))
    assert.deepStrictEqual(
      double.map(({ atMillis }) => atMillis),
      double.map(({ atMillis }) => atMillis).toSorted((a, b) => a - b)
    )
    assert.closeTo(drawn(some, { scale: 0.5 }).length, 500, 60)
  })

  it("redrawn takes times and failures of the type", () => {
    const { failures, service, arrivals } = load(some, { attempts: "redrawn" })
    assert.isUndefined([...arrivals.draw(makeDraw("1"), 1000)][0]!.attempts)
    assert.deepStrictEqual(failures, { A: 0.5, B: 0 })
    const sample = service.sampler(makeDraw("1"))
    for (let n = 0; n < 100; n++) assert.deepStrictEqual([sample("A"), sample("B")], [10, 20])
    assert.include([10, 20], sample("never seen"))
  })

  it("says what is wrong with it, by the field", () => {
    const why = (recorded: ReadonlyArray<Recorded>, options = {}) => load(recorded, options).arrivals.invalid?.message
    assert.strictEqual(why(some), undefined)
    assert.match(why(some, { scale: 0 })!, /`scale` to be a number above 0, got 0/)
    assert.match(why(some, { from: 5, to: 5 })!, /`to` to be after 5, got 5/)
    assert.match(why([])!, /`recording` to be at least one request in this part of it, got "none"/)
    assert.match(load([{ ...some[0]!, attempts: [] }]).service.invalid!.message, /at least one recorded attempt/)
  })
})
