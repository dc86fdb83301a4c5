/** What functions on threads say for themselves: `threads: { functions }`. */
import { describe, expect, expectTypeOf, it } from "vitest"
import {
  createPool,
  type LogLine,
  type Options,
  type PoliciesOf,
  RequestExpired,
  RequestTimeout
} from "../../src/promise/index.ts"
import { eventually, failure, keep } from "./support.ts"

type Module = typeof import("./modules/functions.ts")

const module = new URL("./modules/functions.ts", import.meta.url)

const open = (functions: PoliciesOf<Module>, options: Options = {}) => {
  const logged: Array<LogLine> = []
  const log = (line: LogLine) => void logged.push(line)
  const pool = createPool<Module>({ timeout: "none", log, ...options, threads: { module, max: 2, functions } })
  keep(pool)
  return Object.assign(pool, { logged })
}

/** All names of the module are known. */
const known = (pool: ReturnType<typeof open>) =>
  eventually(() => expect(pool.snapshot().handlers["size"]).toBeDefined())

describe("what a function says for itself", () => {
  it.each(["before", "once"] as const)(
    "holds for its calls, and for no other's, %s the module is known",
    async (when) => {
      const pool = open({ spin: { timeout: 100 }, later: { retry: { times: 2, base: 0 } }, size: { expiresIn: 1 } })
      if (when === "once") await known(pool)
      const endless = failure(pool.run.spin(Infinity))
      expect(await pool.run.later()).toBe(3)
      expect(await endless).toBeInstanceOf(RequestTimeout)
      expect(await endless).toMatchObject({ tag: "spin", timeoutMillis: 100 })
      expect(await failure(pool.run.fail("odd"))).toMatchObject({ name: "Odd" })
      pool.pause()
      const expired = failure(pool.run.size(new Uint8Array()))
      expect(await expired).toBeInstanceOf(RequestExpired)
      pool.resume()
    }
  )

  it("gives way to what the call says, and comes before what the pool says", async () => {
    const pool = open(
      { later: { retry: { times: 2, base: 0 } }, spin: { timeout: "none" } },
      { timeout: 60_000, retry: { times: 1, base: 0 } }
    )
    await known(pool)
    expect((await failure(pool.run.later(undefined, { retry: "none" }))).message).toBe("attempt 1")
    expect(await pool.run.later()).toBe(3)
    const others = open({ later: { priority: 1 } }, { retry: { times: 2, base: 0 } })
    expect(await others.run.later()).toBe(3)
    const spinning = await pool.submit.spin(0)
    expect(await spinning.result).toBe(0)
    expect(await failure(pool.run.spin(Infinity, { timeout: 50 }))).toMatchObject({ timeoutMillis: 50 })
  })

  it("says whose an input is, and what comes first", async () => {
    const pool = open({ add: { key: ({ a }) => (a === 0 ? undefined : `of ${a}`) }, size: { key: "one", priority: 3 } })
    pool.pause()
    await pool.submit.add({ a: 1, b: 2 })
    await pool.submit.add({ a: 0, b: 2 })
    await pool.submit.size(new Uint8Array())
    const views = pool.list().map(({ key, priority, tag }) => [tag, key, priority])
    expect(views.sort()).toEqual([
      ["add", "", 0],
      ["add", "of 1", 0],
      ["size", "one", 3]
    ])
    pool.resume()
  })

  it.each<[unknown, string]>([
    [1, "threads.functions"],
    [{ add: 1 }, "threads.functions.add"],
    [{ add: null }, "threads.functions.add"],
    [{ add: { timeuot: 1 } }, "threads.functions.add.timeuot"],
    [{ add: { handler: () => 1 } }, "threads.functions.add.handler"],
    [{ add: { timeout: "soon" } }, "threads.functions.add.timeout"],
    [{ add: { expiresIn: -1 } }, "threads.functions.add.expiresIn"],
    [{ add: { retry: { tmies: 1 } } }, "threads.functions.add.retry.tmies"],
    [{ add: { retry: { times: -1 } } }, "threads.functions.add.retry.times"],
    [{ add: {}, size: { priority: 11 } }, "threads.functions.size.priority"],
    [{ add: { key: 1 } }, "threads.functions.add.key"]
  ])("is checked at once: %j", (functions, field) => {
    const make = () => createPool({ threads: { module, functions } } as never)
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION", field }))
  })

  it("is warned of where there is no such function, once that is known", async () => {
    const functions: object = { add: { timeout: 1_000 }, here: {}, rotate: {}, version: {}, call: {} }
    const logged: Array<string> = []
    const pool = createPool<Module, { here: () => string }>({
      handlers: { here: () => "own" },
      log: ({ message }) => void logged.push(message),
      threads: { module, functions }
    })
    keep(pool)
    expect(await pool.run.here()).toBe("own")
    expect(logged).toEqual([])
    await eventually(() => expect(logged.join()).toMatch(/says of here, rotate, version, call holds for nothing/))
    expect(logged.filter((line) => line.includes("threads.functions"))).toHaveLength(1)
  })

  it("is none of anybody's warnings where all is well", async () => {
    const pool = open({ add: { timeout: 1_000 }, size: undefined })
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
    await known(pool)
    expect(pool.logged.filter(({ message }) => message.includes("threads.functions"))).toEqual([])
  })

  it("is of the functions of the module, and of their inputs, by its type", () => {
    const unused = (body: () => unknown): void => void body
    unused(() => {
      createPool<Module>({
        threads: {
          module,
          functions: {
            add: {
              retry: { times: 1 },
              key: (input) => {
                expectTypeOf(input).toEqualTypeOf<{ readonly a: number; readonly b: number }>()
                return "a"
              }
            }
          }
        }
      })
      // @ts-expect-error no such function
      createPool<Module>({ threads: { module, functions: { rotate: {} } } })
      // @ts-expect-error no function
      createPool<Module>({ threads: { module, functions: { version: {} } } })
      // @ts-expect-error no such option
      createPool<Module>({ threads: { module, functions: { add: { timeuot: 1 } } } })
      // @ts-expect-error an input of the wrong type
      createPool<Module>({ threads: { module, functions: { add: { key: (input: string) => input } } } })
    })
  })
})
