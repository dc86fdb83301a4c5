/** Calls of the same identity, and groups, of a pool of promises. */
import { describe, expect, it } from "vitest"
import {
  type Attempt,
  createPool,
  DuplicateRequest,
  NestedWaitRefused,
  type Pool,
  RequestCancelled,
  RequestReplaced,
  type Ticket
} from "../../src/promise/index.ts"
import { eventually, failure, gate, keep, open, openHeld, turn } from "./support.ts"

const join = { primaryKey: "k", duplicate: "join" } as const

/** A task that goes on until it is told not to, when it has begun, and by what it was told. */
const telling = () => {
  const told: Array<unknown> = []
  const begun = gate()
  const task = ({ signal }: Attempt) => {
    begun.resolve()
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        told.push(signal.reason)
        reject(signal.reason)
      })
    )
  }
  return { told, task, begun: begun.promise }
}

describe("calls of the same identity", () => {
  it("join: one call of the task, and its value for all; a signal takes back one's own", async () => {
    const pool = open()
    const { promise, resolve } = Promise.withResolvers<string>()
    const begun = gate()
    const first = pool.run(() => (begun.resolve(), promise), join)
    const aborting = new AbortController()
    const second = failure(pool.run(() => "never called", { ...join, signal: aborting.signal }))
    const ticket = await pool.submit(() => "never called", join)
    await begun.promise
    expect([ticket.status, ticket.attempts]).toEqual(["running", 1])
    aborting.abort("enough")
    expect(await second).toBe("enough")
    expect(pool.snapshot()).toMatchObject({ running: 1, joined: 2, cancelled: 0 })
    resolve("one")
    expect([await first, await ticket.result]).toEqual(["one", "one"])
    expect(await ticket.outcome).toMatchObject({ end: "succeeded", attempts: 1 })
  })

  it("join: the last to go cancels, with its own reason, and the task is told", async () => {
    const pool = open()
    const { begun, task, told } = telling()
    const tickets = await Promise.all([1, 2].map(() => pool.submit(task, join)))
    await begun
    expect(tickets[1]!.cancel("mine")).toBe("withdrawn")
    expect(await failure(tickets[1]!.result)).toMatchObject({ code: "REQUEST_CANCELLED", cause: "mine" })
    expect([told, tickets[0]!.status, tickets[1]!.status]).toEqual([[], "running", "ended"])
    expect(tickets[0]!.cancel("too")).toBe("interrupting")
    expect(await failure(tickets[0]!.result)).toMatchObject({ code: "REQUEST_CANCELLED", cause: "too" })
    expect(told).toMatchObject([{ code: "REQUEST_CANCELLED", cause: "too" }])
  })

  it("join: the signal of the last to go is what the task is told, whoever had gone before", async () => {
    const pool = open()
    const { begun, task, told } = telling()
    const [first, second] = [new AbortController(), new AbortController()]
    const calls = [first, second].map(({ signal }) => failure(pool.run(task, { ...join, signal })))
    await begun
    first.abort("first")
    expect(told).toEqual([])
    second.abort("second")
    expect(await Promise.all(calls)).toEqual(["first", "second"])
    expect(told).toEqual(["second"])
  })

  it.each([
    ["its ticket", "mine", (_: Pool, ticket: Ticket<unknown>) => ticket.cancel("mine")],
    ["the pool", undefined, (pool: Pool) => pool.cancelAll({})]
  ])("join: given up by %s, the task is told of that, not of who had gone before", async (_, cause, giveUp) => {
    const pool = open()
    const { begun, task, told } = telling()
    const aborting = new AbortController()
    const gone = failure(pool.run(task, { ...join, signal: aborting.signal }))
    const ticket = await pool.submit(task, join)
    await begun
    aborting.abort("enough")
    expect(await gone).toBe("enough")
    await giveUp(pool, ticket)
    for (const error of [await failure(ticket.result), ...told]) {
      expect(error).toBeInstanceOf(RequestCancelled)
      expect(error.cause).toBe(cause)
    }
    expect(told.length).toBe(1)
  })

  it("join: each hears by what the last attempt had failed", async () => {
    const { advance, pool } = openHeld()
    const boom = new Error("boom")
    const task = ({ attempt, signal }: Attempt) =>
      new Promise((_, reject) => (attempt === 1 ? reject(boom) : signal.addEventListener("abort", reject)))
    const options = { ...join, timeout: 10, retry: { times: 1, base: 1, timeouts: false } } as const
    const calls = [1, 2].map(() => failure(pool.run(task, options)))
    await advance(20)
    const expected = { code: "REQUEST_TIMEOUT", cause: boom }
    expect(await Promise.all(calls)).toMatchObject([expected, expected])
  })

  it("reject, and replace", async () => {
    const pool = open({ maxWorkers: 1 })
    const { promise, resolve } = gate()
    const running = pool.run(() => promise, { id: "a", primaryKey: "k", duplicate: "reject" })
    const refused = await failure(pool.run(() => 1, { primaryKey: "k", duplicate: "reject" }))
    expect(refused).toBeInstanceOf(DuplicateRequest)
    expect(refused).toMatchObject({ code: "DUPLICATE_REQUEST", id: "a", primaryKey: "k" })
    const old = failure(pool.run(() => 1, { primaryKey: "r", duplicate: "replace" }))
    const fresh = pool.run(() => 2, { id: "b", primaryKey: "r", duplicate: "replace" })
    expect(await old).toBeInstanceOf(RequestReplaced)
    expect(await old).toMatchObject({ code: "REQUEST_REPLACED", by: "b" })
    resolve()
    await running
    expect(await fresh).toBe(2)
  })

  it("latest, with debounce, by the policy of a handler", async () => {
    const called: Array<number> = []
    const begun = gate()
    const { promise, resolve } = gate()
    const pool = createPool({
      scaling: "none",
      handlers: {
        save: {
          handler: async (version: number) => {
            called.push(version)
            begun.resolve()
            if (version === 1) await promise
            return version
          },
          duplicate: "latest"
        }
      }
    })
    keep(pool)
    const save = (version: number) => pool.run.save(version, { primaryKey: "doc" }).catch((error) => error.code)
    const first = save(1)
    await begun.promise
    const calls = [first, save(2), save(3)]
    await turn()
    expect(called).toEqual([1])
    resolve()
    expect(await Promise.all(calls)).toEqual([1, "REQUEST_REPLACED", 3])
    expect(called).toEqual([1, 3])
    const held = openHeld()
    const options = { primaryKey: "doc", duplicate: "latest", debounce: 10 } as const
    for (const name of ["a", "b"]) {
      void held.pool.run(held.work(name), options).catch(() => {})
      await held.advance(6)
    }
    await held.advance(3)
    expect(held.notes).toEqual([])
    await held.advance(1)
    expect(held.notes).toEqual(["16 b"])
  })

  it("of a handler that is like others needs a primary key, as one that says so itself does", async () => {
    const pool = createPool({
      scaling: "none",
      handlers: {
        load: { handler: async (user: string) => user, duplicate: "join" },
        index: { batched: (pages: ReadonlyArray<string>) => pages, size: 2, duplicate: "latest", debounce: 1 }
      }
    })
    keep(pool)
    const refused = {
      code: "INVALID_OPTION",
      field: "primaryKey",
      expected: 'a text that says of what it is a duplicate, with `duplicate` "join"',
      actual: "undefined"
    }
    expect(await failure(pool.run.load("a"))).toMatchObject(refused)
    expect(await failure(pool.submit.load("a", { priority: 1 }))).toMatchObject(refused)
    expect(await failure(pool.run.load("a", { duplicate: "join" }))).toMatchObject(refused)
    expect(await failure(pool.run.index("a"))).toMatchObject({ field: "primaryKey" })
    expect(await failure(collect(pool.map.load(["a"])))).toMatchObject(refused)
    expect(pool.snapshot()).toMatchObject({ invalid: 5, offered: 0 })
    expect(await pool.run.load("a", { duplicate: "allow" })).toBe("a")
    expect(await pool.run.load("a", { primaryKey: "a" })).toBe("a")
  })

  it("each input of a map that joins has its own value", async () => {
    const pool = open()
    const { promise, resolve } = gate()
    let calls = 0
    const values = collect(pool.map([1, 2, 3], () => promise.then(() => ++calls), { ...join, outstanding: 3 }))
    await eventually(() => expect(pool.snapshot()).toMatchObject({ running: 1, joined: 2 }))
    resolve()
    expect(await values).toEqual([1, 1, 1])
  })

  it("a task that would wait for itself is refused", async () => {
    const pool = open()
    expect(await pool.run(() => failure(pool.run(() => 1, join)), join)).toBeInstanceOf(NestedWaitRefused)
  })
})

describe("groups", () => {
  it("are counted, waited for and given up", async () => {
    const pool = open({ maxWorkers: 1 })
    const { promise, resolve } = gate()
    const group = pool.group("g")
    const begun = gate()
    const task = (value: number) => (begun.resolve(), promise.then(() => value))
    const calls = [1, 2].map((value) => pool.run(() => task(value), { group: "g" }))
    const all = group.awaitAll()
    await begun.promise
    expect(group.counts()).toMatchObject({ running: 1, waiting: 1, succeeded: 0 })
    expect(pool.list({ group: "g", phase: "waiting" })).toMatchObject([{ group: "g" }])
    resolve()
    expect(await Promise.all(calls)).toEqual([1, 2])
    expect(await all).toMatchObject({ group: "g", succeeded: 2 })
    const cancelled = failure(pool.run(() => new Promise(() => {}), { group: "g" }))
    expect(await group.cancel()).toBe(1)
    expect(await cancelled).toMatchObject({ code: "REQUEST_CANCELLED" })
    expect(await group.awaitAll()).toMatchObject({ cancelled: 1 })
    expect(() => pool.group("")).toThrow("group")
  })

  it("a task waits for another group in whose slot that runs, and for its own never", async () => {
    const pool = open({ maxWorkers: 1 })
    const waits = pool.run(async () => {
      await pool.submit(() => 1, { group: "g" })
      return pool.group("g").awaitAll()
    })
    expect(await waits).toMatchObject({ succeeded: 1 })
    const own = await pool.run(() => failure(pool.group("h").awaitAll()), { group: "h" })
    expect(own).toBeInstanceOf(NestedWaitRefused)
  })
})

const collect = async <A>(results: AsyncIterable<A>): Promise<Array<A>> => {
  const all: Array<A> = []
  for await (const result of results) all.push(result)
  return all
}
