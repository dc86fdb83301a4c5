/**
 * What people know from p-queue, fastq and Bottleneck, in our words: who comes from there finds it here. Where we do it in
 * another way, the test says how.
 */
import { describe, expect, it } from "vitest"
import { InvalidOption, type Options, QueueFull, type Ticket } from "../../src/promise/index.ts"
import { failure, openHeld, turn } from "./support.ts"

const one = { minWorkers: 1, maxWorkers: 1 } satisfies Options
const many = { minWorkers: 64, maxWorkers: 64 } satisfies Options

/** The names that were noted, without their times. */
const names = (notes: ReadonlyArray<string>) => notes.map((note) => note.slice(note.indexOf(" ") + 1))
const times = (notes: ReadonlyArray<string>) => notes.map((note) => Number(note.split(" ")[0]))

describe("p-queue", () => {
  it("starts the higher priority first, and equal ones in the order in which they came", async () => {
    const { notes, pool, work } = openHeld(one)
    pool.pause()
    const priorities = [0, 1, 0, 2, 1, -1, 2]
    const calls = priorities.map((priority, at) => pool.run(work(`${priority}.${at}`), { priority }))
    pool.resume()
    await Promise.all(calls)
    expect(names(notes)).toEqual(["2.3", "2.6", "1.1", "1.4", "0.0", "0.2", "-1.5"])
  })

  it("a priority that comes later than it is worth does not come first: aging, which p-queue does not have", async () => {
    const { advance, notes, pool, work } = openHeld({ ...one, aging: 10 })
    pool.pause()
    void pool.submit(work("old"))
    await advance(9)
    void pool.submit(work("in time"), { priority: 1 })
    await advance(2)
    void pool.submit(work("too late"), { priority: 1 })
    pool.resume()
    await advance(1)
    expect(names(notes)).toEqual(["in time", "old", "too late"])
  })

  it("never so with strict priorities", async () => {
    const { advance, notes, pool, work } = openHeld({ ...one, aging: "none" })
    pool.pause()
    void pool.submit(work("old"))
    await advance(1000)
    void pool.submit(work("high"), { priority: 1 })
    pool.resume()
    await advance(1)
    expect(names(notes)).toEqual(["high", "old"])
  })

  it("setPriority moves one that waits, up or down, behind those that had that priority before", async () => {
    const { notes, pool, work } = openHeld(one)
    pool.pause()
    const tickets = new Map<string, Ticket<string>>()
    for (const [name, priority] of [
      ["a", 1],
      ["b", 0],
      ["c", 1],
      ["d", 1],
      ["e", 0]
    ] as const) {
      tickets.set(name, await pool.submit(work(name), { priority }))
    }
    expect(tickets.get("b")!.setPriority(2)).toBe(true)
    expect(tickets.get("c")!.setPriority(-1)).toBe(true)
    expect(() => tickets.get("a")!.setPriority(Number.NaN)).toThrow(InvalidOption)
    pool.resume()
    await Promise.all([...tickets.values()].map(({ result }) => result))
    expect(names(notes)).toEqual(["b", "a", "d", "e", "c"])
    // One that has started stays as it is: p-queue throws.
    expect(tickets.get("a")!.setPriority(2)).toBe(false)
  })

  it("no more than the cap start in any interval, and whoever waits comes evenly, not in lumps", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 5, period: 100, burst: 1 } }]
    })
    for (let n = 0; n < 12; n++) void pool.submit(work("start"))
    await advance(219)
    expect(times(notes)).toEqual([0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200])
  })

  it("after a rest the whole cap may start at once", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 5, period: 100 } }]
    })
    for (let n = 0; n < 7; n++) void pool.submit(work("start"))
    await advance(300)
    expect(times(notes)).toEqual([0, 0, 0, 0, 0, 20, 40])
    for (let n = 0; n < 6; n++) void pool.submit(work("start"))
    await advance(21)
    expect(times(notes).slice(7)).toEqual([300, 300, 300, 300, 300, 320])
  })

  it("the interval counts starts, whether they fail or succeed, retries among them", async () => {
    const { advance, note, notes, pool } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 1, period: 10 } }]
    })
    const fail = (): never => {
      note("start")
      throw new Error("no")
    }
    const calls = [failure(pool.run(fail, { retry: { times: 1, base: 0 } })), failure(pool.run(fail))]
    await advance(30)
    await Promise.all(calls)
    expect(times(notes)).toEqual([0, 10, 20])
  })

  it("those that still run count where the limit bounds them as well: carryover", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", concurrency: 2, rate: { limit: 2, period: 100 } }]
    })
    for (const millis of [250, 30, 10]) void pool.submit(work(String(millis), millis))
    void pool.submit(work("last"))
    await advance(140)
    // One of two runs on, so that there is one place for all others.
    expect(notes).toEqual(["0 250", "0 30", "50 10", "100 last"])
  })

  it("a higher priority passes those that a closed interval holds back", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 1, period: 10 } }]
    })
    for (const name of ["a", "b", "c"]) void pool.submit(work(name))
    await advance(5)
    void pool.submit(work("urgent"), { priority: 1 })
    await advance(30)
    expect(notes).toEqual(["0 a", "10 urgent", "20 b", "30 c"])
  })

  it("limits changed while they are in force hold for those that wait", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 1, period: 100 } }]
    })
    for (let n = 0; n < 6; n++) void pool.submit(work("start"))
    await advance(50)
    pool.setLimit("api", { rate: { limit: 1, period: 20 } })
    await advance(50)
    pool.setLimit("api", { concurrency: 9, rate: "none" })
    await advance(1)
    expect(times(notes)).toEqual([0, 70, 90, 100, 100, 100])
  })

  it("concurrency goes up and down while it runs", async () => {
    const { advance, notes, pool, work } = openHeld(one)
    for (const name of ["a", "b", "c", "d"]) void pool.submit(work(name, 20))
    await advance(5)
    pool.setBounds({ minWorkers: 3, maxWorkers: 3 })
    await advance(5)
    expect(notes).toEqual(["0 a", "5 b", "5 c"])
    pool.setBounds({ minWorkers: 1, maxWorkers: 1 })
    await advance(14)
    expect(notes.length).toBe(3)
    await advance(2)
    expect(notes.slice(3)).toEqual(["25 d"])
  })

  it("pause starts nothing, whatever the interval allows; resume starts no more than that", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 2, period: 20 } }]
    })
    pool.pause()
    for (let n = 0; n < 4; n++) void pool.submit(work("start"))
    await advance(100)
    expect(notes).toEqual([])
    pool.resume()
    await advance(25)
    expect(times(notes)).toEqual([100, 100, 110, 120])
  })

  it("clear gives up what waits, also at a limit, and lets what runs finish", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "api", rate: { limit: 1, period: 100 } }]
    })
    const first = pool.run(work("runs", 10))
    const others = [1, 2, 3].map((n) => failure(pool.run(work(`waits ${n}`))))
    await advance(1)
    expect(await pool.cancelAll({ phase: "waiting" })).toBe(3)
    expect((await Promise.all(others)).map(({ code }) => code)).toEqual(Array(3).fill("REQUEST_CANCELLED"))
    await advance(300)
    expect(await first).toBe("runs")
    expect(names(notes)).toEqual(["runs"])
    // The start that nobody has made is there for the next one.
    expect(pool.gates()).toMatchObject([{ name: "api", heldBack: 0, opensInMillis: 0, started: 1 }])
  })
})

describe("fastq", () => {
  it("unshift comes before all that waits: a priority of its own, or the newest first for all", async () => {
    const pushed = openHeld(one)
    pushed.pool.pause()
    const calls = ["a", "b"].map((name) => pushed.pool.run(pushed.work(name)))
    calls.push(pushed.pool.run(pushed.work("first"), { priority: 10 }))
    pushed.pool.resume()
    await Promise.all(calls)
    expect(names(pushed.notes)).toEqual(["first", "a", "b"])

    const newest = openHeld({ ...one, order: "lifo" })
    newest.pool.pause()
    const all = ["a", "b", "c"].map((name) => newest.pool.run(newest.work(name)))
    newest.pool.resume()
    await Promise.all(all)
    expect(names(newest.notes)).toEqual(["c", "b", "a"])
  })

  it("while one runs, each that comes goes before those that wait", async () => {
    const { advance, notes, pool, work } = openHeld({ ...one, order: "lifo" })
    for (const name of ["a", "b", "c"]) void pool.submit(work(name, 10))
    await advance(15)
    void pool.submit(work("d", 10))
    await advance(20)
    expect(notes).toEqual(["0 a", "10 c", "20 d", "30 b"])
  })
})

describe("Bottleneck", () => {
  it("minTime: so long between two starts, however short they are", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "minTime", rate: { limit: 1, period: 25 } }]
    })
    for (let n = 0; n < 4; n++) void pool.submit(work("start"))
    await advance(50)
    void pool.submit(work("start"))
    await advance(60)
    expect(times(notes)).toEqual([0, 25, 50, 75, 100])
  })

  it("maxConcurrent: so many at once", async () => {
    const { advance, notes, pool, work } = openHeld({ ...many, limits: [{ name: "most", concurrency: 2 }] })
    for (const name of ["a", "b", "c", "d"]) void pool.submit(work(name, 10))
    await advance(5)
    expect(pool.snapshot()).toMatchObject({ running: 2, heldBack: 2, limits: { most: { running: 2, concurrency: 2 } } })
    await advance(20)
    expect(times(notes)).toEqual([0, 0, 10, 10])
  })

  it("both: so many at once, and so long between two", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [
        { name: "most", concurrency: 2 },
        { name: "minTime", rate: { limit: 1, period: 10 } }
      ]
    })
    for (const name of ["a", "b", "c", "d"]) void pool.submit(work(name, 30))
    await advance(60)
    expect(notes).toEqual(["0 a", "10 b", "30 c", "40 d"])
  })

  it("a reservoir that is refilled: so many at once, then as it fills, and never above what it holds", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "reservoir", rate: { limit: 2, period: 100, burst: 4 } }]
    })
    for (let n = 0; n < 6; n++) void pool.submit(work("start"))
    await advance(1000)
    // Bottleneck refills in lumps; here each 50 ms brings one.
    expect(times(notes)).toEqual([0, 0, 0, 0, 50, 100])
    for (let n = 0; n < 5; n++) void pool.submit(work("start"))
    await advance(50)
    expect(times(notes).slice(6)).toEqual([1000, 1000, 1000, 1000, 1050])
  })

  it("a group has a limiter for each key: none waits for another's", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [{ name: "each", per: "key", rate: { limit: 1, period: 50 } }]
    })
    for (const key of ["a", "a", "b", "b", "c"]) void pool.submit(work(key), { key })
    await advance(60)
    expect(notes).toEqual(["0 a", "0 b", "0 c", "50 a", "50 b"])
  })

  it("no key of a group is forgotten while it is in use, or would be let off what it owes", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      forgetKeys: 0,
      limits: [
        { name: "serial", per: "key", concurrency: 1 },
        { name: "rate", per: "key", rate: { limit: 1, period: 500 } }
      ]
    })
    void pool.submit(work("a1", 300), { key: "a" })
    void pool.submit(work("b1"), { key: "b" })
    // Others come and go meanwhile, each of its own key.
    for (let n = 0; n < 50; n++) {
      await advance(2)
      await pool.run(() => n, { key: `passing ${n}` })
    }
    void pool.submit(work("a2"), { key: "a" })
    void pool.submit(work("b2"), { key: "b" })
    await advance(500)
    expect(notes).toEqual(["0 a1", "0 b1", "500 a2", "500 b2"])
    expect(pool.snapshot().keys).toBeGreaterThan(50)
    // Once nothing is owed any more they are forgotten, two for each request that ends.
    for (let n = 0; n < 30; n++) {
      await advance(500, 500)
      await pool.run(() => n)
    }
    expect(pool.snapshot().keys).toBeLessThan(3)
  })

  it("chained limiters are limits of one pool: a start passes all at once, and holds none while it waits", async () => {
    const { advance, notes, pool, work } = openHeld({
      ...many,
      limits: [
        { name: "each", per: "key", concurrency: 1 },
        { name: "all", concurrency: 2 }
      ]
    })
    for (const key of ["a", "a", "a", "b", "c"]) void pool.submit(work(key, 10), { key })
    await advance(25)
    // That a waits for itself holds up neither b nor c.
    expect(notes.slice(0, 2)).toEqual(["0 a", "0 b"])
    expect(notes.filter((note) => note.startsWith("10")).sort()).toEqual(["10 a", "10 c"])
  })

  it("highWater with OVERFLOW: one too many is refused, those that wait stay", async () => {
    const { notes, pool, work } = openHeld({ ...one, capacity: 2, strategy: "dropping" })
    pool.pause()
    const calls = ["a", "b"].map((name) => pool.run(work(name)))
    expect(await failure(pool.run(work("c"), { priority: 10 }))).toBeInstanceOf(QueueFull)
    pool.resume()
    await Promise.all(calls)
    expect(names(notes)).toEqual(["a", "b"])
  })

  it("highWater with LEAK: the oldest goes; ours of the key with most, and whatever its priority", async () => {
    const { notes, pool, work } = openHeld({ ...one, capacity: 3, strategy: "sliding" })
    pool.pause()
    const oldest = failure(pool.run(work("hog 1"), { key: "hog", priority: 5 }))
    const calls = [
      pool.run(work("small"), { key: "small" }),
      pool.run(work("hog"), { key: "hog" }),
      pool.run(work("new"), { key: "new" })
    ]
    expect(await oldest).toMatchObject({ code: "REQUEST_EVICTED" })
    pool.resume()
    await Promise.all(calls)
    expect(names(notes).sort()).toEqual(["hog", "new", "small"])
  })

  it("a high water of each key: who fills it holds up only itself", async () => {
    const { advance, notes, pool, work } = openHeld({ ...one, capacity: 100, keyCapacity: 2 })
    pool.pause()
    for (const key of ["hog", "hog", "hog", "small"]) void pool.submit(work(key), { key })
    await turn()
    expect(pool.snapshot()).toMatchObject({ blocked: 1, waiting: 3 })
    expect(pool.waitingBy("key")).toMatchObject([
      { name: "hog", waiting: 2, blocked: 1 },
      { name: "small", waiting: 1, blocked: 0 }
    ])
    pool.resume()
    await advance(1)
    expect(names(notes).sort()).toEqual(["hog", "hog", "hog", "small"])
  })

  it("priorities are turned round: 0 comes first there, 10 here", async () => {
    const { notes, pool, work } = openHeld({ ...one, limits: [{ name: "most", concurrency: 1 }] })
    pool.pause()
    const ours = (theirs: number) => 5 - theirs
    const calls = [5, 9, 0, 5].map((theirs, at) => pool.run(work(`${theirs}.${at}`), { priority: ours(theirs) }))
    pool.resume()
    await Promise.all(calls)
    expect(names(notes)).toEqual(["0.2", "5.0", "5.3", "9.1"])
  })
})
