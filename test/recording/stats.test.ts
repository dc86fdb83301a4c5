/** What is told of a recording, and that it takes the same memory however long that is. */
import { assert, describe, it } from "@effect/vitest"
import { Parser } from "../../src/recording/parse.ts"
import { StatsMeter } from "../../src/recording/stats.ts"
import { Timeline } from "../../src/recording/timeline.ts"

const header =
  '{"recording":"effect-worker-pool","version":1,"part":1,"startedAt":"2026-01-01T00:00:00.000Z","keys":"hashed","salt":"x","pool":{"name":"p","minWorkers":1,"maxWorkers":2,"strategy":"suspend","scalingIntervalMillis":1000}}'

const statsOf = (lines: Iterable<string>) => {
  const meter = new StatsMeter()
  const parser = new Parser("f", { startedAtMillis: undefined })
  const add = (entry: ReturnType<Parser["next"]>) => {
    if (entry === undefined) return
    if (!("_tag" in entry) || entry._tag === "BadRecording") throw entry
    meter.add(entry)
  }
  for (const line of [header, ...lines]) add(parser.next(line))
  add(parser.end())
  return meter.finish()
}

/** One that comes each `gap` milliseconds and takes `takes`. */
const steady = function* (count: number, gap: number, takes: number, type = "A") {
  for (let n = 0; n < count; n++) yield `[${1000 * n * gap},"${type}","succeeded",[0,${1000 * takes}]]`
  yield `{"at":${1000 * count * gap},"workers":2,"worked":${2000 * count * gap},"pending":0,"lost":0,"closed":true}`
}

describe("the stats of a recording", () => {
  it("tell rate, concurrency and time of a load that can be counted by hand", () => {
    const stats = statsOf(steady(6000, 10, 25))
    assert.strictEqual(stats.requests, 6000)
    assert.closeTo(stats.rate.mean, 100, 0.1)
    assert.strictEqual(stats.rate.most, 100)
    // 100 per second of 25 ms each.
    assert.closeTo(stats.concurrency.mean, 2.5, 0.01)
    assert.closeTo(stats.concurrency.p99, 2.5, 0.01)
    assert.strictEqual(stats.workerSeconds, 120)
    assert.strictEqual(stats.busySeconds, 150)
    assert.strictEqual(stats.burstiness[0]!.index, 0)
    assert.closeTo(stats.types[0]!.service.p99, 25, 0.25)
    assert.deepStrictEqual(stats.types[0]!.histogram, [{ untilMillis: 32, attempts: 6000 }])
    assert.strictEqual(stats.unfinished, 0)
  })

  it("tell the ends, what was refused, failed and tried again, by type", () => {
    const stats = statsOf([
      '[0,"A","succeeded",[1000,2000]]',
      '[0,"A","failed",[0,1000,500,2000],"k",0,"t"]',
      '[0,"B","refusedFull",[]]',
      '[0,"B","joined",[]]',
      '[0,"B","expired",[50000]]'
    ])
    assert.deepStrictEqual(stats.ends, { succeeded: 1, failed: 1, expired: 1, refusedFull: 1, joined: 1 })
    assert.strictEqual(stats.refusedShare, 1 / 4)
    assert.deepStrictEqual(
      stats.types.map(({ attempts, failed, requests, timedOut, type }) => [type, requests, attempts, failed, timedOut]),
      [
        ["B", 3, 0, 0, 0],
        ["A", 2, 3, 1, 1]
      ]
    )
    assert.strictEqual(stats.keys, 1)
    assert.strictEqual(stats.unfinished, 1)
    assert.strictEqual(stats.workerSeconds, null)
  })

  it("tell of a recording of one request, and of one without", () => {
    const one = statsOf(['[0,"A","succeeded",[0,1000]]'])
    assert.strictEqual(one.requests, 1)
    assert.strictEqual(one.burstiness[0]!.index, null)
    assert.strictEqual(one.concurrency.mean, 0.001)
    const none = statsOf([])
    assert.strictEqual(none.requests, 0)
    assert.strictEqual(none.rate.mean, 0)
  })

  it("know a burst from a load without", () => {
    const bursts = statsOf(
      (function* () {
        for (let second = 0; second < 100; second++)
          for (let n = 0; n < (second % 10 === 0 ? 100 : 0); n++) yield `[${second * 1e6 + n},"A","succeeded",[0,1]]`
        yield '[99999999,"A","succeeded",[0,1]]'
      })()
    )
    assert.closeTo(bursts.burstiness[0]!.index!, 90, 2)
  })

  it("have a bound on types and keys, and points that a picture has room for", () => {
    const stats = statsOf(
      (function* () {
        for (let n = 0; n < 20_000; n++) yield `[${n * 1e6},"T${n}","succeeded",[0,1000],"k${n}"]`
      })()
    )
    assert.strictEqual(stats.types.length, 101)
    assert.strictEqual(stats.types[0]!.type, null)
    assert.strictEqual(stats.keys, 10_000)
    assert.isAtMost(stats.series.length, 600)
    assert.strictEqual(
      stats.series.reduce((sum, { arrived }) => sum + arrived, 0),
      20_000
    )
  })
})

describe("a timeline", () => {
  it("keeps its sums when its buckets become wider, and fills whole ones for long attempts", () => {
    const timeline = new Timeline()
    timeline.arrive(1500, false)
    timeline.work(500, 3500)
    assert.deepStrictEqual(
      timeline.buckets.map(({ arrived, busy }) => [arrived, busy]),
      [
        [0, 0.5],
        [1, 1],
        [0, 1],
        [0, 0.5]
      ]
    )
    timeline.arrive(1.5 * 1000 * 2 ** 20, true)
    assert.strictEqual(timeline.widthMillis, 2000)
    assert.deepStrictEqual(
      timeline.buckets.slice(0, 2).map(({ arrived, busy }) => [arrived, busy]),
      [
        [1, 0.75],
        [0, 0.75]
      ]
    )
    assert.strictEqual(timeline.buckets.at(-1)!.refused, 1)
  })
})
