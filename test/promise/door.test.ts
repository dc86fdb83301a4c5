/** Calls of a pool of promises: what comes of them, what is thrown, and what their tasks are told. */
import { describe, expect, it } from "vitest"
import { AsyncLocalStorage } from "node:async_hooks"
import { getEventListeners } from "node:events"
import {
  type Attempt,
  createPool,
  InvalidOption,
  NestedWaitRefused,
  type Pool,
  PoolDraining,
  PoolError,
  QueueFull,
  RequestCancelled,
  RequestEvicted,
  RequestExpired,
  RequestInterrupted,
  RequestTimeout
} from "../../src/promise/index.ts"
import { eventually, failure, gate, keep, open, turn } from "./support.ts"

describe("run", () => {
  it("gives what the task gives, be it a value or a promise", async () => {
    const pool = open()
    expect(await pool.run(() => 1)).toBe(1)
    expect(await pool.run(async () => "two")).toBe("two")
    expect(await pool.run(() => thenable(3))).toBe(3)
    const { attempts, succeeded } = pool.snapshot()
    expect({ attempts, succeeded }).toEqual({ attempts: 3, succeeded: 3 })
  })

  it("waits for a promise as such, whatever `then` it was given", async () => {
    const pool = open()
    const given = Promise.resolve("its own")
    // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
    const call = pool.run(() => Object.assign(given, { then: () => undefined }))
    expect(await call).toBe("its own")
  })

  it("waits for a promise of another class by its own `then`: one that is lazy does nothing before", async () => {
    class Lazy extends Promise<string> {
      static override get [Symbol.species]() {
        return Promise
      }
      // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
      override then(...on: Parameters<Promise<string>["then"]>): any {
        return Promise.resolve("done now").then(...on)
      }
    }
    const pool = open()
    expect(await pool.run(() => new Lazy(() => {}))).toBe("done now")
  })

  it("tells the task which request and attempt it is", async () => {
    const pool = open({ idPrefix: "r" })
    const told: Array<unknown> = []
    const call = pool.run(
      async ({ attempt, id }) => {
        told.push([id, attempt])
        if (attempt < 3) throw new Error("again")
        return "third"
      },
      { retry: { times: 2, base: 0 } }
    )
    expect(await call).toBe("third")
    expect(await pool.run(({ id }) => id, { id: "mine" })).toBe("mine")
    expect(told).toEqual([
      ["r1", 1],
      ["r1", 2],
      ["r1", 3]
    ])
  })

  it("does not begin what is aborted while its request is made", async () => {
    const gone = new AbortController()
    const key = () => {
      gone.abort("gone")
      return "somebody"
    }
    const pool = open({ key })
    expect(await failure(pool.run(() => new Promise(() => {}), { signal: gone.signal }))).toBe("gone")
    expect(pool.snapshot()).toMatchObject({ offered: 0, running: 0 })
  })

  it("rethrows the task's own error as it is", async () => {
    const pool = open()
    const error = new TypeError("mine")
    expect(await failure(pool.run(() => Promise.reject(error)))).toBe(error)
    expect(
      await failure(
        pool.run(() => {
          throw error
        })
      )
    ).toBe(error)
    expect(await failure(pool.run(() => Promise.reject("a text")))).toBe("a text")
    expect(await failure(pool.run(() => Promise.reject(undefined)))).toBe(undefined)
    const { defects, failed } = pool.snapshot()
    expect({ defects, failed }).toEqual({ defects: 0, failed: 4 })
  })

  it("retries only what its predicate says", async () => {
    const pool = open({ retry: { times: 5, base: 0, failures: (error) => error instanceof RangeError } })
    let runs = 0
    await failure(pool.run(() => Promise.reject(++runs < 3 ? new RangeError("yes") : new TypeError("no"))))
    expect(runs).toBe(3)
  })

  it("asks for the delay with the error that a caller would see", async () => {
    const seen: Array<unknown> = []
    const delay = (error: unknown, attempt: number) => {
      seen.push([error instanceof RequestTimeout, attempt])
      return 0
    }
    const pool = open({ timeout: 5 })
    const call = pool.run(({ attempt, signal }) => (attempt === 1 ? aborted(signal) : attempt), {
      retry: { times: 1, delay }
    })
    expect([await call, seen]).toEqual([2, [[true, 1]]])
  })

  it("lets handlers be named as functions are, and types their inputs", async () => {
    const pool = createPool({
      handlers: {
        double: (n: number) => 2 * n,
        name: async ({ first }: { first: string }, { attempt }) => `${first} ${attempt}`,
        none: async () => "nothing",
        slow: { handler: (_: undefined, { signal }) => aborted(signal), timeout: 5 }
      }
    })
    keep(pool)
    const doubled: number = await pool.run.double(21)
    expect(doubled).toBe(42)
    expect(await pool.run.name({ first: "Ada" })).toBe("Ada 1")
    expect(await pool.run.none()).toBe("nothing")
    expect(await failure(pool.run.slow())).toMatchObject({
      code: "REQUEST_TIMEOUT",
      tag: "slow",
      timeoutMillis: 5
    })
    expect(Object.keys(pool.snapshot().handlers)).toEqual(["double", "name", "none", "slow"])
  })
})

/** No promise of the host's. */
const thenable = (value: number) => {
  // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
  const own = { then: (resolve: (value: number) => void) => resolve(value) }
  return own as unknown as PromiseLike<number>
}

/** Ends when it is told to. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }))

describe("an end that the pool has made", () => {
  it("timeout: the signal is aborted with what the caller sees, and the place is free when the task has ended", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 1, timeout: 5 })
    const held = gate()
    let reason: unknown
    const order: Array<string> = []
    const first = failure(
      pool.run(async ({ signal }) => {
        signal.addEventListener("abort", () => (reason = signal.reason))
        await held.promise
        order.push("the first has ended")
      })
    )
    const second = pool.run(() => order.push("the second began"))
    const error = await first
    expect(error).toBeInstanceOf(RequestTimeout)
    expect(error).toMatchObject({ name: "RequestTimeout", code: "REQUEST_TIMEOUT", attempt: 1, timeoutMillis: 5 })
    expect(reason).toBeInstanceOf(RequestTimeout)
    expect(pool.snapshot()).toMatchObject({ timedOut: 1, ending: 1, waiting: 1 })
    held.resolve()
    await second
    expect(order).toEqual(["the first has ended", "the second began"])
  })

  it("a task that ignores its signal never has a replacement beside it, though its workers are ended", async () => {
    const pool = open({ minWorkers: 2, maxWorkers: 2, timeout: 1, interruptGrace: 1 })
    const held = gate()
    let atOnce = 0
    let most = 0
    const calls = Array.from({ length: 8 }, () =>
      pool.run(async () => {
        most = Math.max(most, ++atOnce)
        await held.promise
        atOnce--
      })
    )
    const first = await Promise.all(calls.slice(0, 2).map(failure))
    expect(first).toMatchObject([{ code: "REQUEST_TIMEOUT" }, { code: "REQUEST_TIMEOUT" }])
    await eventually(() => expect(pool.snapshot().stuck).toBe(2))
    expect(pool.snapshot()).toMatchObject({ stuck: 2, waiting: 6, workers: 2 })
    held.resolve()
    await pool.idle()
    await Promise.allSettled(calls)
    expect(most).toBe(2)
  })

  it("carries what the attempt before it has failed with as its cause", async () => {
    const pool = open({ timeout: 5 })
    const cause = new Error("the first attempt")
    const task = ({ attempt, signal }: Attempt) => (attempt === 1 ? Promise.reject(cause) : aborted(signal))
    const error = await failure(pool.run(task, { retry: { times: 1, base: 0 } }))
    expect(error).toMatchObject({ code: "REQUEST_TIMEOUT", attempt: 2 })
    expect(error.cause).toBe(cause)
  })

  it("full, evicted, expired, cancelled, draining, interrupted", async () => {
    const dropping = open({ maxWorkers: 1, capacity: 1, strategy: "dropping" })
    const held = gate()
    const begun = gate()
    const running = dropping.run(() => (begun.resolve(), held.promise))
    await begun.promise
    const waiting = dropping.run(() => 2)
    expect(await failure(dropping.run(() => 3))).toBeInstanceOf(QueueFull)
    const asked = gate()
    const ticket = await open({ name: "tickets" }).submit(({ signal }) => (asked.resolve(), aborted(signal)))
    await asked.promise
    expect(ticket.cancel("why")).toBe("interrupting")
    const cancelled = await failure(ticket.result)
    expect(cancelled).toBeInstanceOf(RequestCancelled)
    expect(cancelled).toMatchObject({ code: "REQUEST_CANCELLED", cause: "why" })
    held.resolve()
    await Promise.all([running, waiting])

    const sliding = open({ maxWorkers: 1, capacity: 1, strategy: "sliding" })
    const runs = gate()
    const slow = failure(sliding.run(({ signal }) => (runs.resolve(), aborted(signal))))
    await runs.promise
    const evicted = failure(sliding.run(() => 2))
    const expired = failure(sliding.run(() => 3, { expiresIn: 1 }))
    expect(await evicted).toBeInstanceOf(RequestEvicted)
    expect(await expired).toMatchObject({ code: "REQUEST_EXPIRED", phase: "waiting" })
    expect(await expired).toBeInstanceOf(RequestExpired)
    const report = await sliding.drain({ deadline: 0 })
    expect(report.interruptedCount).toBe(1)
    expect(await slow).toBeInstanceOf(RequestInterrupted)
    const late = await failure(sliding.run(() => 4))
    expect(late).toBeInstanceOf(PoolDraining)
    expect(late).toBeInstanceOf(PoolError)
    expect(late).toBeInstanceOf(Error)
  })

  it("has a stack that begins at the caller: where it was refused, and where it is awaited", async () => {
    const pool = open({ timeout: 1 })
    const awaits = async () => await pool.run(({ signal }) => aborted(signal))
    const late = await failure(awaits())
    expect(late.stack.split("\n")[1]).toMatch(/at (async )?awaits .*door\.test/)
    const all = await failure(Promise.all([awaits(), 1]))
    expect(all.stack).toMatch(/at (async )?awaits/)
    await pool.drain()
    const refused = () => pool.run(() => 1)
    expect((await failure(refused())).stack.split("\n")[1]).toMatch(/at refused .*door\.test/)
  })
})

describe("the caller's signal", () => {
  it("cancels what waits and what runs, with its reason", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 1 })
    const controller = new AbortController()
    let told: unknown
    const running = failure(
      pool.run(
        async ({ signal }) => {
          signal.addEventListener("abort", () => (told = signal.reason))
          await aborted(signal)
        },
        { signal: controller.signal }
      )
    )
    let began = false
    const waiting = failure(pool.run(() => void (began = true), { signal: controller.signal }))
    await turn()
    const reason = new Error("gone")
    controller.abort(reason)
    expect([await running, await waiting, told]).toEqual([reason, reason, reason])
    expect(await failure(pool.run(() => 1, { signal: controller.signal }))).toBe(reason)
    expect(began).toBe(false)
    expect(pool.snapshot()).toMatchObject({ cancelled: 2, offered: 2 })
  })

  it("that 100,000 requests share has one listener, and none in the end", async () => {
    const pool = open({ minWorkers: 4, maxWorkers: 4, capacity: "unbounded" })
    const warnings: Array<unknown> = []
    const onWarning = (warning: unknown) => warnings.push(warning)
    process.on("warning", onWarning)
    const { signal } = new AbortController()
    const calls = Array.from({ length: 100_000 }, (_, n) => pool.run(() => n, { signal }))
    expect(getEventListeners(signal, "abort")).toHaveLength(1)
    expect((await Promise.all(calls)).at(-1)).toBe(99_999)
    expect(getEventListeners(signal, "abort")).toHaveLength(0)
    await turn()
    process.off("warning", onWarning)
    expect(warnings).toEqual([])
  })

  it("when it is aborted starts none of those that wait", async () => {
    const pool = open({ minWorkers: 2, maxWorkers: 2 })
    const controller = new AbortController()
    let began = 0
    const calls = Array.from({ length: 20 }, () =>
      failure(
        pool.run(
          ({ signal }) => {
            began++
            return aborted(signal)
          },
          { signal: controller.signal }
        )
      )
    )
    await turn()
    controller.abort("all")
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["all"]))
    expect(began).toBe(2)
  })

  it("is not aborted when the attempt ends by itself, and is when it is asked for too late", async () => {
    const pool = open({ timeout: 1 })
    let signal!: AbortSignal
    await pool.run((attempt) => void (signal = attempt.signal))
    await turn()
    expect(signal.aborted).toBe(false)
    const held = gate()
    const seen = gate()
    let late: boolean | undefined
    const call = failure(
      pool.run(async (attempt) => {
        await held.promise
        late = attempt.signal.aborted
        seen.resolve()
      })
    )
    await call
    held.resolve()
    await seen.promise
    expect(late).toBe(true)
  })
})

describe("within a task", () => {
  it("a request of the same pool is waited for on the only worker, at any depth; one that goes on for ever is refused", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 1, timeout: "none" })
    const down = async (n: number): Promise<number> => (n === 0 ? 0 : 1 + (await pool.run(() => down(n - 1))))
    expect(await pool.run(() => down(20))).toBe(20)
    // Handed on as it is: nobody but the pool waits for it.
    const pass = (n: number): number | Promise<number> => (n === 0 ? 7 : pool.run(() => pass(n - 1)))
    expect(await pool.run(() => pass(20))).toBe(7)
    const forever = (): Promise<unknown> => pool.run(forever)
    expect(await failure(forever())).toBeInstanceOf(NestedWaitRefused)
    expect(pool.snapshot()).toMatchObject({ lent: 0, waiting: 0, running: 0 })
  })

  it("what nobody waits for lends nothing", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 1 })
    let atOnce = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++atOnce)
      await turn()
      atOnce--
    }
    const left: Array<Promise<unknown>> = []
    await pool.run(async () => {
      left.push(pool.run(work))
      await work()
    })
    await Promise.all(left)
    expect(most).toBe(1)
  })

  it("what it waits for is given up with its attempt, and nothing more begins after that", async () => {
    const pool = open({ minWorkers: 2, maxWorkers: 2, timeout: 5 })
    const seen: Array<unknown> = []
    const done = gate()
    const call = pool.run(async () => {
      await pool.run(({ signal }) => aborted(signal), { timeout: "none" }).catch((error) => seen.push(error.code))
      await pool.run(() => seen.push("began")).catch((error) => seen.push(error.code))
      done.resolve()
    })
    expect(await failure(call)).toMatchObject({ code: "REQUEST_TIMEOUT" })
    await done.promise
    expect(seen).toEqual(["REQUEST_CANCELLED", "REQUEST_TIMEOUT"])
  })

  it("waiting for its own end, by its ticket, idle or drain, is refused", async () => {
    const pool = open()
    const codes: Array<unknown> = []
    const ticket: { result: Promise<unknown> } = await pool.submit(async () => {
      await turn()
      for (const wait of [() => ticket.result, () => pool.idle(), () => pool.drain()]) {
        codes.push(await failure(wait()).then((error) => error.code))
      }
    })
    await ticket.result
    expect(codes).toEqual(["NESTED_WAIT_REFUSED", "NESTED_WAIT_REFUSED", "NESTED_WAIT_REFUSED"])
  })
})

describe("async context", () => {
  it("each task finds that of its call, in each attempt, and its abort listeners too", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 1, timeout: 5, retry: { times: 1, base: 0 } })
    const store = new AsyncLocalStorage<string>()
    const found: Array<unknown> = []
    const ask = (name: string) =>
      store.run(name, () =>
        failure(
          pool.run(async ({ attempt, signal }) => {
            found.push([store.getStore(), attempt])
            signal.addEventListener("abort", () => found.push([store.getStore(), "abort"]))
            await turn()
            found.push([store.getStore(), attempt])
            await aborted(signal)
          })
        )
      )
    await Promise.all([ask("a"), ask("b")])
    const expected = ["a", "b"].flatMap((name) => [1, 1, "abort", 2, 2, "abort"].map((what) => [name, what]))
    const sorted = (pairs: ReadonlyArray<unknown>) => pairs.map(String).toSorted()
    expect(sorted(found)).toEqual(sorted(expected))
  })

  it("what one task was called in is not what the next one of its worker finds", async () => {
    const pool = open({ minWorkers: 1, maxWorkers: 1 })
    const store = new AsyncLocalStorage<string>()
    const held = gate()
    const first = store.run("a", () => pool.run(() => held.promise))
    const second = pool.run(() => store.getStore())
    held.resolve()
    await first
    expect(await second).toBe(undefined)
  })
})

describe("a mistake", () => {
  it.each<[string, (pool: Pool) => Promise<unknown>, string]>([
    [
      "a promise in place of a task",
      (pool) => pool.run(Promise.resolve(1) as never),
      "Expected `task` to be a function, such as `() => fetch(url)`, got a promise, which has begun already"
    ],
    [
      "an option that is none",
      (pool) => pool.run(() => 1, { timeOut: 5 } as never),
      "Expected `timeOut` to be an option of a call (timeout, expiresIn, retry, priority, key, duplicate, debounce, debounceAtMost, id, signal, primaryKey, group, delay, startAt), got a name that is not known"
    ],
    [
      "a timeout below zero",
      (pool) => pool.run(() => 1, { timeout: -1 }),
      "Expected `timeout` to be a finite duration above zero, got -1"
    ],
    [
      "an index of an array",
      (pool) => Promise.all([() => 1].map(pool.run as never)),
      "Expected `options` to be an object, got 0"
    ],
    [
      "a signal that is none",
      (pool) => pool.run(() => 1, { signal: {} as never }),
      "Expected `signal` to be an AbortSignal, got {}"
    ],
    [
      "a retry without times",
      (pool) => pool.run(() => 1, { retry: { retries: 3 } as never }),
      "Expected `retry.retries` to be an option of `retry` (times, base, factor, cap, jitter, delay, failures, timeouts), got a name that is not known"
    ]
  ])("%s is told by its name", async (_, call, message) => {
    const error = await failure(call(open()))
    expect(error).toBeInstanceOf(InvalidOption)
    expect(error.message).toBe(message)
  })

  it("of the pool's own options is thrown where it is made", () => {
    expect(() => createPool({ concurrency: 8 } as never)).toThrow(/Expected `concurrency` to be an option of a pool/)
    expect(() => createPool({ maxWorkers: 0 })).toThrow(/`maxWorkers` to be a whole number, at least 1, got 0/)
    expect(() => createPool({ handlers: { resize: 5 as never } })).toThrow(/`handlers.resize` to be a function/)
    expect(() => createPool({ retry: { times: -1 } })).toThrow(InvalidOption)
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is refused
    expect(() => createPool({ handlers: { then: () => 1 } })).toThrow(/`handlers.then` to be of another name/)
    const handlers = { resize: { handler: (path: string) => path, timeOut: 1 } } as {}
    expect(() => createPool({ handlers })).toThrow(
      "Expected `handlers.resize.timeOut` to be an option of a handler (handler, breaker, timeout, expiresIn, retry, priority, key, duplicate, debounce, debounceAtMost)"
    )
  })
})
