/** What a recording says of how its pool stood where it begins, and in its midst. */
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { make } from "../../../src/program/simulate/settings.ts"
import { headerOf } from "../fixtures/recording.ts"
import { flags } from "../fixtures/simulation.ts"

const folder = mkdtempSync(join(tmpdir(), "worker-pool-recordings-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const mark = (at: number, workers: number, rest: object = {}) =>
  JSON.stringify({ at: at * 1000, workers, worked: at * 1000, pending: 0, lost: 0, ...rest })
const row = (at: number) => `[${at * 1000},"Work","succeeded",[0,100000]]`

const read = (lines: ReadonlyArray<string>, changed: Partial<typeof flags> = {}) => {
  const recording = join(folder, "load.jsonl")
  writeFileSync(recording, `${lines.join("\n")}\n`)
  return Effect.runPromise(make({ ...flags, policy: [], arrivals: [], service: [], recording, ...changed }))
}
const of = async (...args: Parameters<typeof read>) => {
  const { runs } = await read(...args)
  return runs.map(({ options }) => [options.firstTick, options.policy!.startsWith])
}

const one = [
  headerOf({ firstTickMillis: 412.5 }),
  mark(0.5, 3),
  row(100),
  mark(2000, 7),
  row(2500),
  row(9000),
  mark(10_000, 2, { closed: true })
]

describe("a replay", () => {
  it("looks at the load when the pool did, and begins with as many workers", async () => {
    expect(await of(one)).toEqual([[412.5, 3]])
    expect(await of(one, { from: "2s" })).toEqual([[412.5, 7]])
    expect(await of(one, { from: "412.5ms" })).toEqual([[1000, 3]])
    expect(await of(one, { from: "2600ms" })).toEqual([[812.5, 7]])
  })

  it("with other ticks looks when those come, and a policy that says with how many it begins is left alone", async () => {
    expect(await of(one, { tick: "500ms", policy: ["adaptive", "fixed:20"] })).toEqual([
      [undefined, 3],
      [undefined, 20]
    ])
  })

  it("runs whoever the pool would have run, unless flags say otherwise, and says what it knows nothing of", async () => {
    const shedding = { targetMillis: 50, intervalMillis: 400 }
    const set = { strategy: "shedding", agingMillis: "none", order: "lifo", keyCapacity: 3, shedding }
    const besides = ["limits", "weights", "breaker", "retryBudget"]
    const lines = [headerOf({ ...set, besides }), row(100)]
    const poolOf = async (changed: Parameters<typeof read>[1] = {}) => {
      const { notes, runs } = await read(lines, changed)
      const { aging, keyCapacity, order, shedding, strategy } = runs[0]!.options.pool!
      return { aging, keyCapacity, order, shedding, strategy, notes }
    }
    const had = (what: string) => [expect.stringContaining(`the pool of the recording had ${what}, which`)]
    expect(await poolOf()).toEqual({
      aging: "none",
      keyCapacity: 3,
      order: "lifo",
      shedding: { target: 50, interval: 400 },
      strategy: "shedding",
      notes: had("limits and weights and a breaker and a retry budget")
    })
    const changed = { aging: "1s", order: "fifo", keyCapacity: "none", strategy: "dropping" } as const
    const said = { limit: ["name=a,concurrency=1"], weight: ["a=2"], retryBudget: "0.1" }
    expect(await poolOf({ ...changed, ...said })).toEqual({
      aging: 1000,
      keyCapacity: "none",
      order: "fifo",
      shedding: undefined,
      strategy: "dropping",
      notes: had("a breaker")
    })
  })

  it("of a recording that goes on in a later process takes the looks of that", async () => {
    const later = [headerOf({ firstTickMillis: 900 }, "2026-01-01T01:00:00.300Z", "y"), mark(0, 1), row(200)]
    expect(await of([...one, ...later])).toEqual([[200, 3]])
  })

  it("of one that says nothing of it begins as a pool does", async () => {
    const bare = [headerOf(), row(100)]
    expect(await of(bare)).toEqual([[undefined, undefined]])
  })
})
