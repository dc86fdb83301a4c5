/** Under fake timers, which are moved by the test, each instant of a pool comes when it should, and not before. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Effect, Layer, ManagedRuntime, Schedule, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import {
  type Call,
  ElasticPool,
  Handlers,
  PoolSnapshot,
  RetryPolicy,
  Scaler,
  ScalingPolicy,
  WorkerPool
} from "../src/index.ts"
import { show } from "./support/bench.ts"

const Job = Rpc.make("Job", { payload: { n: Schema.Number }, error: Schema.String })
class Jobs extends RpcGroup.make(Job) {}

type Body = (n: number) => Effect.Effect<void, string>

const timers = ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const
const immediates = ["setImmediate", "clearImmediate"] as const
const variants: ReadonlyArray<[string, NonNullable<Parameters<typeof vi.useFakeTimers>[0]>]> = [
  ["as they are by default", {}],
  ["of every kind", { toFake: [...timers, ...immediates, "Date", "performance", "hrtime"] }],
  ["without performance and hrtime", { toNotFake: ["performance", "hrtime", "nextTick", "queueMicrotask"] }],
  ["with Date, without the event loop's own turns", { toFake: [...timers, "Date"] }]
]

/** A turn of the event loop takes a millisecond of fake time where that is faked too. */
const turnsMillis = 8

const open: Array<{ dispose(): Promise<void> }> = []
const poolOf = async (body: Body, options: ElasticPool.Options) => {
  const layer = ElasticPool.layer({ scaling: "none", ...options }).pipe(
    Layer.provide(Handlers.layer(Jobs)),
    Layer.provide(Jobs.toLayer({ Job: ({ n }) => body(n) }))
  )
  const runtime = ManagedRuntime.make(layer)
  open.push(runtime)
  const built = runtime.runPromise(Effect.all({ pool: WorkerPool.WorkerPool, scaler: Scaler.Scaler }))
  await advance(turnsMillis)
  const { pool, scaler } = await built
  const heard: Array<string> = []
  const call = (n: number, options?: Call.Options) => {
    void runtime.runPromiseExit(pool.execute(Job, { n }, options)).then((exit) => heard.push(`${n} ${show(exit)}`))
  }
  const snapshot = () => {
    const snapshot = runtime.runSync(pool.snapshot)
    expect(PoolSnapshot.lawViolations(snapshot)).toEqual([])
    expect(Math.min(snapshot.waitedMillis, snapshot.ranMillis)).toBeGreaterThanOrEqual(0)
    return snapshot
  }
  /**
   * Until a timer has told otherwise, real time counts, and a deadline is early by what the test took until then. This
   * timer is longer than any pause of a busy machine, and tells.
   */
  const untilTold = async () => {
    const told = runtime.runPromiseExit(pool.run(Effect.never, { timeout: "1 minute" }))
    await advance(60_000 + turnsMillis)
    await told
  }
  return { call, heard, pool, runtime, scaler, snapshot, untilTold }
}

const advance = (millis: number) => vi.advanceTimersByTimeAsync(millis)

const never: Body = () => Effect.never

describe.each(variants)("fake timers %s", (_, config) => {
  beforeEach(() => void vi.useFakeTimers(config))
  afterEach(async () => {
    const closing = Promise.all(open.splice(0).map((runtime) => runtime.dispose()))
    await advance(60_000)
    vi.useRealTimers()
    await closing
  })

  it("a timeout", async () => {
    const { call, heard, snapshot } = await poolOf(never, { timeout: "5 seconds" })
    call(1)
    await advance(4000)
    expect(heard).toEqual([])
    await advance(1000)
    expect(heard).toEqual(["1 RequestTimeout"])
    expect(snapshot()).toMatchObject({ timedOut: 1, running: 0 })
  })

  it("timeouts of requests that came one after another, each at its own time", async () => {
    const { call, heard, untilTold } = await poolOf(never, { minWorkers: 8, timeout: "5 seconds" })
    await untilTold()
    call(1)
    await advance(3000)
    call(2)
    call(3, { timeout: "30 seconds" })
    await advance(1999)
    expect(heard).toEqual([])
    await advance(1)
    expect(heard).toEqual(["1 RequestTimeout"])
    call(4, { timeout: "1 millis" })
    await advance(1)
    expect(heard).toEqual(["1 RequestTimeout", "4 RequestTimeout"])
    await advance(2998)
    expect(heard.length).toBe(2)
    await advance(1)
    expect(heard.slice(2)).toEqual(["2 RequestTimeout"])
    await advance(24_999)
    expect(heard.length).toBe(3)
    await advance(1)
    expect(heard.slice(3)).toEqual(["3 RequestTimeout"])
  })

  it("an expiry, of one that waits and of one that is blocked", async () => {
    const { call, heard, untilTold } = await poolOf(never, { maxWorkers: 1, capacity: 1, timeout: "none" })
    await untilTold()
    call(1)
    await advance(500)
    call(2, { expiresIn: "2 seconds" })
    call(3, { expiresIn: "3 seconds" })
    await advance(1999)
    expect(heard).toEqual([])
    await advance(1)
    expect(heard).toEqual(["2 RequestExpired"])
    await advance(1000)
    expect(heard).toEqual(["2 RequestExpired", "3 RequestExpired"])
  })

  it("the delay before another attempt, by a policy and by a Schedule", async () => {
    const started: Array<number> = []
    const body: Body = (n) => (started.push(n), Effect.fail("always"))
    const { call, heard, untilTold } = await poolOf(body, { minWorkers: 2 })
    await untilTold()
    call(1, { retry: RetryPolicy.make({ times: 1, base: "2 seconds", jitter: "none" }) })
    call(2, { retry: Schedule.spaced("4 seconds").pipe(Schedule.upTo({ times: 1 })) })
    await advance(1999)
    expect(started).toEqual([1, 2])
    await advance(turnsMillis)
    expect(started).toEqual([1, 2, 1])
    await advance(1990)
    expect(started.length).toBe(3)
    await advance(2 * turnsMillis)
    expect(started).toEqual([1, 2, 1, 2])
    expect(heard).toEqual(["1 failure", "2 failure"])
  })

  it("the grace of an interruption", async () => {
    const body: Body = () => Effect.uninterruptible(Effect.sleep("10 seconds"))
    const { call, heard, snapshot, untilTold } = await poolOf(body, {
      timeout: "1 second",
      interruptGrace: "2 seconds"
    })
    await untilTold()
    call(1)
    await advance(1000)
    expect(heard).toEqual(["1 RequestTimeout"])
    await advance(1999)
    expect(snapshot()).toMatchObject({ ending: 1, stuck: 0 })
    await advance(1)
    expect(snapshot()).toMatchObject({ ending: 0, stuck: 1 })
    await advance(7000 + turnsMillis)
    expect(snapshot()).toMatchObject({ stuck: 0, workers: 1 })
  })

  it("the deadline of a drain, and its grace", async () => {
    const body: Body = () => Effect.uninterruptible(Effect.never)
    const { call, heard, pool, runtime, untilTold } = await poolOf(body, { timeout: "none", drainGrace: "3 seconds" })
    await untilTold()
    call(1)
    const report = vi.fn()
    void runtime.runPromise(pool.drain({ deadline: "5 seconds" })).then(report)
    await advance(4999)
    expect(heard).toEqual([])
    await advance(1)
    expect(heard).toEqual(["1 RequestInterrupted"])
    await advance(2999)
    expect(report).not.toHaveBeenCalled()
    await advance(turnsMillis)
    expect(report).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ forced: true, stuckCount: 1 }))
  })

  it("the ticks of the Scaler", async () => {
    const { runtime, scaler, snapshot } = await poolOf(never, {
      scaling: ScalingPolicy.make("two", () => 2),
      scalingInterval: "1 second"
    })
    await advance(900)
    expect(runtime.runSync(scaler.recent)).toEqual([])
    await advance(100 + turnsMillis)
    expect(runtime.runSync(scaler.recent).length).toBe(1)
    expect(snapshot().workers).toBe(2)
  })

  it("a day and a quarter of a year", async () => {
    const { call, heard, untilTold } = await poolOf(never, { minWorkers: 2 })
    await untilTold()
    call(1, { timeout: "1 day" })
    call(2, { timeout: "90 days" })
    await advance(86_399_999)
    expect(heard).toEqual([])
    await advance(1)
    expect(heard).toEqual(["1 RequestTimeout"])
    await advance(89 * 86_400_000 - 1)
    expect(heard.length).toBe(1)
    await advance(1 + turnsMillis)
    expect(heard).toEqual(["1 RequestTimeout", "2 RequestTimeout"])
  })
})

describe("fake timers", () => {
  const within = async (config: Parameters<typeof vi.useFakeTimers>[0], test: () => Promise<void>) => {
    vi.useFakeTimers(config)
    try {
      await test()
    } finally {
      vi.useRealTimers()
      await Promise.all(open.splice(0).map((runtime) => runtime.dispose()))
    }
  }

  it("alone, with every clock left real: nothing comes before its time, nor later than twice that", () =>
    within({ toFake: [...timers] }, async () => {
      const { call, heard } = await poolOf(never, {
        minWorkers: 2,
        timeout: "5 seconds",
        interruptGrace: "1 millis",
        drainDeadline: 0
      })
      call(1)
      await advance(3000)
      call(2)
      await advance(1000)
      expect(heard).toEqual([])
      await advance(1004)
      expect(heard).toEqual(["1 RequestTimeout"])
      await advance(2990)
      expect(heard.length).toBe(1)
      await advance(5000)
      expect(heard).toEqual(["1 RequestTimeout", "2 RequestTimeout"])
    }))

  it("a date that is set moves no deadline", () =>
    within({}, async () => {
      const { call, heard } = await poolOf(never, {
        minWorkers: 2,
        timeout: "5 seconds",
        interruptGrace: "1 millis",
        drainDeadline: 0
      })
      call(1)
      await advance(3000)
      vi.setSystemTime(new Date("2100-01-01"))
      call(2)
      await advance(1500)
      expect(heard).toEqual([])
      await advance(500)
      expect(heard).toEqual(["1 RequestTimeout"])
      vi.setSystemTime(new Date("2000-01-01"))
      call(3)
      await advance(4990)
      expect(heard).not.toContain("3 RequestTimeout")
      await advance(5020)
      expect(heard.toSorted()).toEqual(["1 RequestTimeout", "2 RequestTimeout", "3 RequestTimeout"])
    }))
})
