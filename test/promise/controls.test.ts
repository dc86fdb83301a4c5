/** The levers and gauges of a pool of promises, its tickets, its events and its end. */
import { describe, expect, it } from "vitest"
import { Effect, Metric } from "effect"
import { createPool, type Event, InvalidOption, type LogLine, OutOfBounds, type Pool } from "../../src/promise/index.ts"
import { eventually, failure, gate, keep, open, turn } from "./support.ts"

describe("tickets", () => {
  it("tell where a request is and how it ended, and reject nothing that nobody has asked for", async () => {
    const pool = open({ maxWorkers: 1 })
    const held = gate()
    const first = await pool.submit(() => held.promise.then(() => "first"))
    const second = await pool.submit(() => Promise.reject(new Error("no")), { id: "second" })
    await eventually(() => expect(first.status).toBe("running"))
    expect([first.status, first.attempts, second.status, second.attempts, second.id]).toEqual([
      "running",
      1,
      "waiting",
      0,
      "second"
    ])
    held.resolve()
    expect(await first.result).toBe("first")
    expect(await second.outcome).toMatchObject({ id: "second", tag: "run", end: "failed", error: { message: "no" } })
    await turn()
    expect(await first.outcome).toMatchObject({ end: "succeeded", value: "first", attempts: 1 })
    expect([first.status, first.cancel()]).toEqual(["ended", "settled"])
  })

  it("are given once there is a place, and can be given up in each phase", async () => {
    const pool = open({ maxWorkers: 1, capacity: 1 })
    const held = gate()
    const running = await pool.submit(() => held.promise)
    const waiting = await pool.submit(() => 2)
    let isIn = false
    const controller = new AbortController()
    const blocked = pool.submit(() => 3).then((ticket) => ((isIn = true), ticket))
    const gone = failure(pool.submit(() => 4, { signal: controller.signal }))
    await turn()
    expect([isIn, pool.snapshot().blocked]).toEqual([false, 2])
    controller.abort("gone")
    expect(await gone).toBe("gone")
    expect(waiting.cancel()).toBe("withdrawn")
    expect((await blocked).status).toBe("waiting")
    expect(running.cancel()).toBe("interrupting")
    held.resolve()
    expect(await (await blocked).result).toBe(3)
    expect(pool.snapshot()).toMatchObject({ cancelled: 2, abandoned: 1, succeeded: 1 })
  })
})

describe("levers", () => {
  it("resize, setBounds, pause and resume", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 4 })
    pool.resize(3)
    expect(pool.snapshot()).toMatchObject({ target: 3, workers: 3 })
    expect(() => pool.resize(5)).toThrow(OutOfBounds)
    expect(() => pool.setBounds({ minWorkers: 5 })).toThrow(InvalidOption)
    pool.setBounds({ maxWorkers: 2 })
    expect(pool.snapshot()).toMatchObject({ target: 2, maxWorkers: 2 })
    pool.pause()
    const call = pool.run(() => "ran")
    await turn()
    expect(pool.snapshot()).toMatchObject({ paused: true, waiting: 1 })
    pool.resume()
    expect(await call).toBe("ran")
  })

  it("a number that was set by hand is kept, until it is released", async () => {
    const pool = createPool({ minWorkers: 1, maxWorkers: 8 })
    keep(pool)
    pool.resize(1)
    const held = gate()
    const calls = [1, 2, 3].map(() => pool.run(() => held.promise))
    await turn()
    expect(pool.explain()).toMatch(/Now somebody holds 1 worker by hand/)
    pool.release()
    pool.resize(3)
    await eventually(() => expect(pool.snapshot().running).toBe(3))
    held.resolve()
    await Promise.all(calls)
  })

  it("idle waits for all that waits or runs, a task that was told to stop included", async () => {
    const pool = open({ maxWorkers: 1 })
    await pool.idle()
    const held = gate()
    const ticket = await pool.submit(() => held.promise)
    const other = pool.run(() => 1)
    ticket.cancel()
    let isIdle = false
    const idle = pool.idle().then(() => (isIdle = true))
    await turn()
    expect(isIdle).toBe(false)
    held.resolve()
    await idle
    expect(await other).toBe(1)
    const last = gate()
    const told = await pool.submit(() => last.promise)
    told.cancel()
    let isOver = false
    const over = pool.idle().then(() => (isOver = true))
    await turn()
    await turn()
    expect(isOver).toBe(false)
    last.resolve()
    await over
    const waiting = pool.idle()
    pool.pause()
    const paused = new AbortController()
    const given = failure(pool.run(() => 1, { signal: paused.signal }))
    await waiting
    const after = pool.idle()
    paused.abort("up")
    await after
    expect(await given).toBe("up")
  })
})

describe("the end", () => {
  it("drains when its scope is left, and once", async () => {
    let kept: Pool
    const held = gate()
    const results: Array<unknown> = []
    {
      await using pool = createPool({ maxWorkers: 1 })
      kept = pool
      void pool.run(() => held.promise.then(() => results.push("ran")))
      void pool.run(() => results.push("waited"))
      setImmediate(held.resolve)
    }
    expect(results).toEqual(["ran", "waited"])
    expect(kept.snapshot()).toMatchObject({ state: "closed", workers: 0, succeeded: 2 })
    expect(await kept.drain()).toEqual(await kept.drain())
  })

  it("refuses a deadline that is none, and goes on", async () => {
    const pool = open()
    expect(await failure(pool.drain({ deadline: -1 }))).toBeInstanceOf(InvalidOption)
    expect(await pool.run(() => "open")).toBe("open")
  })

  it("interrupts at its deadline, and gives up on what does not listen after the grace", async () => {
    const pool = open({ maxWorkers: 2, minWorkers: 2, drainGrace: 50, interruptGrace: 50 })
    const held = gate()
    const calls = [
      failure(pool.run(() => held.promise)),
      failure(
        pool.run(
          ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
        )
      )
    ]
    await turn()
    const report = await pool.drain({ deadline: 0 })
    expect(report).toMatchObject({ forced: true, interruptedCount: 2, stuckCount: 1 })
    const [deaf, listens] = await Promise.all(calls)
    expect([deaf.code, listens.code]).toEqual(["REQUEST_INTERRUPTED", "REQUEST_INTERRUPTED"])
    held.resolve()
    await turn()
    expect(pool.snapshot().workers).toBe(0)
  })
})

describe("what it tells", () => {
  it("what somebody must act on, to whom it may concern", async () => {
    const lines: Array<LogLine> = []
    const pool = open({ log: (line) => lines.push(line) })
    const error = new Error("of a listener")
    pool.on("RequestEnded", () => {
      throw error
    })
    await pool.run(() => 1)
    const held = gate()
    const stopped = failure(pool.run(() => held.promise))
    await pool.drain({ deadline: 0, waiting: "interrupt" })
    held.resolve()
    await stopped
    expect(lines).toContainEqual({ level: "error", message: expect.stringContaining("a listener"), error })
    expect(lines).toContainEqual({ level: "warning", message: expect.stringContaining("forced"), error: undefined })
  })

  it("events, as they are iterated and to listeners, until it has drained", async () => {
    const pool = open({ retry: { times: 1, base: 0 } })
    const all: Array<Event> = []
    const iterating = (async () => {
      for await (const event of pool.events) all.push(event)
    })()
    const heard: Array<unknown> = []
    const stop = pool.on("RequestEnded", ({ outcome }) => heard.push(outcome.end))
    const attempts: Array<unknown> = []
    pool.on("AttemptFailed", ({ attempt, error }) => attempts.push([attempt, error]))
    pool.on("RequestEnded", () => {
      throw new Error("of a listener")
    })
    await pool.run(() => 1)
    await failure(pool.run(() => Promise.reject("no")))
    await turn()
    stop()
    const last: Array<unknown> = []
    pool.on("Drained", ({ report }) => last.push(report.accepted))
    await pool.run(() => 2)
    await pool.drain()
    expect(last).toEqual([3])
    await iterating
    expect(heard).toEqual(["succeeded", "failed"])
    expect(attempts).toEqual([[1, "no"]])
    const types = all.map(({ type }) => type)
    expect(types.filter((type) => type === "RequestEnded")).toHaveLength(3)
    expect(types.at(-1)).toBe("Drained")
    expect(all.find((event) => event.type === "RequestEnded")).toMatchObject({
      outcome: { end: "succeeded", value: 1 }
    })
  })

  it("every event to a listener, however many there are in a turn", async () => {
    const pool = open()
    let heard = 0
    pool.on("RequestEnded", () => heard++)
    await Promise.all(Array.from({ length: 5_000 }, () => pool.run(() => 1)))
    await pool.drain()
    expect(heard).toBe(5_000)
  })

  it("metrics, of a pool that has a name, until it is closed", async () => {
    const names = () =>
      Effect.runSync(Metric.snapshot).flatMap(({ attributes }) => (attributes?.["pool"] as string | undefined) ?? [])
    const named = open({ name: "of promises" })
    open()
    expect(new Set(names())).toEqual(new Set(["of promises"]))
    await named.drain()
    expect(names()).toEqual([])
  })

  it("latencies and counts by handler", async () => {
    const pool = createPool({ handlers: { one: () => 1 } })
    keep(pool)
    await pool.run.one(undefined)
    await pool.run(() => 2)
    expect(pool.snapshot().handlers).toMatchObject({ one: { succeeded: 1 }, run: { succeeded: 1 } })
    expect(pool.latencies().ran.count).toBe(2)
  })
})
