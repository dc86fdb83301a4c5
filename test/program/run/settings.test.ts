/** The flags' values, checked. */
import { Effect, Result } from "effect"
import { availableParallelism } from "node:os"
import { describe, expect, it } from "vitest"
import { type Flags, make } from "../../../src/program/run/settings.ts"
import { unset } from "../fixtures/runFlags.ts"
import { durationForms } from "../../../src/program/settings/quantities.ts"

const settings = (flags: Partial<Flags>) => Effect.runSync(Effect.result(make({ ...unset, ...flags })))

it.each<[Partial<Flags>, string]>([
  [{ minWorkers: 3, maxWorkers: 2 }, "--min-workers to be at most maxWorkers (2), got 3"],
  [{ minWorkers: -1 }, "--min-workers to be a whole number, at least 0, got -1"],
  [{ maxWorkers: 0 }, "--max-workers to be a whole number, at least 1, got 0"],
  [{ policy: "fixed:4", minWorkers: 5 }, "--policy fixed:4 to be at least --min-workers (5), got 4"],
  [{ policy: "fixed:11", maxWorkers: 10 }, "--policy fixed:11 to be at most --max-workers (10), got 11"],
  [{ capacity: "0" }, "--capacity to be a whole number, at least 1, got 0"],
  [{ capacity: "much" }, '--capacity to be a whole number, at least 1, got "much"'],
  [{ policy: "queueLength:0" }, "--policy queueLength:0 to have an N that is a whole number, at least 1, got 0"],
  [{ scalingInterval: "0" }, `--scaling-interval to be a finite duration above zero (${durationForms}), got 0`],
  [{ timeout: "soon" }, `--timeout to be a finite duration above zero (${durationForms}), got "soon"`],
  [{ timeout: "" }, `--timeout to be a finite duration above zero (${durationForms}), got ""`],
  [{ priority: 11 }, "--priority to be a whole number from -10 to 10, got 11"],
  [{ aging: "0" }, `--aging to be a finite duration above zero (${durationForms}), got 0`],
  [{ keyCapacity: "0" }, "--key-capacity to be a whole number, at least 1, got 0"],
  [{ forgetKeys: -1 }, "--forget-keys to be a whole number, at least 0, got -1"],
  [{ limit: "name=a" }, '`limits.a` of --limit to be a limit with `concurrency` or `rate`, or both, got "neither"'],
  [
    { limit: "name=a,concurrency=1;name=a,concurrency=1" },
    '`limits.name` of --limit to be another one for each limit, got "a"'
  ],
  [{ threads: "0" }, '--threads to be a whole number, at least 1, "auto" or "none", got "0"'],
  [{ threads: "2", isolate: "room" }, '--isolate to be one of thread, process, got "room"'],
  [
    { threads: "2", threadMemory: "1MiB" },
    '--thread-memory to be a number of bytes such as 256MiB, at least 64MiB, got "1MiB"'
  ],
  [{ isolate: "process" }, "--isolate to come with --threads, which it is about"],
  [{ threadMemory: "64MiB" }, "--thread-memory to come with --threads, which it is about"],
  [{ retries: -1 }, "--retries to be a whole number, at least 0, got -1"],
  [{ drainDeadline: "-1" }, `--drain-deadline to be a finite duration, at least zero (${durationForms}), got -1`],
  ...["-1", "1.5", "", "101%", "-1%", "%", "1e9%", "some", "NaN", "Infinity"].map((text): [Partial<Flags>, string] => [
    { maxFailures: text },
    `--max-failures to be a whole number of lines, or a percentage from 0% to 100%, got "${text}"`
  ])
])("refuses %j", (flags, says) => {
  const result = settings(flags)
  expect(Result.isFailure(result) && result.failure.message).toBe(`Expected ${says}`)
})

describe("takes", () => {
  it.each<[Partial<Flags>, object]>([
    [{}, { minWorkers: 1, maxWorkers: 64, capacity: 10_000, strategy: "suspend", drainDeadlineMillis: 30_000 }],
    [{ capacity: "unbounded" }, { capacity: Infinity }],
    [{ timeout: "250" }, { policy: { timeoutMillis: 250 } }],
    [{ timeout: "2 seconds" }, { policy: { timeoutMillis: 2000 } }],
    [{ timeout: "none" }, { policy: { timeoutMillis: Infinity } }],
    [{ retries: 3 }, { policy: { retry: { times: 3 } } }],
    [{}, { discipline: { isSet: false } }],
    [
      { limit: "name=a,concurrency=1", aging: "none", keyCapacity: "none", forgetKeys: 5, order: "lifo", priority: -2 },
      {
        policy: { priority: -2 },
        discipline: { isSet: true, agingMillis: Infinity, keyCapacity: "none", forgetKeys: 5, order: "lifo" }
      }
    ],
    [{ drainDeadline: "0" }, { drainDeadlineMillis: 0 }]
  ])("%j", (flags, config) => {
    expect(Result.getOrThrow(settings(flags)).config).toMatchObject(config)
  })

  it.each([
    ["0", 0, 100, true],
    ["0", 1, 100, false],
    ["2", 2, 2, true],
    ["1%", 1, 100, true],
    ["1%", 1, 99, false],
    ["1.9%", 2, 100, false],
    ["100%", 5, 5, true],
    ["0%", 0, 0, true]
  ])("--max-failures %s: %i of %i is %s", (maxFailures, bad, lines, allowed) => {
    expect(Result.getOrThrow(settings({ maxFailures })).maxFailures.allows(bad, lines)).toBe(allowed)
  })
})

it("reads far enough ahead for a policy to see a backlog, and under dropping never over the capacity", () => {
  expect(Result.getOrThrow(settings({})).outstanding).toBe(16 * 64 + 64)
  expect(Result.getOrThrow(settings({ policy: "queueLength:5000" })).outstanding).toBeGreaterThan(5064)
  expect(Result.getOrThrow(settings({ strategy: "dropping", capacity: "3" })).outstanding).toBe(3)
  expect(Result.getOrThrow(settings({ capacity: "3", maxWorkers: 4 })).outstanding).toBe(7)
})

it("makes room for the workers of fixed:N, unless --max-workers says otherwise", () => {
  const bounds = (flags: Partial<Flags>) => Result.getOrThrow(settings(flags)).config.maxWorkers
  expect(bounds({ policy: "fixed:10" })).toBe(64)
  expect(bounds({ policy: "fixed:100" })).toBe(100)
  expect(bounds({ policy: "fixed:10", maxWorkers: 10 })).toBe(10)
})

it("has as many workers as threads, unless more are asked for", () => {
  const bounds = (flags: Partial<Flags>) => Result.getOrThrow(settings(flags)).config.maxWorkers
  expect(bounds({ threads: "3" })).toBe(3)
  expect(bounds({ threads: "auto" })).toBe(availableParallelism())
  expect(bounds({ threads: "none" })).toBe(64)
  expect(bounds({ threads: "3", maxWorkers: 5 })).toBe(5)
  expect(bounds({ threads: "3", minWorkers: 5 })).toBe(5)
  expect(bounds({ threads: "3", policy: "fixed:2" })).toBe(3)
  expect(bounds({ threads: "3", policy: "fixed:5" })).toBe(5)
  expect(Result.getOrThrow(settings({ threads: "3", isolate: "process", threadMemory: "1GiB" })).threads).toEqual({
    max: 3,
    isolation: "process",
    memory: 1024 ** 3
  })
  expect(Result.getOrThrow(settings({})).threads).toBe(undefined)
})
