/** Functions that take the inputs of several calls at once. */
import { describe, expect, expectTypeOf, it, vi } from "vitest"
import {
  type BatchAttempt,
  CircuitBreaker,
  createPool,
  InvalidOption,
  NotBefore,
  RequestCancelled,
  RequestExpired,
  RequestTimeout
} from "../../src/promise/index.ts"
import { failure, keep, openHeld, turn } from "./support.ts"

type Batched = (inputs: Array<string>, attempt: BatchAttempt) => any

/** One worker, and virtual time. `begun`: when each batch began, and with what. */
const open = (batched: Batched, more: object = {}, options: object = {}) => {
  const begun: Array<string> = []
  const upper = {
    batched: (inputs: Array<string>, attempt: BatchAttempt) => {
      begun.push(`${held.now()} ${inputs.join(" ")}`)
      return batched(inputs, attempt)
    },
    size: 3,
    within: 10,
    ...more
  }
  const held = openHeld({ handlers: { upper }, minWorkers: 1, ...options } as never)
  const pool = held.pool as unknown as ReturnType<typeof typed>
  return { ...held, pool, begun }
}
/** For its type alone. */
const typed = () => createPool({ handlers: { upper: { batched: (inputs: Array<string>) => inputs, size: 3 } } })

const shout = (inputs: Array<string>) => inputs.map((input) => input.toUpperCase())

describe("a batched function", () => {
  it("takes several inputs at once, and each call gets its own answer", async () => {
    const { begun, pool } = open(async (inputs) => shout(inputs))
    const calls = ["a", "b", "c"].map((input) => pool.run.upper(input))
    expect(await Promise.all(calls)).toEqual(["A", "B", "C"])
    expect(begun).toEqual(["0 a b c"])
  })

  it("is called when the first has waited for long enough, and not before", async () => {
    const { advance, begun, pool } = open(shout)
    const first = pool.run.upper("a")
    await advance(4)
    const second = pool.run.upper("b")
    await advance(5)
    expect(begun).toEqual([])
    await advance(1)
    expect(begun).toEqual(["10 a b"])
    expect(await Promise.all([first, second])).toEqual(["A", "B"])
  })

  it("takes one alone, and answers at once or later", async () => {
    for (const batched of [shout, async (inputs: Array<string>) => shout(inputs)]) {
      const { pool } = open(batched, { within: 0 })
      expect(await pool.run.upper("a")).toBe("A")
    }
  })

  it("gives each its own error, and the others their answers", async () => {
    const { pool } = open((inputs) => inputs.map((input) => (input === "b" ? new RangeError(input) : input)))
    const [a, b, c] = ["a", "b", "c"].map((input) => pool.run.upper(input))
    expect(await failure(b!)).toBeInstanceOf(RangeError)
    expect([await a, await c]).toEqual(["a", "c"])
    expect(pool.snapshot().handlers["upper"]).toMatchObject({ succeeded: 2, failed: 1, attempts: 3 })
  })

  it("gives each what its promise comes to, and has its worker until the last has settled", async () => {
    const last = Promise.withResolvers<string>()
    const { pool } = open((inputs) => [Promise.resolve("A"), Promise.reject(new Error(inputs[1])), last.promise])
    const [a, b, c] = ["a", "b", "c"].map((input) => pool.run.upper(input))
    const failed = failure(b!)
    await turn()
    expect(pool.snapshot()).toMatchObject({ running: 3, batched: 2, idle: 0 })
    last.resolve("C")
    expect([await a, (await failed).message, await c]).toEqual(["A", "b", "C"])
    expect(pool.snapshot()).toMatchObject({ running: 0, idle: 1 })
  })

  it("alone rejects with its error, or that of its promise", async () => {
    const odd = new Error("odd")
    for (const answer of [() => [odd], async () => [odd], () => [Promise.reject(odd)]]) {
      const { pool } = open(answer, { within: 0 })
      expect(await failure(pool.run.upper("a"))).toBe(odd)
    }
  })

  it("fails all with what it throws, and each is tried again by itself", async () => {
    let calls = 0
    const odd = new Error("odd")
    const { advance, begun, pool } = open(
      async (inputs) => {
        if (++calls === 1) throw odd
        return shout(inputs)
      },
      { retry: { times: 1, base: 5, jitter: "none" }, size: 2 }
    )
    const again = pool.run.upper("a")
    const once = failure(pool.run.upper("b", { retry: "none" }))
    expect(await once).toBe(odd)
    await advance(15)
    expect(await again).toBe("A")
    expect(begun).toEqual(["0 a b", "15 a"])
  })

  it.each([
    ["too few", () => ["A"], "1 answers to 2 inputs"],
    ["too many", async () => ["A", "B", "C"], "3 answers to 2 inputs"],
    ["no array", () => "AB", "what is no array to 2 inputs"],
    ["nothing", async () => undefined, "what is no array to 2 inputs"]
  ])("that answers with %s fails all of them, and says so", async (_, batched, words) => {
    const { pool } = open(batched, { size: 2 })
    const errors = await Promise.all([failure(pool.run.upper("a")), failure(pool.run.upper("b"))])
    for (const error of errors) {
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain(words)
    }
  })

  it("is not given what was aborted, cancelled or has expired before the start", async () => {
    const { advance, begun, pool } = open(shout, { size: 4 })
    const controller = new AbortController()
    const aborted = failure(pool.run.upper("a", { signal: controller.signal }))
    const ticket = await pool.submit.upper("b")
    const expired = failure(pool.run.upper("c", { expiresIn: 5 }))
    const gone = new Error("gone")
    controller.abort(gone)
    expect(await aborted).toBe(gone)
    expect(ticket.cancel()).toBe("withdrawn")
    await advance(5)
    expect(await expired).toBeInstanceOf(RequestExpired)
    const calls = ["d", "e", "f", "g"].map((input) => pool.run.upper(input))
    expect(await Promise.all(calls)).toEqual(["D", "E", "F", "G"])
    expect(begun).toEqual(["5 d e f g"])
  })

  it("goes on for the others when one is aborted, and hears of it when all are", async () => {
    let signal: AbortSignal | undefined
    const { pool } = open(async (_, attempt) => {
      signal = attempt.signal
      await new Promise((resolve) => signal!.addEventListener("abort", resolve))
      throw signal.reason
    })
    const controllers = ["a", "b", "c"].map(() => new AbortController())
    const calls = controllers.map(({ signal }, at) => failure(pool.run.upper(`${at}`, { signal })))
    controllers[0]!.abort("first")
    controllers[2]!.abort("third")
    expect(await Promise.all([calls[0], calls[2]])).toEqual(["first", "third"])
    expect(signal!.aborted).toBe(false)
    expect(pool.snapshot()).toMatchObject({ running: 1, cancelled: 2, ending: 0 })
    controllers[1]!.abort("second")
    expect(signal!.aborted).toBe(true)
    expect(signal!.reason).toBe("second")
    expect(await calls[1]).toBe("second")
    await turn()
    expect(pool.snapshot()).toMatchObject({ running: 0, cancelled: 3, ending: 0, idle: 1 })
  })

  it("has the shortest of their times, and hears of its end", async () => {
    const reasons: Array<unknown> = []
    const { advance, pool } = open((_, { signal }) => {
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason)
          reject(signal.reason)
        })
      })
    })
    const a = failure(pool.run.upper("a", { timeout: 50 }))
    const b = pool.submit.upper("b", { timeout: 20, retry: { times: 1, base: 1000 } })
    const c = failure(pool.run.upper("c"))
    await advance(19)
    expect(reasons).toEqual([])
    await advance(1)
    expect(reasons).toEqual([expect.any(RequestTimeout)])
    expect(await a).toBeInstanceOf(RequestTimeout)
    expect(await c).toMatchObject({ timeoutMillis: 20 })
    const ticket = await b
    expect(ticket.status).toBe("delayed")
    ticket.cancel()
    expect(await failure(ticket.result)).toBeInstanceOf(RequestCancelled)
  })

  it("that has failed one of them is the cause of what that one ends with", async () => {
    const boom = new Error("boom")
    const { advance, begun, pool } = open(
      (inputs, { attempts, signal }) =>
        inputs.map((input, at) =>
          input === "b"
            ? input
            : attempts[at] === 1
              ? boom
              : new Promise((_, reject) => signal.addEventListener("abort", reject))
        ),
      { size: 2 }
    )
    const a = failure(pool.run.upper("a", { expiresIn: 100, retry: { times: 1, base: 40, jitter: "none" } }))
    expect(await pool.run.upper("b")).toBe("b")
    await advance(100)
    expect(begun).toEqual(["0 a b", "50 a"])
    expect(await a).toBeInstanceOf(RequestExpired)
    expect(await a).toMatchObject({ cause: boom })
  })

  it("is told of each of its requests", async () => {
    let told: unknown
    const { advance, pool } = open(
      (inputs, { attempts, ids }) => {
        told = { attempts, ids }
        return inputs.map((input) => (input === "a" && attempts[0] === 1 ? new Error("again") : input))
      },
      { retry: { times: 1, base: 5, jitter: "none" } }
    )
    const first = pool.run.upper("a", { id: "first" })
    await advance(10)
    expect(told).toEqual({ ids: ["first"], attempts: [1] })
    await advance(5)
    await Promise.all(["b", "c"].map((input) => pool.run.upper(input, { id: input })))
    expect(told).toEqual({ ids: ["first", "b", "c"], attempts: [2, 1, 1] })
    expect(await first).toBe("a")
  })

  it("may have some come back later, and as no attempt", async () => {
    const { advance, begun, pool } = open((inputs) =>
      inputs.map((input) =>
        input === "a" && begun.length === 1 ? new NotBefore(20, { at: "tag", countsAsAttempt: false }) : input
      )
    )
    const calls = ["a", "b", "c"].map((input) => pool.run.upper(input))
    expect(await Promise.all(calls.slice(1))).toEqual(["b", "c"])
    await advance(20)
    expect(await calls[0]).toBe("a")
    expect(begun).toEqual(["0 a b c", "20 a"])
  })

  it("may call its own pool: what it waits for has its slot", async () => {
    const { pool } = open(async (inputs) => {
      const words = await pool.run(() => inputs.join(""))
      return inputs.map(() => words)
    })
    expect(await Promise.all(["a", "b", "c"].map((input) => pool.run.upper(input)))).toEqual(["abc", "abc", "abc"])
  })

  it("takes those of one key, as its key says, and has a breaker of its own", async () => {
    const keyed = { key: (input: string) => input[0], within: 5 }
    const breaker = CircuitBreaker.make({
      tripPolicy: CircuitBreaker.consecutive(2),
      openDuration: 100,
      whenOpen: "fail"
    })
    const { advance, begun, pool } = open((inputs) => inputs.map(() => new Error("no")), { ...keyed, breaker })
    const calls = ["a1", "b1", "a2"].map((input) => failure(pool.run.upper(input)))
    await advance(5)
    expect(begun).toContain("5 a1 a2")
    await Promise.all(calls)
    expect(await failure(pool.run.upper("c1"))).toMatchObject({ code: "CIRCUIT_OPEN" })
  })

  it("is not waited for by a drain, and is given what is there", async () => {
    const { begun, pool } = open(shout, { within: "1 hour" })
    const calls = ["a", "b"].map((input) => pool.run.upper(input))
    const report = await pool.drain()
    expect(await Promise.all(calls)).toEqual(["A", "B"])
    expect(begun).toEqual(["0 a b"])
    expect(report.ends.succeeded).toBe(2)
  })

  it("takes one input for all who have joined, and tells its signal what the last of them sees", async () => {
    let signal: AbortSignal | undefined
    const { begun, pool } = open(
      (_, attempt) => {
        signal = attempt.signal
        return new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)))
      },
      { duplicate: "join" }
    )
    const controllers = Array.from({ length: 4 }, () => new AbortController())
    const [first, joined, b, c] = ["a", "a", "b", "c"].map((input, at) =>
      failure(pool.run.upper(input, { primaryKey: input, signal: controllers[at]!.signal }))
    )
    expect(begun).toEqual(["0 a b c"])
    for (const [at, controller] of controllers.entries()) if (at !== 1) controller.abort(`gone ${at}`)
    expect(await Promise.all([first, b, c])).toEqual(["gone 0", "gone 2", "gone 3"])
    expect(signal!.aborted).toBe(false)
    controllers[1]!.abort("gone 1")
    expect(await joined).toBe("gone 1")
    expect(signal!.reason).toBe("gone 1")
  })

  it("is mapped over as any handler", async () => {
    const { pool } = open(shout)
    const words: Array<string> = []
    for await (const word of pool.map.upper(["a", "b", "c"], { outstanding: 3 })) words.push(word)
    expect(words).toEqual(["A", "B", "C"])
  })

  it("whose answers throw when they are looked at fails all of them", async () => {
    const { proxy, revoke } = Proxy.revocable([] as Array<string>, {})
    const { pool } = open(() => proxy, { size: 2 })
    revoke()
    const errors = await Promise.all([failure(pool.run.upper("a")), failure(pool.run.upper("b"))])
    for (const error of errors) expect(error).toBeInstanceOf(TypeError)
  })

  it("that ignores its signal is stuck with all of them", async () => {
    const log = vi.fn()
    const { advance, pool } = open(() => new Promise(() => {}), { timeout: 10 }, { interruptGrace: 5, log })
    const calls = ["a", "b", "c"].map((input) => failure(pool.run.upper(input)))
    await advance(15)
    for (const call of calls) expect(await call).toBeInstanceOf(RequestTimeout)
    expect(pool.snapshot()).toMatchObject({ stuck: 1, running: 0, timedOut: 3 })
  })
})

describe("a pool refuses", () => {
  const batched = (inputs: Array<string>) => inputs
  it.each([
    [{ batched }, "handlers.upper.size"],
    [{ batched, size: 0 }, "handlers.upper.size"],
    [{ batched, size: Infinity }, "handlers.upper.size"],
    [{ batched, size: 1.5 }, "handlers.upper.size"],
    [{ batched, size: 3, within: -1 }, "handlers.upper.within"],
    [{ batched, size: 3, within: Infinity }, "handlers.upper.within"],
    [{ batched, size: 3, within: "soon" }, "handlers.upper.within"],
    [{ batched, size: 3, handler: batched }, "handlers.upper.handler"],
    [{ handler: batched, size: 3 }, "handlers.upper.size"],
    [{ batched: "no", size: 3 }, "handlers.upper"]
  ])("%j", (upper, field) => {
    const make = () => createPool({ handlers: { upper } as never })
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow(field)
  })
})

describe("a function on threads", () => {
  it("is told that batches are made before", () => {
    const module = new URL("./modules/functions.ts", import.meta.url)
    const make = () => createPool({ threads: { module, functions: { size: { size: 3 } } as never } })
    expect(make).toThrow("threads.functions.size.size")
    expect(make).toThrow(/`batched` function of another pool/)
  })

  it("takes a batch as one call of another pool's", async () => {
    type Module = typeof import("./modules/functions.ts")
    const threads = createPool<Module>({
      threads: { module: new URL("./modules/functions.ts", import.meta.url), max: 1 }
    })
    const pool = createPool({
      maxWorkers: 1,
      handlers: { length: { size: 3, batched: (words: Array<string>) => threads.run.lengths(words) } }
    })
    keep(threads)
    keep(pool)
    pool.pause()
    const calls = ["a", "bb", "ccc"].map((word) => pool.run.length(word))
    pool.resume()
    expectTypeOf(calls).toEqualTypeOf<Array<Promise<number>>>()
    expect(await Promise.all(calls)).toEqual([1, 2, 3])
    expect(threads.snapshot().handlers["lengths"]).toMatchObject({ succeeded: 1 })
  })
})

describe("its types", () => {
  it("are those of one input and one answer", () => {
    const pool = createPool({
      handlers: {
        length: {
          size: 10,
          timeout: "1 second",
          key: (word: string) => word,
          batched: async (words: ReadonlyArray<string>, { ids, signal }) => {
            expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
            return words.map((word, at) => (word === "" ? new Error(ids[at]) : word.length))
          }
        },
        settle: { size: 2, batched: (pages: Array<{ readonly path: string }>) => pages.map(async ({ path }) => path) },
        plain: (word: string) => word
      }
    })
    keep(pool)
    const unused = (body: () => unknown): void => void body
    unused(() => {
      expectTypeOf(pool.run.length("a")).toEqualTypeOf<Promise<number>>()
      expectTypeOf(pool.run.settle({ path: "a" })).toEqualTypeOf<Promise<string>>()
      expectTypeOf(pool.run.plain("a")).toEqualTypeOf<Promise<string>>()
      // @ts-expect-error an input of the wrong type
      pool.run.length(1)
      // @ts-expect-error the inputs of several calls
      pool.run.length(["a"])
      // @ts-expect-error it does not say how many at once
      createPool({ handlers: { length: { batched: (words: Array<string>) => words } } })
      // @ts-expect-error a function of one input
      createPool({ handlers: { length: { batched: (word: string) => [word], size: 2 } } })
      // @ts-expect-error no list of answers
      createPool({ handlers: { length: { batched: (words: Array<string>) => words.length, size: 2 } } })
      // @ts-expect-error an option that does not exist
      createPool({ handlers: { length: { batched: (words: Array<string>) => words, size: 2, withIn: 2 } } })
      const batched = (words: Array<string>) => words
      // @ts-expect-error a key of another input
      createPool({ handlers: { length: { batched, size: 2, key: (n: number) => `${n}` } } })
    })
  })
})
