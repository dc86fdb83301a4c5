/** Tasks that say when to come back. */
import { describe, expect, it } from "vitest"
import {
  createPool,
  type HasRetryAfter,
  type Instruction,
  InvalidOption,
  NotBefore,
  RetryAfter
} from "../../src/promise/index.ts"
import { failure, keep, openHeld, turn } from "./support.ts"

const two = { minWorkers: 2, maxWorkers: 2 }

/** Throws this at its first call. */
const once = (error: unknown) => {
  let isTold = false
  return (): string => {
    if (isTold) return "done"
    isTold = true
    throw error
  }
}

describe("NotBefore", () => {
  it("is an ordinary error", () => {
    const cause = new Error("429")
    const error = new NotBefore("2 seconds", { at: "key", cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: "NotBefore", millis: 2000, at: "key", countsAsAttempt: false, cause })
    expect(error.message).toBe("Not before 2000 ms have passed (for its key)")
    expect(new NotBefore(0)).toMatchObject({ millis: 1, at: "tag" })
    expect(error[RetryAfter]).toEqual({ after: 2000, at: "key", countsAsAttempt: false })
  })

  it.each([Infinity, Number.NaN, "soon", undefined, {}])("of %o is refused", (after) => {
    const make = () => new NotBefore(after as number)
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow(/^Expected `after` to be a finite duration, at least zero/)
  })

  it("reads the header of an answer", () => {
    const now = Date.UTC(2026, 10, 27)
    const headers = new Headers({ "Retry-After": "30" })
    expect(NotBefore.fromHeader(headers.get("retry-after"), now)).toBe(30_000)
    expect(NotBefore.fromHeader("Fri, 27 Nov 2026 00:00:02 GMT", now)).toBe(2000)
    expect(NotBefore.fromHeader(headers.get("x"), now)).toBeUndefined()
  })
})

describe("a task that throws it", () => {
  it("holds up its tag, is the first when the time has come, and has made no attempt", async () => {
    const { advance, note, notes, pool, work } = openHeld(two)
    const ask = once(new NotBefore(50))
    const ticket = await pool.submit(() => {
      note("asked")
      return ask()
    })
    await advance(1)
    void pool.run(work("next"))
    await advance(48)
    expect(notes).toEqual(["0 asked"])
    expect([ticket.status, ticket.attempts]).toEqual(["waiting", 0])
    expect(pool.list()).toMatchObject([{ heldBackBy: "tag" }, { heldBackBy: "tag" }])
    await advance(1)
    expect(notes).toEqual(["0 asked", "50 asked", "50 next"])
    expect(await ticket.outcome).toMatchObject({ end: "succeeded", value: "done", attempts: 1, waitedMillis: 50 })
  })

  it.each<[string, ReadonlyArray<string>]>([
    ["key", ["0 b"]],
    ["pool", []],
    ["api", ["0 b"]]
  ])("at %s", async (at, free) => {
    const { advance, notes, pool, work } = openHeld({
      ...two,
      limits: [{ name: "api", per: "key", concurrency: 9 }]
    })
    const ask = once(new NotBefore(20, { at }))
    const call = pool.run(async () => ask(), { key: "a" })
    await turn()
    for (const key of ["a", "b"]) void pool.run(work(key), { key })
    await advance(19)
    expect(notes).toEqual(free)
    await advance(2)
    expect(notes.length).toBe(2)
    expect(await call).toBe("done")
  })

  it("ends at once, with that very error, where its request would expire before", async () => {
    const { advance, pool } = openHeld(two)
    const error = new NotBefore(50)
    expect(await failure(pool.run(once(error), { expiresIn: 50 }))).toBe(error)
    const call = pool.run(once(new NotBefore(49)), { expiresIn: 100 })
    await advance(99)
    expect(await call).toBe("done")
  })

  it("is the cause of an end that the pool has made meanwhile", async () => {
    const { advance, pool } = openHeld(two)
    const error = new NotBefore("1 hour")
    const call = failure(pool.run(once(error)))
    await advance(1)
    void pool.drain({ deadline: 10 })
    await advance(11)
    expect(await call).toMatchObject({ code: "REQUEST_INTERRUPTED", cause: error, attempts: 0 })
  })

  it("has made an attempt where it says so", async () => {
    const { advance, pool } = openHeld({ ...two, retry: { times: 1, base: 0 } })
    const ticket = await pool.submit(once(new NotBefore(20, { countsAsAttempt: true })))
    await advance(20)
    expect(await ticket.outcome).toMatchObject({ end: "succeeded", attempts: 2 })
    const error = new NotBefore(20, { countsAsAttempt: true })
    expect(await failure(pool.run(once(error), { retry: "none" }))).toBe(error)
  })

  it("or any error that has its symbol", async () => {
    class Busy extends Error implements HasRetryAfter {
      readonly [RetryAfter]: Instruction = { after: "30 millis", at: "pool" }
    }
    const { advance, pool } = openHeld(two)
    const call = pool.run(once(new Busy()))
    await turn()
    const other = pool.run(() => "other", { key: "other" })
    await advance(29)
    expect(pool.snapshot()).toMatchObject({ succeeded: 0, heldBack: 2 })
    await advance(1)
    expect(await Promise.all([call, other])).toEqual(["done", "other"])
  })

  it("but not what throws when it is looked at", async () => {
    const pool = createPool({ scaling: "none" })
    keep(pool)
    const throws = () => {
      throw new Error("never to be seen")
    }
    const errors = [
      new Proxy({}, { has: throws }),
      new Proxy({}, { get: throws, has: () => true }),
      Object.defineProperty(new Error(), RetryAfter, { get: throws }),
      Object.assign(new Error(), { [RetryAfter]: { after: Infinity } }),
      Object.assign(new Error(), { [RetryAfter]: "1 second" })
    ]
    for (const error of errors) {
      const thrown = await pool.run(() => Promise.reject(error)).catch((error) => ({ error }))
      expect(Object.is((thrown as { readonly error: unknown }).error, error)).toBe(true)
    }
    expect(pool.snapshot()).toMatchObject({ failed: errors.length, waiting: 0 })
  })
})
