/** Who runs next in a pool of promises: its options, those of handlers and calls, and what can be done to some requests. */
import { describe, expect, it } from "vitest"
import { createPool, InvalidOption, Limit, type Options, QueueFull, type Ticket } from "../../src/promise/index.ts"
import { failure, gate, keep, open, openHeld, turn } from "./support.ts"

interface Job {
  readonly tenant: string
}

const one = { minWorkers: 1, maxWorkers: 1 } satisfies Options

describe("keys", () => {
  it("are what the call says, else its handler, else the pool, whose functions see the name and the input", async () => {
    const asked: Array<unknown> = []
    const pool = createPool({
      scaling: "none",
      key: (name, input) => {
        asked.push([name, input])
        return input?.tenant
      },
      handlers: {
        plain: (job: Job) => job.tenant,
        own: { handler: (job: Job) => job.tenant, key: (job: Job) => `of ${job.tenant}` },
        fixed: { handler: () => 1, key: "system" },
        nobody: { handler: () => 1, key: () => undefined }
      }
    })
    keep(pool)
    pool.pause()
    const calls = [
      pool.run.plain({ tenant: "a" }),
      pool.run.own({ tenant: "b" }),
      pool.run.own({ tenant: "b" }, { key: "call" }),
      pool.run.fixed(),
      pool.run.nobody(),
      pool.run(() => 1),
      pool.run(() => 1, { key: "task" })
    ]
    await turn()
    expect(pool.list().map(({ key }) => key)).toEqual(["a", "of b", "call", "system", "", "", "task"])
    expect(asked).toEqual([
      ["plain", { tenant: "a" }],
      ["run", undefined]
    ])
    pool.resume()
    await Promise.all(calls)
  })

  it("share workers by the time that their tasks take, and by their weights", async () => {
    const { advance, notes, pool, work } = openHeld({ ...one, weight: (key) => (key === "big" ? 2 : 1) })
    for (let n = 0; n < 20; n++) {
      for (const key of ["hog", "hog", "hog", "small", "big"]) void pool.submit(work(key, 10), { key })
    }
    await advance(119)
    const starts = (key: string) => notes.filter((note) => note.endsWith(key)).length
    expect([starts("small"), starts("big"), starts("hog")]).toEqual([3, 6, 3])
  })

  it("may each have a share of a full queue's places, and whoever is refused for it is told so", async () => {
    const pool = open({ ...one, capacity: 10, keyCapacity: 2, strategy: "dropping" })
    pool.pause()
    await pool.submit(() => 1, { key: "hog" })
    await pool.submit(() => 2, { key: "hog" })
    const error = await failure(pool.submit(() => 3, { key: "hog" }))
    expect(error).toBeInstanceOf(QueueFull)
    expect(error).toMatchObject({ code: "QUEUE_FULL", key: "hog", capacity: 10 })
    expect(error.message).toBe('The queue holds as many requests of key "hog" as it may; this one was refused')
    await pool.submit(() => 4, { key: "other" })
    expect(pool.waitingBy("key")).toMatchObject([
      { name: "hog", waiting: 2 },
      { name: "other", waiting: 1 }
    ])
  })

  it("that is full is no key's fault", async () => {
    const pool = open({ ...one, capacity: 1, keyCapacity: "none", strategy: "dropping" })
    pool.pause()
    await pool.submit(() => 1, { key: "a" })
    expect(await failure(pool.submit(() => 2, { key: "b" }))).toMatchObject({ code: "QUEUE_FULL", key: undefined })
  })
})

describe("priorities", () => {
  it("are what the call says, else its handler, else the pool", async () => {
    const pool = createPool({
      scaling: "none",
      priority: 1,
      handlers: { plain: () => 1, urgent: { handler: () => 1, priority: 5 } }
    })
    keep(pool)
    pool.pause()
    const calls = [
      pool.run.plain(),
      pool.run.urgent(),
      pool.run.urgent(undefined, { priority: -10 }),
      pool.run(() => 1)
    ]
    await turn()
    expect(pool.list().map(({ priority }) => priority)).toEqual([1, 5, -10, 1])
    pool.resume()
    await Promise.all(calls)
  })

  it("last in, first out where the pool says so, within a priority", async () => {
    const pool = open({ ...one, order: "lifo" })
    pool.pause()
    const order: Array<string> = []
    const calls = ["a", "b", "c", "d"].map((name, at) =>
      pool.run(() => void order.push(name), { priority: at === 0 ? 1 : 0 })
    )
    pool.resume()
    await Promise.all(calls)
    expect(order).toEqual(["a", "d", "c", "b"])
  })

  it("hold for the inputs of a map", async () => {
    const pool = open(one)
    pool.pause()
    const order: Array<unknown> = []
    const low = pool.run(() => void order.push("low"))
    const mapped = pool.map([1, 2], (n) => void order.push(n), { priority: 1, key: "map" }).next()
    await turn()
    pool.resume()
    await Promise.all([low, mapped])
    expect(order).toEqual([1, 2, "low"])
  })
})

describe("limits", () => {
  it("are plain objects or Limits, and their functions see the name and the input", async () => {
    const asked: Array<unknown> = []
    const { advance, notes, pool, work } = openHeld({
      maxWorkers: 8,
      minWorkers: 8,
      limits: [
        {
          name: "host",
          per: (name, input) => {
            asked.push([name, input])
            return name
          },
          concurrency: 2
        },
        Limit.make({ name: "api", rate: { limit: 1, period: 10, burst: 1 } })
      ]
    })
    for (const name of ["a", "b", "c"]) void pool.run(work(name, 100))
    expect(asked[0]).toEqual(["run", undefined])
    await advance(30)
    expect(notes).toEqual(["0 a", "10 b"])
    expect(pool.snapshot()).toMatchObject({
      heldBack: 1,
      running: 2,
      limits: { host: { running: 2 }, api: { started: 2 } }
    })
    await advance(171)
    expect(notes).toEqual(["0 a", "10 b", "100 c"])
  })

  it("give the input itself to a function, not what the pool makes of it", async () => {
    const pool = createPool({
      scaling: "none",
      limits: [{ name: "tenant", per: (_, { tenant }: Job) => tenant, concurrency: 1, tags: ["send"] }],
      handlers: { send: ({ tenant }: Job) => tenant }
    })
    keep(pool)
    pool.pause()
    const calls = ["a", "a", "b"].map((tenant) => pool.run.send({ tenant }))
    await turn()
    pool.resume()
    expect(await Promise.all(calls)).toEqual(["a", "a", "b"])
    // It is not asked about those to which it does not apply.
    expect(await pool.run(() => 1)).toBe(1)
  })

  it("refuse a call of which their function makes nothing", async () => {
    const pool = open({ limits: [{ name: "tenant", per: (_, { tenant }: Job) => tenant, concurrency: 1 }] })
    // A task has no input.
    expect(await failure(pool.run(() => 1))).toMatchObject({ code: "INVALID_OPTION", field: "limits.tenant.per" })
  })

  it("change while the pool runs", async () => {
    const { advance, notes, pool, work } = openHeld({
      minWorkers: 4,
      maxWorkers: 4,
      limits: [{ name: "api", concurrency: 1 }]
    })
    for (const name of ["a", "b", "c"]) void pool.run(work(name, 100))
    await advance(5)
    pool.setLimit("api", { concurrency: 2 })
    await advance(5)
    pool.setLimit("api", { concurrency: "none", rate: { limit: 1, period: 50 } })
    await advance(191)
    expect(notes).toEqual(["0 a", "5 b", "10 c"])
    expect(() => pool.setLimit("no", { concurrency: 1 })).toThrow('Expected `limit` to be "api", got "no"')
    expect(() => pool.setLimit("api", { concurrency: 0 })).toThrow(InvalidOption)
    expect(() => pool.setLimit("api", { rates: 1 } as never)).toThrow(/`rates`/)
    expect(() => pool.setLimit("api", { rate: { limit: 1, period: 1, bust: 1 } } as never)).toThrow(/`rate.bust`/)
    expect(() => pool.setLimit("api", 1 as never)).toThrow(InvalidOption)
  })
})

describe("options that are wrong", () => {
  it.each<[object, string]>([
    [{ limits: 1 }, "limits"],
    [{ limits: [null] }, "limits.0"],
    [{ limits: [{ name: "a", concurrent: 1 }] }, "limits.0.concurrent"],
    [{ limits: [{ name: "a", rate: { limit: 1, per: 1 } }] }, "limits.0.rate.per"],
    [{ limits: [{ name: "a" }] }, "limits.a"],
    [{ limits: [{ name: "a", rate: null }] }, "limits.a.rate"],
    [{ limits: [{ name: "a", rate: 1 }] }, "limits.a.rate"],
    [{ limits: [{ name: "a", concurrency: 1, tags: 1 }] }, "limits.a.tags"],
    [{ limits: [{ name: "a", concurrency: 0 }] }, "limits.a.concurrency"],
    [{ limits: [{ concurrency: 1 }] }, "limits.name"],
    [{ limits: [Limit.serial("key"), Limit.serial("tag")] }, "limits.name"],
    [{ key: "a" }, "key"],
    [{ weight: 1 }, "weight"],
    [{ aging: 0 }, "aging"],
    [{ order: "newest" }, "order"],
    [{ keyCapacity: 0 }, "keyCapacity"],
    [{ forgetKeys: -1 }, "forgetKeys"],
    [{ priority: 11 }, "priority"],
    [{ handlers: { a: { handler: () => 1, priority: 1.5 } } }, "handlers.a.priority"],
    [{ handlers: { a: { handler: () => 1, key: 1 } } }, "handlers.a.key"],
    [{ handlers: { a: { handler: () => 1, weight: 1 } } }, "handlers.a.weight"]
  ])("%o", (options, field) => {
    try {
      keep(createPool(options))
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: "INVALID_OPTION", field })
    }
  })

  it("of a call, and functions that throw or give no text", async () => {
    const pool = createPool({
      scaling: "none",
      handlers: {
        throws: { handler: () => 1, key: () => (undefined as never as Job).tenant },
        number: { handler: () => 1, key: () => 1 as never }
      }
    })
    keep(pool)
    expect(await failure(pool.run(() => 1, { priority: 11 }))).toMatchObject({
      code: "INVALID_OPTION",
      field: "priority"
    })
    expect(await failure(pool.run(() => 1, { key: 1 as never }))).toMatchObject({
      code: "INVALID_OPTION",
      field: "key"
    })
    expect(await failure(pool.run.throws())).toMatchObject({ code: "INVALID_OPTION", field: "key" })
    expect(await failure(pool.run.number())).toMatchObject({ code: "INVALID_OPTION", field: "key" })
    expect(pool.snapshot()).toMatchObject({ invalid: 3, offered: 0 })
  })
})

describe("some of the requests", () => {
  it("are listed, counted and cancelled; whoever waits for an idle pool hears of it", async () => {
    const pool = open(one)
    const held = gate()
    const running = pool.run(() => held.promise, { id: "runs", key: "a" })
    const errors = [0, 1].map((at) => failure(pool.run(() => at, { id: `b${at}`, key: "b", priority: at })))
    const last = pool.run(() => 2, { id: "c2", key: "c", priority: 2 })
    await turn()
    expect(pool.list().map(({ id, phase }) => `${id} ${phase}`)).toEqual([
      "runs running",
      "b0 waiting",
      "b1 waiting",
      "c2 waiting"
    ])
    expect(pool.list({ key: "b" }, { limit: 1, after: "b0" }).map(({ id }) => id)).toEqual(["b1"])
    expect(pool.list({ where: ({ priority }) => priority > 1 }).map(({ id }) => id)).toEqual(["c2"])
    expect(pool.waitingBy("key", { top: 1 })).toMatchObject([{ name: "b", waiting: 2, running: 0 }])
    expect(pool.waitingBy("tag")).toMatchObject([{ name: "run", waiting: 3, running: 1 }])
    expect(await pool.cancelAll({ key: "b" })).toBe(2)
    expect((await errors[0])!.code).toBe("REQUEST_CANCELLED")
    held.resolve()
    await running
    pool.pause()
    const left = failure(pool.run(() => 1))
    const idle = pool.idle()
    expect(await pool.cancelAll({ phase: "waiting" })).toBe(1)
    await idle
    await Promise.all([...errors, last, left])
    expect(pool.snapshot()).toMatchObject({ cancelled: 3, succeeded: 2, waiting: 0 })
  })

  it("a word that is not known chooses nothing", async () => {
    const pool = open(one)
    pool.pause()
    const call = pool.run(() => 1)
    expect(() => pool.list({ tags: "run" } as never)).toThrow(/`tags`/)
    expect(await failure(pool.cancelAll({ keys: "a" } as never))).toMatchObject({
      code: "INVALID_OPTION",
      field: "keys"
    })
    expect(await failure(pool.cancelAll({ key: undefined }))).toMatchObject({ code: "INVALID_OPTION", field: "key" })
    expect(await failure(pool.cancelAll({ where: async () => false } as never))).toMatchObject({ field: "where" })
    expect(await failure(pool.cancelAll(undefined as never))).toMatchObject({ code: "INVALID_OPTION" })
    expect(() => pool.waitingBy("keys" as never)).toThrow(InvalidOption)
    expect(() => pool.pauseOnly({ name: "run" } as never)).toThrow(/`name`/)
    expect(() => pool.pauseOnly({} as never)).toThrow(InvalidOption)
    expect(() => pool.pauseOnly({ tag: "walk" })).toThrow(/`tag`/)
    expect(() => pool.resumeOnly({ limit: "walk" })).toThrow(/`limit`/)
    const no = new Error("no")
    const throws = (): boolean => {
      throw no
    }
    expect(() => pool.list({ where: throws })).toThrow(no)
    expect(await failure(pool.cancelAll({ where: throws }))).toBe(no)
    expect(pool.snapshot()).toMatchObject({ waiting: 1 })
    pool.resume()
    await call
  })

  it("are paused and resumed: those of a handler, of a key, or of a limit; each is an event", async () => {
    const pool = createPool({
      scaling: "none",
      limits: [{ name: "mail", concurrency: 9, tags: ["send"] }],
      handlers: { send: (n: number) => n, read: (n: number) => n }
    })
    keep(pool)
    const told: Array<unknown> = []
    pool.on("Paused", ({ only }) => told.push(only))
    pool.on("Resumed", ({ only }) => told.push(only))
    pool.pauseOnly({ limit: "mail" })
    const sent = pool.run.send(1)
    expect(await pool.run.read(2)).toBe(2)
    expect(pool.gates()).toMatchObject([{ kind: "limit", name: "mail", paused: true, heldBack: 1 }])
    expect(pool.list()).toMatchObject([{ tag: "send", heldBackBy: "mail" }])
    pool.pauseOnly({ tag: "send" })
    pool.resumeOnly({ limit: "mail" })
    await turn()
    expect(pool.snapshot()).toMatchObject({ heldBack: 1, handlers: { send: { heldBack: 1 } } })
    pool.resumeOnly({ tag: "send" })
    expect(await sent).toBe(1)
    pool.pauseOnly({ key: "a" })
    const keyed = pool.run.read(3, { key: "a" })
    await turn()
    expect(pool.snapshot()).toMatchObject({ waiting: 1, heldBack: 1 })
    pool.resumeOnly({ key: "a" })
    expect(await keyed).toBe(3)
    await turn()
    expect(told).toEqual([
      { limit: "mail" },
      { tag: "send" },
      { limit: "mail" },
      { tag: "send" },
      { key: "a" },
      { key: "a" }
    ])
  })

  it("one of them gets another priority while it waits", async () => {
    const pool = open(one)
    pool.pause()
    const order: Array<string> = []
    const tickets: Array<Ticket<void>> = []
    for (const name of ["a", "b", "c"]) tickets.push(await pool.submit(() => void order.push(name)))
    expect(tickets[2]!.setPriority(1)).toBe(true)
    expect(() => tickets[1]!.setPriority(11)).toThrow(InvalidOption)
    pool.resume()
    await Promise.all(tickets.map(({ result }) => result))
    expect(order).toEqual(["c", "a", "b"])
    expect(tickets[0]!.setPriority(1)).toBe(false)
  })
})

describe("a request within a request", () => {
  it.each([
    ["its key", [{ name: "key", per: "key", concurrency: 1 }]],
    [
      "its key and a rate",
      [
        { name: "key", per: "key", concurrency: 1 },
        { name: "api", rate: { limit: 1, period: 20 } }
      ]
    ],
    [
      "both",
      [
        { name: "key", per: "key", concurrency: 1 },
        { name: "api", concurrency: 1, rate: { limit: 1, period: 20 } }
      ]
    ]
  ] satisfies ReadonlyArray<[string, Options["limits"]]>)(
    "passes where its caller has the only place: %s",
    async (_, limits) => {
      const { advance, note, notes, pool } = openHeld({ ...one, limits })
      const nest = (depth: number): Promise<number> =>
        pool.run(
          () => {
            note(`${depth}`)
            return depth === 3 ? depth : nest(depth + 1)
          },
          { key: "a" }
        )
      const call = nest(1)
      await advance(50)
      expect(await call).toBe(3)
      expect(notes).toEqual(limits.length === 1 ? ["0 1", "0 2", "0 3"] : ["0 1", "20 2", "40 3"])
    }
  )

  it("waits for the place that somebody else has, not for that of its caller", async () => {
    let entity: string | undefined = "one"
    const limits: Options["limits"] = [
      { name: "key", per: "key", concurrency: 1 },
      { name: "entity", per: () => entity, concurrency: 1 }
    ]
    const { advance, notes, pool, work } = openHeld({ minWorkers: 2, maxWorkers: 2, limits })
    const other = pool.run(work("other", 30), { key: "b" })
    entity = undefined
    const call = pool.run(
      () => {
        entity = "one"
        return pool.run(work("inner"), { key: "a" })
      },
      { key: "a" }
    )
    await advance(31)
    await Promise.all([other, call])
    expect(notes).toEqual(["0 other", "30 inner"])
  })
})
