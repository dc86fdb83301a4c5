/** What is divided among processes, where a request belongs, and how what they tell is put together. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Changes } from "../../../src/program/processes/all/changes.ts"
import { Kept } from "../../../src/program/processes/all/kept.ts"
import * as Metrics from "../../../src/program/processes/all/metrics.ts"
import { added, mergePoints, onlyEnded } from "../../../src/program/processes/all/pool.ts"
import { tenantHeader } from "../../../src/program/processes/forward.ts"
import { placeOf } from "../../../src/program/processes/places.ts"
import { sharedChange, sharedPolicy, shareOf, undividable } from "../../../src/program/processes/shares.ts"

const all = (of: number) => Array.from({ length: of }, (_, at) => at)

describe("shares", () => {
  it("add up, and differ by one at most", ({ expect }) => {
    for (const of of [1, 2, 3, 7]) {
      for (const total of [0, 1, 6, 7, 64, 10_001]) {
        const shares = all(of).map((at) => shareOf(total, at, of))
        expect(shares.reduce((a, b) => a + b)).toBe(total)
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
      }
    }
    expect(shareOf(Infinity, 1, 2)).toBe(Infinity)
  })

  it("of what lies between two bounds lie between their shares", ({ expect }) => {
    for (const of of [2, 3, 5]) {
      for (let most = 0; most < 20; most++) {
        for (let least = 0; least <= most; least++) {
          for (const at of all(of)) expect(shareOf(least, at, of)).toBeLessThanOrEqual(shareOf(most, at, of))
        }
      }
    }
  })

  it("of a policy are those of its counts", ({ expect }) => {
    expect(all(2).map((at) => sharedPolicy("fixed:5", at, 2))).toEqual(["fixed:3", "fixed:2"])
    expect(sharedPolicy("adaptive:waitTarget=50ms,queueLength:9:step=4", 1, 2)).toBe(
      "adaptive:waitTarget=50ms,queueLength:4:step=4"
    )
  })

  it("of a limit are there for each process, or it is told which of its numbers is too small", ({ expect }) => {
    expect(undividable({ concurrency: 1 }, 2)).toEqual({ field: "concurrency", got: 1 })
    expect(undividable({ concurrency: 4, rate: { limit: 10, burst: 1 } }, 2)).toEqual({ field: "rate.burst", got: 1 })
    expect(undividable({ concurrency: "none", rate: { limit: 2, burst: 2 } }, 2)).toBeUndefined()
    expect(sharedChange({ concurrency: 5, rate: { limit: 10, burst: 3 } }, 1, 2)).toEqual({
      concurrency: 2,
      rate: { limit: 5, burst: 1 }
    })
  })
})

describe("a request", () => {
  const place = (method: string, url: string, headers = {}) => placeOf({ method, url, headers }, 4)

  it.for([
    ["GET", "/requests/0a1b2c-7", { prefix: "0a1b2c" }],
    ["DELETE", "/requests/0a1b2c-7", { prefix: "0a1b2c" }],
    ["POST", "/requests/0a1b2c-7/retry", { prefix: "0a1b2c" }],
    ["GET", "/requests/../x-7", "any"],
    ["POST", "/requests/Echo?timeout=1s", "any"],
    ["POST", "/requests/0a1b2c-7", "any"],
    ["GET", "/requests?limit=3", "all"],
    ["PATCH", "/pool/limits/mailer", "all"],
    ["GET", "/metrics", "all"],
    ["HEAD", "/health/ready", "all"],
    ["GET", "/health/live", "any"],
    ["POST", "/rpc", "any"],
    ["DELETE", "/pool", "any"]
  ] as const)("%s %s", ([method, url, expected], { expect }) => {
    expect(place(method, url)).toEqual(expected)
  })

  it("meets those of its key, or of its identity, in one process, and others elsewhere", ({ expect }) => {
    const ofKey = (key: string) => place("POST", "/requests/Echo", { "idempotency-key": key })
    expect(ofKey("a")).toEqual(ofKey('"a"'))
    expect(new Set(all(40).map((key) => JSON.stringify(ofKey(`k${key}`)))).size).toBe(4)
    const ofIdentity = (query: string, headers = {}) => place("POST", `/requests/Echo?${query}`, headers)
    expect(ofIdentity("primaryKey=a")).toEqual(
      ofIdentity("duplicate=join&primaryKey=a", { "idempotency-key": "another" })
    )
    expect(ofIdentity("duplicate=join")).toMatchObject({ status: 400, members: { field: "primaryKey" } })
    expect(ofIdentity("duplicate=allow")).toBe("any")
  })
})

const text = (accepted: number, lag: number, workers: number) => `# HELP a_total A
# TYPE a_total counter
a_total{pool="x"} ${accepted}
# HELP nodejs_eventloop_lag_p99_seconds Lag
# TYPE nodejs_eventloop_lag_p99_seconds gauge
nodejs_eventloop_lag_p99_seconds ${lag}
# HELP workers W
# TYPE workers gauge
workers{pool="x"} ${workers}
# HELP h H
# TYPE h histogram
h_bucket{le="+Inf"} ${accepted}
h_sum ${accepted / 2}
h_count ${accepted}
`

describe("metrics", () => {
  it("add up; what is no amount is the largest; counts of processes that have ended go on", ({ expect }) => {
    const merged = Metrics.merge(
      [Metrics.parse(text(3, 0.2, 1)), Metrics.parse(text(4, 0.1, 2))],
      [Metrics.parse(text(100, 9, 50))]
    )
    expect(Metrics.format(merged)).toBe(text(107, 0.2, 3))
    expect(Metrics.format(Metrics.parse(text(3, Number.NaN, 1)))).toBe(text(3, Number.NaN, 1))
  })
})

describe("counts", () => {
  it("of a process that was killed add up without what it had under way", ({ expect }) => {
    const requests = {
      offered: 12,
      blocked: 1,
      accepted: 10,
      waiting: 2,
      delayed: 1,
      running: 3,
      succeeded: 4,
      refusedFull: 1
    }
    const { counts, lost } = onlyEnded(requests)
    expect(lost).toBe(6)
    expect(counts).toMatchObject({
      offered: 5,
      accepted: 4,
      waiting: 0,
      delayed: 0,
      running: 0,
      succeeded: 4,
      refusedFull: 1
    })
    expect(added([{ a: 1 }, { a: 2, b: 3 }])).toEqual({ a: 3, b: 3 })
  })

  it("of two points are those of one, and its percentiles those of the slower process", ({ expect }) => {
    const point = (workers: number, p99: number | undefined, held: number | null) =>
      ({
        workers: { idle: workers },
        rates: { accepted: workers },
        waiting: workers,
        keys: workers,
        limits: {},
        bounds: { minWorkers: 0, maxWorkers: workers },
        waited: p99 === undefined ? null : { p50: 1, p95: 2, p99 },
        ran: null,
        state: workers > 2 ? "open" : "draining",
        paused: workers > 2,
        held,
        eventLoopDelayMillis: workers
      }) as never
    const [one, other] = [point(2, 5, 1), point(3, undefined, null)]
    // Of one that leaves only what it still has.
    expect(mergePoints([one, other], [other], 7, "fixed:5")).toMatchObject({
      workers: { idle: 5 },
      bounds: { minWorkers: 0, maxWorkers: 3 },
      paused: true
    })
    expect(mergePoints([one, other], [one, other], 7, "fixed:5")).toMatchObject({
      at: 7,
      workers: { idle: 5 },
      rates: { accepted: 5 },
      waiting: 5,
      keys: 3,
      bounds: { minWorkers: 0, maxWorkers: 5 },
      waited: { p99: 5 },
      ran: null,
      state: "open",
      paused: false,
      held: null,
      policy: "fixed:5",
      eventLoopDelayMillis: 3
    })
  })
})

describe("ends of processes that have gone", () => {
  const end = (number: number, endedAt: number, text: string, key = "") => ({
    id: `0a1b2c-${number}`,
    key,
    endedAt,
    text
  })
  const kept = () => new Kept({ keepEnds: 2, keepBytes: 100, keepForMillis: 1000 })
  const ask = (of: Kept, number: number, tenant?: string) =>
    Effect.map(
      of.answer({ url: `/requests/0a1b2c-${number}`, method: "GET", headers: { [tenantHeader]: tenant } } as never),
      ({ status, text }) => (status === 200 ? text : status)
    )

  it.effect("are there until there are too many, or too much, or they are too old", ({ expect }) =>
    Effect.gen(function* () {
      const many = kept()
      many.add([end(1, 0, "1"), end(2, 0, "2"), end(3, 0, "3")], 0)
      expect([yield* ask(many, 1), yield* ask(many, 2), yield* ask(many, 3)]).toEqual([404, "2", "3"])
      const much = kept()
      much.add([end(1, 0, "x".repeat(60)), end(2, 0, "y".repeat(60))], 0)
      expect([yield* ask(much, 1), yield* ask(much, 2)]).toEqual([404, "y".repeat(60)])
      yield* TestClock.adjust(1000)
      expect(yield* ask(many, 3)).toBe("3")
      yield* TestClock.adjust(1)
      expect(yield* ask(many, 3)).toBe(410)
      many.add([end(4, 1001, "4")], 1001)
      expect(yield* ask(many, 3)).toBe(404)
    })
  )

  it.effect("are shown to nobody but their tenant and the operator", ({ expect }) =>
    Effect.gen(function* () {
      const of = kept()
      of.add([end(1, 0, "1", "acme")], 0)
      expect([yield* ask(of, 1, "acme"), yield* ask(of, 1), yield* ask(of, 1, "other")]).toEqual(["1", "1", 404])
    })
  )
})

describe("changes", () => {
  const bodyOf = (changes: Changes, at: number) => JSON.parse(changes.askedOf(at)[0]!.body!)

  it("that a later one narrows are narrowed, so that a process that comes later takes all of them", ({ expect }) => {
    const changes = new Changes(2)
    changes.kept(JSON.stringify({ hold: 8 }))
    changes.kept(JSON.stringify({ maxWorkers: 5 }))
    expect(all(2).map((at) => bodyOf(changes, at))).toEqual([
      { hold: 3, maxWorkers: 3 },
      { hold: 2, maxWorkers: 2 }
    ])
    changes.kept(JSON.stringify({ hold: null }))
    expect(bodyOf(changes, 0)).toEqual({ hold: null, maxWorkers: 3 })
    changes.kept(JSON.stringify({ hold: 2 }))
    changes.kept(JSON.stringify({ minWorkers: 4 }))
    expect(bodyOf(changes, 0)).toEqual({ hold: 2, minWorkers: 2, maxWorkers: 3 })
  })

  it("hold on where nothing came of what they were forgotten for, with those that were made meanwhile", ({
    expect
  }) => {
    const changes = new Changes(2)
    changes.kept(JSON.stringify({ maxWorkers: 6, policy: "fixed:4" }))
    changes.keptLimit("api", JSON.stringify({ concurrency: 4 }))
    changes.keptPause("tag=Echo", true)
    const before = changes.askedOf(0)
    const bringBack = changes.forget()
    expect(changes.askedOf(0)).toEqual([])
    changes.kept(JSON.stringify({ maxWorkers: 8 }))
    bringBack()
    expect(bodyOf(changes, 0)).toEqual({ maxWorkers: 4, policy: "fixed:2" })
    expect(changes.askedOf(0).slice(1)).toEqual(before.slice(1))
  })
})
