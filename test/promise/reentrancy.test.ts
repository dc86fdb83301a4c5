/** What tasks, predicates, getters and iterators of callers do to their own pool while it is calling them. */
import { describe, expect, it } from "vitest"
import { setTimeout as sleep } from "node:timers/promises"
import type { Options, Pool } from "../../src/promise/index.ts"
import { failure, open, turn } from "./support.ts"

const one = (options: Options = {}): Pool => open({ minWorkers: 1, maxWorkers: 1, log: () => {}, ...options })

const never = () => new Promise<never>(() => {})
const revoked = (): any => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe("a task", () => {
  it("catches the timeout of what it has asked for, whose slot is free later", async () => {
    const pool = one()
    const caught = pool.run(async () => (await failure(pool.run(() => sleep(40), { timeout: 10 }))).code)
    expect(await caught).toBe("REQUEST_TIMEOUT")
  })

  it("aborts its own call while that is made", async () => {
    const pool = one()
    await pool.run(() => 1)
    await turn()
    const controller = new AbortController()
    const task = () => {
      controller.abort("mine")
      return never()
    }
    expect(await failure(pool.run(task, { signal: controller.signal, timeout: "none" }))).toBe("mine")
  })

  it("that was told to stop in its first step has its grace, and not its timeout", async () => {
    const pool = one({ interruptGrace: 5, maxStuckWorkers: 1 })
    const controller = new AbortController()
    pool.pause()
    const task = () => {
      controller.abort("mine")
      return never()
    }
    const first = failure(pool.run(task, { signal: controller.signal, timeout: "none" }))
    const next = pool.run(() => "next")
    pool.resume()
    expect([await first, await next]).toEqual(["mine", "next"])
  })

  it("that gives a function with a `then` has ended when that has", async () => {
    const thenable: any = () => {}
    // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
    thenable.then = (_: unknown, reject: (error: unknown) => void) => setImmediate(reject, new Error("late"))
    const ticket = await one().submit(() => thenable)
    expect((await ticket.outcome).end).toBe("failed")
  })

  it("that begins the drain of its pool has it closed, though it must not wait for it", async () => {
    const pool = one()
    const metrics = one({ name: "closed from within" })
    expect((await metrics.run(() => failure(metrics.drain()))).code).toBe("NESTED_WAIT_REFUSED")
    expect((await metrics.drain()).forced).toBe(false)
    expect(await pool.run(() => "another")).toBe("another")
  })
})

describe("who is asked whether there is another attempt", () => {
  it("may give the call up, after a failure", async () => {
    const controller = new AbortController()
    const failures = () => {
      controller.abort("mine")
      return true
    }
    const call = one().run(async () => Promise.reject(new Error("no")), {
      signal: controller.signal,
      retry: { times: 2, base: 5, failures }
    })
    expect(await failure(call)).toBe("mine")
  })

  it.each([0, 20_000])("and after a timeout, and wants %i ms", async (delayMillis) => {
    const pool = one()
    const controller = new AbortController()
    const delay = () => {
      controller.abort("mine")
      return delayMillis
    }
    const ticket = await pool.submit(({ signal }) => sleep(60_000, undefined, { signal }), {
      signal: controller.signal,
      timeout: 5,
      expiresIn: 5_000,
      retry: { times: 2, delay }
    })
    expect(await failure(ticket.result)).toBe("mine")
    await pool.idle()
    expect(await ticket.outcome).toMatchObject({ end: "cancelled", error: "mine" })
    expect((await pool.drain()).forced).toBe(false)
  })
})

describe("options and inputs", () => {
  it("that throw when they are read are a mistake of the call", async () => {
    const pool = one()
    const getter = {
      get signal(): never {
        throw new Error("of a getter")
      }
    }
    for (const call of [
      () => pool.run(revoked()),
      () => pool.run(() => 1, getter),
      () => pool.run(() => 1, revoked())
    ]) {
      expect((await failure(call())).code).toBe("INVALID_OPTION")
    }
    expect(pool.snapshot().offered).toBe(0)
  })

  it("that are all refused leave the host its turns", async () => {
    let isOver = false
    setImmediate(() => (isOver = true))
    const inputs = (function* () {
      for (;;) yield 1
    })()
    for await (const { end } of one().map(inputs, () => 1, { outcomes: true, signal: AbortSignal.abort() })) {
      expect(end).toBe("refused")
      if (isOver) break
    }
  })

  it("may be a text, and what ends badly after a failure does not hide it", async () => {
    const read: Array<string> = []
    for await (const letter of one().map("abc", (letter) => letter)) read.push(letter)
    expect(read).toEqual(["a", "b", "c"])
    const inputs: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: () => {
          throw new Error("of the iterator")
        }
      })
    }
    const results = one().map(inputs, () => Promise.reject(new Error("of the task")))
    expect((await failure(results.next())).message).toBe("of the task")
  })
})
