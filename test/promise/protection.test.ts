/** A budget for retries, circuit breakers and shedding, for pools of promises. */
import { describe, expect, it } from "vitest"
import {
  CircuitBreaker,
  CircuitOpen,
  createPool,
  InvalidOption,
  NotBefore,
  PoolError,
  RequestShed,
  RetryBudget
} from "../../src/promise/index.ts"
import { failure, keep, openHeld } from "./support.ts"

const options = { tripPolicy: CircuitBreaker.consecutive(2), openDuration: 1000 } as const
const no = () => {
  throw new Error("no")
}

describe("a breaker", () => {
  it("holds back what waits until its time has come", async () => {
    const { advance, pool } = openHeld({ breaker: CircuitBreaker.make(options) })
    for (const _ of [1, 2]) expect((await failure(pool.run(no))).message).toBe("no")
    let value: string | undefined
    void pool.run(() => "there").then((there) => (value = there))
    await advance(999, 333)
    expect(value).toBeUndefined()
    expect(pool.snapshot()).toMatchObject({ heldBack: 1 })
    await advance(1)
    expect(value).toBe("there")
  })

  it("refuses calls with an ordinary error, and what asks to come back later is no failure", async () => {
    const { advance, pool } = openHeld({ breaker: CircuitBreaker.make({ ...options, whenOpen: "fail" }) })
    const later = { first: true }
    const asks = pool.run(() => {
      if (!later.first) return "there"
      later.first = false
      throw new NotBefore(1)
    })
    await advance(2)
    expect(await asks).toBe("there")
    for (const _ of [1, 2]) await failure(pool.run(no))
    const error = await failure(pool.run(() => "there"))
    expect(error).toBeInstanceOf(CircuitOpen)
    expect(error).toMatchObject({ tag: "run", retryAfterMillis: 1000 })
    expect(pool.snapshot()).toMatchObject({ refusedOpen: 1 })
  })

  it("learns by `failures` which errors are failures of what it calls", async () => {
    const status = (code: number) => () => Promise.reject(Object.assign(new Error(), { code }))
    const failures = (error: unknown) => (error as { code: number }).code !== 404
    const { pool } = openHeld({ breaker: CircuitBreaker.make({ ...options, whenOpen: "fail", failures }) })
    for (const code of [404, 404, 503, 404, 503]) expect(await failure(pool.run(status(code)))).toMatchObject({ code })
    expect(await failure(pool.run(status(503)))).toMatchObject({ code: 503 })
    expect(await failure(pool.run(() => "there"))).toBeInstanceOf(CircuitOpen)
    const both = CircuitBreaker.make({ failures, classify: () => "Success" })
    expect(() => createPool({ breaker: both })).toThrow("Expected `breaker.failures` to be unset beside `classify`")
    const none = CircuitBreaker.make({ failures: true as never })
    expect(() => createPool({ breaker: none })).toThrow("Expected `breaker.failures` to be a function of an error")
  })

  it("is a handler's own, or none", async () => {
    const pool = createPool({
      scaling: "none",
      breaker: CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), whenOpen: "fail" }),
      handlers: {
        own: { handler: no, breaker: CircuitBreaker.make({ ...options, whenOpen: "fail" }) },
        none: { handler: no, breaker: "none" },
        pools: no
      }
    })
    keep(pool)
    const heard = async (name: "own" | "none" | "pools") => (await failure(pool.run[name](undefined))).name
    expect([await heard("own"), await heard("own"), await heard("own")]).toEqual(["Error", "Error", "CircuitOpen"])
    expect([await heard("none"), await heard("none")]).toEqual(["Error", "Error"])
    expect([await heard("pools"), await heard("pools")]).toEqual(["Error", "CircuitOpen"])
  })

  it("that is none is refused, for a pool and for a handler", () => {
    const wrong = { probes: 1 } as unknown as CircuitBreaker.CircuitBreaker
    expect(() => createPool({ breaker: wrong })).toThrow(InvalidOption)
    expect(() => createPool({ handlers: { a: { handler: no, breaker: wrong } } })).toThrow(/a\.breaker/)
    expect(() => createPool({ breaker: CircuitBreaker.make({ probes: 0 }) })).toThrow(/breaker\.probes/)
  })
})

describe("a budget for retries", () => {
  it("leaves a call with the error that it has", async () => {
    const { advance, pool } = openHeld({
      retry: { times: 5, base: 1, jitter: "none" },
      retryBudget: RetryBudget.make({ ratio: 1, minPerSecond: 0 })
    })
    let attempts = 0
    const failed = failure(
      pool.run(() => {
        throw new Error(`attempt ${++attempts}`)
      })
    )
    await advance(10)
    expect((await failed).message).toBe("attempt 2")
    expect(pool.snapshot()).toMatchObject({ retries: 1, retriesDenied: 1 })
  })
})

describe("a pool that sheds", () => {
  const one = { minWorkers: 1, maxWorkers: 1, strategy: "shedding" } as const

  it("rejects whoever has waited for the target with an ordinary error, and not before", async () => {
    const { advance, pool, work } = openHeld(one)
    const happened: Array<string> = []
    for (const name of ["Overloaded", "Recovered"] as const) pool.on(name, () => happened.push(name))
    const long = pool.run(work("long", 1200))
    const call = failure(pool.run(work("call")))
    const ticket = await pool.submit(work("ticket"))
    const result = failure(ticket.result)
    await advance(999, 333)
    expect(pool.snapshot()).toMatchObject({ shed: 0, waiting: 2 })
    await advance(1)
    const error = await call
    expect(error).toBeInstanceOf(RequestShed)
    expect(error).toBeInstanceOf(PoolError)
    expect(error).toMatchObject({ name: "RequestShed", code: "REQUEST_SHED", tag: "run", waitedMillis: 1000 })
    expect(await result).toMatchObject({ code: "REQUEST_SHED" })
    expect(await ticket.outcome).toMatchObject({ end: "evicted", attempts: 0 })
    expect(pool.snapshot()).toMatchObject({ shed: 2, evicted: 2, overloaded: true, waiting: 0 })
    await advance(200, 100)
    expect(await long).toBe("long")
    expect(happened).toEqual(["Overloaded", "Recovered"])
    expect(pool.snapshot()).toMatchObject({ overloaded: false, succeeded: 1 })
  })

  it("has a target and an interval of its own", async () => {
    const { advance, pool, work } = openHeld({ ...one, shedding: { target: 20, interval: "50 millis" } })
    const long = pool.run(work("long", 100))
    const first = failure(pool.run(work("first")))
    await advance(49, 49)
    const second = failure(pool.run(work("second")))
    await advance(1)
    expect(await first).toMatchObject({ waitedMillis: 50 })
    await advance(19)
    expect(await second).toMatchObject({ waitedMillis: 20 })
    await advance(31)
    expect(await long).toBe("long")
  })

  it("is refused times that are none, and any beside another strategy", () => {
    expect(() => createPool({ ...one, shedding: { target: 0 } })).toThrow(/shedding\.target/)
    expect(() => createPool({ shedding: { target: 50 } })).toThrow(
      /`strategy` to be "shedding" where `shedding` is set/
    )
  })
})

describe("what is no option", () => {
  const unknown = "a name that is not known"
  const { make, rate } = CircuitBreaker as unknown as Record<"make" | "rate", (options: unknown) => never>
  const budget = RetryBudget.make as (options: unknown) => never
  it.each<[string, () => object | null, string, string]>([
    ["of a breaker", () => ({ breaker: make({ openDuraton: 5 }) }), "breaker.openDuraton", unknown],
    [
      "of its rate",
      () => ({ breaker: make({ tripPolicy: rate({ treshold: 1 }) }) }),
      "breaker.tripPolicy.treshold",
      unknown
    ],
    [
      "of a handler's breaker",
      () => ({ handlers: { no: { handler: no, breaker: make({ failing: 3 }) } } }),
      "handlers.no.breaker.failing",
      unknown
    ],
    [
      "a handler's duplicate",
      () => ({ handlers: { a: { handler: no, duplicate: "merge" } } }),
      "handlers.a.duplicate",
      '"merge"'
    ],
    ["a handler's timeout", () => ({ handlers: { a: { handler: no, timeout: -1 } } }), "handlers.a.timeout", "-1"],
    ["a handler's breaker", () => ({ handlers: { a: { handler: no, breaker: "no" } } }), "handlers.a.breaker", '"no"'],
    ["no breaker", () => ({ breaker: make(null) }), "breaker", "null"],
    ["of a budget", () => ({ retryBudget: budget({ ratios: 1 }) }), "retryBudget.ratios", unknown],
    ["no budget", () => ({ retryBudget: budget(0.2) }), "retryBudget", "0.2"],
    ["of shedding", () => ({ strategy: "shedding", shedding: { targt: 5 } }), "shedding.targt", unknown],
    ["no shedding", () => ({ shedding: "5 seconds" }), "shedding", '"5 seconds"'],
    ["no options", () => null, "options", "null"]
  ])("%s is refused", async (_, options, field, actual) => {
    const error = await failure((async () => keep(createPool(options() as {})))())
    expect(error).toBeInstanceOf(InvalidOption)
    expect(error).toMatchObject({ field, actual })
  })
})
