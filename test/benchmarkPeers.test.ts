/** The peers of the benchmark do what their rows say of them, or the comparison would be with something else. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Registry } from "prom-client"
import { afterEach, beforeEach, vi } from "vitest"
import { cases } from "../scripts/bench/cases.ts"
import { drive, measure } from "../scripts/bench/drivers.ts"
import { asyncTask } from "../scripts/bench/implementations/callbacks.ts"
import { implementations } from "../scripts/bench/implementations/index.ts"
import { meteredCallback, stack } from "../scripts/bench/implementations/stack.ts"
import { type Load, notMeasured } from "../scripts/bench/load.ts"

const everything: Load = { ...cases["W6a"]!.load, timeoutMillis: 10 }
const stacked = ["p-queue-stacked", "p-limit-stacked", "fastq-promise-stacked", "async-stacked"]
const sumOf = (n: number) => (n * (n - 1)) / 2

/** The lines of a registry that have a value. */
const read = async (register: Registry) =>
  (await register.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"))

describe("what is stacked on a peer", () => {
  it("counts what has started and how it ended, after all attempts, and how long it ran", async () => {
    const register = new Registry()
    const run = await stack({ ...everything, task: "flaky" }, register)
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => run(n)))
    assert.deepStrictEqual(
      results,
      Array.from({ length: 20 }, (_, n) => n)
    )
    const lines = await read(register)
    for (const line of ["started_total 20", "succeeded_total 20", "failed_total 0", "ran_seconds_count 20"]) {
      assert.include(lines, line)
    }
  })

  it("counts the same where the task calls back", async () => {
    const register = new Registry()
    const run = await meteredCallback(await asyncTask(everything), register)
    await Promise.all(Array.from({ length: 20 }, (_, n) => new Promise<void>((resolve) => run(n, () => resolve()))))
    const lines = await read(register)
    for (const line of ["started_total 20", "succeeded_total 20", "failed_total 0", "ran_seconds_count 20"]) {
      assert.include(lines, line)
    }
  })

  describe("under fake timers", () => {
    beforeEach(() => void vi.useFakeTimers())
    afterEach(() => void vi.useRealTimers())

    it("gives each attempt its time, four in all, and then fails", async () => {
      const register = new Registry()
      const run = await stack({ ...everything, task: "never" }, register)
      const ended = Promise.resolve(run(1)).then(
        () => "succeeded",
        (error: Error) => error.name
      )
      await vi.advanceTimersByTimeAsync(39)
      assert.include(await read(register), "failed_total 0")
      await vi.advanceTimersByTimeAsync(1)
      assert.strictEqual(await ended, "TimeoutError")
      assert.include(await read(register), "failed_total 1")
    })

    it("keeps no timer for what has ended, and sets none for what has its answer", async () => {
      const timersOf = async (task: "noop" | "suspend") => {
        const run = await stack({ ...everything, task })
        const result = run(1)
        const meanwhile = vi.getTimerCount()
        await result
        return [meanwhile, vi.getTimerCount()]
      }
      assert.deepStrictEqual(await timersOf("suspend"), [1, 0])
      assert.deepStrictEqual(await timersOf("noop"), [0, 0])
    })
  })
})

describe("both doors of this pool with metrics", () => {
  /** Over all pools of this process, of which others may have the same name. */
  const total = (metric: string) =>
    Effect.runSync(PrometheusMetrics.format())
      .split("\n")
      .filter((line) => line.startsWith(`${metric}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0)

  for (const name of ["effect-worker-pool", "effect-worker-pool-promise"]) {
    it(`${name} shows the same counts and histogram, and that of how long requests waited`, async () => {
      const start = await (await implementations[name]!()).open({ ...everything, concurrency: 4 })
      const metrics = [
        "worker_pool_accepted_total",
        "worker_pool_requests_total",
        "worker_pool_ran_seconds_count",
        "worker_pool_waited_seconds_count"
      ]
      const before = metrics.map(total)
      await drive(100, 10, start)
      assert.deepStrictEqual(
        metrics.map((metric, at) => total(metric) - before[at]!),
        [100, 100, 100, 100]
      )
    })
  }
})

describe("a case that suspends", () => {
  it("tells the longest time without a turn of the event loop, and no other does", async () => {
    const figuresOf = async (name: string) =>
      Object.keys(await measure({ ...cases[name]!, n: 100 }, await implementations["effect-worker-pool-promise"]!()))
    for (const name of ["W1a", "W1ap", "W1i", "W1ip"]) assert.include(await figuresOf(name), "turnMillis")
    assert.notInclude(await figuresOf("W1"), "turnMillis")
  })
})

describe("stacked peers", () => {
  for (const name of stacked) {
    it(`${name} gives each caller its result`, async () => {
      for (const task of ["noop", "suspend", "immediate"] as const) {
        const start = await (await implementations[name]!()).open({ ...everything, task, concurrency: 4 })
        assert.strictEqual(await drive(100, 10, start), sumOf(100))
      }
      const start = await (await implementations[name]!()).open(cases["W3"]!.load)
      assert.strictEqual(await drive(100, 10, start), sumOf(100))
    })
  }

  it("have rows where there is something to stack, and no others", async () => {
    const described = await Promise.all(stacked.map((name) => implementations[name]!()))
    const rows = Object.fromEntries(
      stacked.map((name, row) => [
        name,
        ["W1", "W1a", "W3a", "W4", "W6", "W6a", "W7"].filter(
          (at) => described[row]!.lacks(cases[at]!.load) !== notMeasured
        )
      ])
    )
    const all = ["W3a", "W4", "W6", "W6a"]
    assert.deepStrictEqual(rows, {
      "p-queue-stacked": all,
      "p-limit-stacked": all,
      "fastq-promise-stacked": all,
      // Timeouts and retries of its own: its rows without metrics are those of async.
      "async-stacked": ["W6", "W6a"]
    })
  })
})
