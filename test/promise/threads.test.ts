/** Functions on threads, and in processes, through the door of promises. */
import { Effect, Metric } from "effect"
import { AsyncLocalStorage } from "node:async_hooks"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, expectTypeOf, it, vi } from "vitest"
import {
  createPool,
  InvalidOption,
  type LogLine,
  move,
  type Options,
  type Pool,
  RequestCancelled,
  RequestTimeout,
  ThreadCrashed,
  type ThreadsOptions,
  type Ticket
} from "../../src/promise/index.ts"
import { eventually, failure, keep } from "./support.ts"

type Module = typeof import("./modules/functions.ts")

const here = (name: string) => new URL(`./modules/${name}.ts`, import.meta.url)
const module = here("functions")

const open = (threads: Partial<ThreadsOptions> = {}, options: Options = {}) => {
  const logged: Array<LogLine> = []
  const pool = createPool<Module>({
    timeout: "none",
    log: (line) => logged.push(line),
    ...options,
    threads: { module, max: 2, ...threads } as ThreadsOptions
  })
  keep(pool)
  return Object.assign(pool, { logged })
}

/** A module that is there as its text alone. */
const ofText = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`)

/** Until so many attempts run. */
const running = (pool: Pool<any>, count: number) => eventually(() => expect(pool.snapshot().running).toBe(count))

describe.each(["thread", "process"] as const)("functions of a module, each attempt on a %s", (isolation) => {
  it("give their values, to run, submit and map", async () => {
    const pool = open({ isolation })
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
    const ticket = await pool.submit.add({ a: 3, b: 4 }, { id: "mine" })
    expect([ticket.id, ticket.tag, await ticket.result]).toEqual(["mine", "add", 7])
    const sums: Array<number> = []
    for await (const sum of pool.map.add([1, 2, 3].map((a) => ({ a, b: 1 })))) sums.push(sum)
    expect(sums).toEqual([2, 3, 4])
    expect(pool.snapshot().handlers["add"]).toMatchObject({ offered: 5, succeeded: 5 })
  })

  it("run elsewhere, and hear which request and attempt they are", async () => {
    const pool = open({ isolation })
    expect(await pool.run.where()).not.toBe(`${process.pid} 0`)
    const one = open({ isolation, max: 1, spare: 0 })
    expect(await pool.run.told({}, { id: "mine" })).toEqual({ attempt: 1, id: "mine", aborted: false })
    expect(await pool.run.later(undefined, { retry: { times: 2, base: 0 } })).toBe(3)
    expect(await one.run.busy()).toBe(1)
  })

  it("have the variables that are set, and no text for those that are not", async () => {
    const module = ofText("export const variable = (name) => process.env[name]")
    const pool = open({ isolation, module, env: { ...process.env, SET: "a", UNSET: undefined } })
    const run = pool.run as any
    expect([await run.variable("SET"), await run.variable("UNSET")]).toEqual(["a", undefined])
  })

  it("hurt nobody by what they send that is no answer", async () => {
    const module = ofText(
      `import { parentPort } from "node:worker_threads"
       export const send = (value) => void (parentPort === null ? process.send(value) : parentPort.postMessage(value))`
    )
    const pool = open({ isolation, module })
    for (const sent of [null, "a text", { a: 1 }, [], ["1", "forged"]]) {
      expect(await (pool.run as any).send(sent)).toBe(undefined)
    }
    expect(pool.logged).toEqual([])
  })

  it("are given up while they wait for a thread that may never be ready", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "worker-pool-")), "started")
    // The first one fails, so that calls are let in to be told so; the next one takes for ever.
    const module = ofText(
      `import { existsSync, writeFileSync } from "node:fs"
       if (existsSync("${file}")) await new Promise(() => setInterval(() => {}, 1_000))
       writeFileSync("${file}", "")
       throw new Error("not yet")`
    )
    const pool = open({ isolation, module, min: 1, max: 1, spare: 0 })
    expect(await failure((pool.run as any).any(1, { timeout: 100 }))).toBeInstanceOf(RequestTimeout)
    await eventually(() => expect(pool.snapshot().limits["threads"]).toMatchObject({ started: 1, running: 0 }))
    rmSync(dirname(file), { recursive: true })
  })

  it("throw errors that keep name, message, stack, cause and their own properties", async () => {
    const pool = open({ isolation })
    const odd = await failure(pool.run.fail("odd"))
    expect(odd).toBeInstanceOf(Error)
    expect(odd).toMatchObject({ name: "Odd", message: "odd", code: "ODD", details: { parity: 1 } })
    expect(Object.keys(odd).sort()).toEqual(["code", "details"])
    expect(odd.stack).toContain("modules/functions.ts")
    const type = await failure(pool.run.fail("type"))
    expect(type).toBeInstanceOf(TypeError)
    expect(type.cause).toMatchObject({ name: "Odd", code: "ODD" })
    expect(await failure(pool.run.fail("several"))).toMatchObject({ message: "both", errors: [{ code: "ODD" }, "two"] })
    expect(await failure(pool.run.fail("text"))).toBe("a text")
    const held = await failure(pool.run.fail("held"))
    expect([held.name, held.message, Object.keys(held)]).toEqual(["Odd", "held", []])
    expect((await failure(pool.run.uncloneable())).message).toContain("could not be cloned")
    expect(await failure(pool.run.add((() => 1) as never))).toBeInstanceOf(Error)
    expect(await pool.run.add({ a: 1, b: 1 })).toBe(2)
  })

  it("are retried when they fail, or their thread crashes, on another thread", async () => {
    const pool = open({ isolation }, { retry: { times: 1, base: 0 } })
    const ticket = await pool.submit.exit(3)
    const crash = await failure(ticket.result)
    expect(crash).toBeInstanceOf(ThreadCrashed)
    expect(crash).toMatchObject({ code: "THREAD_CRASHED", tag: "exit", reason: "exit" })
    expect(crash.detail).toContain("code 3")
    expect(ticket.attempts).toBe(2)
    const crashes = () => pool.logged.filter(({ message }) => message.includes("has crashed"))
    await eventually(() => expect(crashes()).toHaveLength(2))
  })

  it("that spin are killed at their timeout, and hurt no neighbour", async () => {
    const pool = open({ isolation }, { minWorkers: 2 })
    await pool.run.add({ a: 0, b: 0 })
    const neighbour = pool.run.spin(800)
    const endless = await failure(pool.run.spin(Infinity, { timeout: 200 }))
    expect(endless).toBeInstanceOf(RequestTimeout)
    expect(await neighbour).toBe(800)
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
    await pool.idle()
    expect(pool.snapshot()).toMatchObject({ timedOut: 1, stuck: 0 })
  })

  it("are killed at once where that is wanted, and are not stuck for that", async () => {
    const pool = open({ isolation, max: 1, spare: 0, killAfter: 0 })
    const changes: Array<unknown> = []
    pool.on("ThreadChanged", ({ change }) => changes.push(change))
    for (let call = 0; call < 3; call++) {
      expect(await failure(pool.run.spin(Infinity, { timeout: 20 }))).toBeInstanceOf(RequestTimeout)
    }
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
    await pool.drain()
    expect(changes.filter((change) => change === "killed")).toHaveLength(3)
    expect(changes).not.toContain("stuck")
    expect(pool.logged).toEqual([])
  })

  it("that listen to their signal end softly, and keep their thread", async () => {
    const pool = open({ isolation, spare: 0, max: 1, answerWithin: 20_000, killAfter: 40_000 })
    const before = await pool.run.where()
    expect(await failure(pool.run.listen(undefined, { timeout: 20 }))).toBeInstanceOf(RequestTimeout)
    expect(await pool.run.where()).toBe(before)
  })

  it("are told why they are to end: what their caller sees, as far as that crosses", async () => {
    const pool = open({ isolation, spare: 0, max: 1, answerWithin: 20_000, killAfter: 40_000 })
    const late = await failure(pool.run.note(undefined, { timeout: 20 }))
    const { message, name } = late as RequestTimeout
    expect(name).toBe("RequestTimeout")
    const told = { name, message, code: "REQUEST_TIMEOUT", tag: "note", attempt: 1, timeoutMillis: 20 }
    expect(await pool.run.noted()).toEqual({ ...told, cause: undefined, isOfDom: false })
    const ticket = await pool.submit.note()
    await running(pool, 1)
    ticket.cancel(new TypeError("not now"))
    await failure(ticket.result)
    expect(await pool.run.noted()).toMatchObject({ code: "REQUEST_CANCELLED", cause: { message: "not now" } })
    const odd = new Error("held", { cause: "why" })
    const hostile = new Proxy({}, { getPrototypeOf: () => { throw new Error("hands off") } }) // prettier-ignore
    const abortError = { name: "AbortError", message: "This operation was aborted", isOfDom: true }
    for (const [reason, seen] of [
      ["enough", "enough"],
      [{ at: [1] }, { at: [1] }],
      [undefined, abortError],
      [new DOMException("too late", "TimeoutError"), { name: "TimeoutError", message: "too late", isOfDom: true }],
      [Object.assign(odd, { method: { of: () => 1 } }), { name: "Error", message: "held", isOfDom: false }],
      [{ method: () => 1 }, abortError],
      [hostile, abortError]
    ]) {
      const controller = new AbortController()
      const call = failure(pool.run.note(undefined, { signal: controller.signal }))
      await running(pool, 1)
      controller.abort(reason)
      expect(Object.is(await call, controller.signal.reason)).toBe(true)
      const noted = await pool.run.noted()
      if (typeof seen === "string") expect(noted).toBe(seen)
      else expect(noted).toMatchObject(seen!)
    }
    expect(pool.snapshot().limits["threads"]?.threads?.total).toMatchObject({ started: 1 })
  })

  it("that hear and go on are killed, and their slot is held until then", async () => {
    const pool = open({ isolation, spare: 0, max: 1, answerWithin: 2_000, killAfter: 2_100 })
    const before = await pool.run.where()
    expect(await failure(pool.run.ignore(undefined, { timeout: 50 }))).toBeInstanceOf(RequestTimeout)
    expect(pool.snapshot()).toMatchObject({ ending: 1 })
    expect(await pool.run.where()).not.toBe(before)
  })

  it("are given up by a signal or a ticket, running or not", async () => {
    const pool = open({ isolation, max: 1, spare: 0 })
    await pool.run.where()
    const controller = new AbortController()
    const run = failure(pool.run.spin(Infinity, { signal: controller.signal }))
    const ticket: Ticket<number> = await pool.submit.add({ a: 1, b: 1 })
    await running(pool, 1)
    expect(ticket.cancel("enough")).toBe("withdrawn")
    expect(await failure(ticket.result)).toBeInstanceOf(RequestCancelled)
    controller.abort("stop")
    expect(await run).toBe("stop")
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
  })

  it("end with a drain: what runs past its deadline is interrupted, and all threads are gone", async () => {
    const pool = open({ isolation })
    await pool.run.where()
    const endless = failure(pool.run.spin(Infinity))
    const waits = failure(pool.run.listen(undefined))
    const report = await pool.drain({ deadline: 200 })
    expect(report).toMatchObject({ forced: true, interruptedCount: 2, stuckCount: 0 })
    expect([(await endless).code, (await waits).code]).toEqual(["REQUEST_INTERRUPTED", "REQUEST_INTERRUPTED"])
    expect((await failure(pool.run.add({ a: 1, b: 1 }))).code).toBe("POOL_DRAINING")
    // What the host has of a process lasts for a turn more.
    const left = () => process.getActiveResourcesInfo().filter((kind) => /MessagePort|ProcessWrap|Worker/.test(kind))
    await eventually(() => expect(left()).toEqual([]))
  })
})

describe("before its first thread is ready a pool", () => {
  it("lets calls wait in the queue, at the gate of the threads, and charges no timeout for it", async () => {
    // It takes longer to start than an attempt may.
    const text = "await new Promise((resume) => setTimeout(resume, 1_500)); export const add = ({ a, b }) => a + b"
    const slow = `data:text/javascript,${encodeURIComponent(text)}`
    const pool = open({ name: "images", module: slow }, { timeout: 1_000 })
    const call = pool.run.add({ a: 1, b: 2 })
    expect(pool.snapshot()).toMatchObject({ waiting: 1, running: 0, heldBack: 1 })
    expect(pool.snapshot().limits["images"]).toMatchObject({ concurrency: 0, heldBack: 1 })
    expect(await call).toBe(3)
    expect(pool.snapshot().limits["images"]).toMatchObject({ heldBack: 0, started: 1 })
  })

  it("believes in any name, and fails the attempts of those that are not there", async () => {
    const pool = open()
    const calls = [failure(call(pool, "rotate", 1)), failure(call(pool, "version", 1)), failure(call(pool, "Odd", 1))]
    for (const error of await Promise.all(calls)) {
      expect(error).toBeInstanceOf(InvalidOption)
      expect(error.message).toMatch(/one that the module exports \(add, /)
    }
    expect(await pool.run.add({ a: 1, b: 2 })).toBe(3)
  })

  it("believes in so many names and no more", async () => {
    const pool = open()
    const calls = Array.from({ length: 1_001 }, (_, n) => failure(call(pool, `name${n}`)))
    expect((await calls[1_000]!).message).toMatch(/one of 1000 at most/)
    expect((await calls[999]!).message).toMatch(/one that the module exports/)
  })
})

describe("a pool with a module on threads", () => {
  it("fails calls whose thread has crashed with a stack that begins where each is awaited", async () => {
    const pool = open()
    const awaits = async (): Promise<unknown> => await pool.run.exit(3)
    /** What awaits first, but for what the host has of its own. */
    const awaiting = ({ stack }: Error) =>
      stack!.split("\n").find((line) => / at /.test(line) && !line.includes("node:"))
    const crash = await failure(awaits())
    expect(crash.stack).toMatch(/^ThreadCrashed: /)
    expect(awaiting(crash)).toMatch(/at (async )?awaits .*threads\.test/)
    const ticket = await pool.submit.exit(3)
    const first = async () => await ticket.result
    const events: Array<unknown> = []
    pool.on("RequestEnded", ({ outcome }) => events.push(outcome))
    expect(awaiting(await failure(first()))).toMatch(/at (async )?first .*threads\.test/)
    expect(await ticket.outcome).toMatchObject({ end: "failed", error: { code: "THREAD_CRASHED", tag: "exit" } })
    await eventually(() => expect(events).toMatchObject([{ error: { code: "THREAD_CRASHED", reason: "exit" } }]))
    const maps = async () => {
      for await (const _ of pool.map.exit([3]));
    }
    expect((await failure(maps())).stack).toMatch(/at (async )?maps .*threads\.test/)
    // What a task throws is its own, also where it has that from a pool.
    const within: Array<unknown> = []
    const rethrows = async () => {
      const error = await failure(awaits())
      within.push(error, error.stack)
      throw error
    }
    const mapsTask = async () => {
      for await (const _ of pool.map([1], rethrows));
    }
    for (const calls of [() => pool.run(rethrows), mapsTask]) {
      const outside = await failure(calls())
      const [error, stack] = within.splice(0)
      expect(outside).toBe(error)
      expect(outside.stack).toBe(stack)
    }
  })

  it("knows its names, counts each, and refuses any other without an attempt", async () => {
    const pool = open()
    await pool.run.where()
    await eventually(() => expect(pool.snapshot().handlers["spin"]).toBeDefined())
    expect("spin" in pool.run && !("rotate" in pool.run)).toBe(true)
    const before = Object.keys(pool.snapshot().handlers)
    expect(await failure(call(pool, "rotate", 1))).toMatchObject({ code: "INVALID_OPTION", actual: '"rotate"' })
    for await (const each of (pool.map as any).rotate([1], { outcomes: true })) {
      expect(each).toMatchObject({ end: "refused", tag: "rotate" })
    }
    expect(Object.keys(pool.snapshot().handlers)).toEqual(before)
    expect(before).not.toContain("Odd")
    expect(before).not.toContain("version")
    expect(pool.run.add).toBe(pool.run.add)
    // What is not there takes no memory.
    expect(Reflect.get(pool.run, "rotate")).not.toBe(Reflect.get(pool.run, "rotate"))
  })

  it("has counts of each of its functions among its metrics, once they are known", async () => {
    const pool = open({}, { name: "with functions" })
    /** By type. */
    const offered = () => {
      const mine = Effect.runSync(Metric.snapshot).filter(
        ({ attributes, id }) => id === "worker_pool_handler_offered_total" && attributes?.["pool"] === "with functions"
      )
      return Object.fromEntries(
        mine.map(({ attributes, state }) => [attributes?.["type"], (state as { readonly count: number }).count])
      )
    }
    expect(offered()).toEqual({ run: 0 })
    await Promise.all([pool.run.add({ a: 1, b: 2 }), pool.run.add({ a: 3, b: 4 })])
    await eventually(() => expect(pool.snapshot().handlers["spin"]).toBeDefined())
    offered()
    const { add, run, spin, ...others } = offered()
    expect([add, run, spin]).toEqual([2, 0, 0])
    expect(Object.keys(others).sort()).toEqual(
      Object.keys(pool.snapshot().handlers)
        .filter((name) => name !== "add" && name !== "spin")
        .sort()
    )
    await pool.drain()
    expect(offered()).toEqual({})
  })

  it("is no promise, and its ways in stay functions", async () => {
    const pool = open()
    const run = await pool.run
    expect([Reflect.get(pool.run, "then"), "then" in run]).toEqual([undefined, false])
    expect(Reflect.get(pool.run, Symbol.iterator)).toBeUndefined()
    expect(["bind" in run, "constructor" in run, Symbol.iterator in run]).toEqual([true, true, false])
    expect(await pool.run.name()).toBe("the module's")
    expect(await run.bind(undefined)(() => "called")).toBe("called")
    expect(JSON.stringify({ run, submit: pool.submit, map: pool.map })).toBe("{}")
  })

  it("has no way in by a name that stands for something else already, and says so", async () => {
    const text = "export const run = () => 1, bind = run, other = () => 2"
    const pool = open({ module: `data:text/javascript,${encodeURIComponent(text)}` })
    expect(await call(pool, "other")).toBe(2)
    const said = () => pool.logged.map(({ message }) => message).join()
    await eventually(() => expect(said()).toMatch(/exports as bind, run cannot be called/))
    expect(Reflect.get(pool.run, "run")).toBeUndefined()
    expect(Reflect.get(pool.run, "bind")).toBe(Function.prototype.bind)
    expect(Object.keys(pool.snapshot().handlers)).toEqual(["other"])
  })

  it("runs functions of the program, and handlers, on its own thread beside them", async () => {
    const handlers = { here: () => process.pid, add: () => "own" }
    const logged: Array<string> = []
    const pool = createPool<Module, typeof handlers>({
      handlers,
      log: ({ message }) => logged.push(message),
      threads: { module, isolation: "process", max: 1 }
    })
    keep(pool)
    const spinning = pool.run.spin(200)
    expect([await pool.run(() => process.pid), await pool.run.here()]).toEqual([process.pid, process.pid])
    expect(await spinning).toBe(200)
    const own: string = await pool.run.add()
    expect(own).toBe("own")
    await eventually(() => expect(logged.join()).toMatch(/exports as add cannot be called/))
  })

  it("moves what is marked, and copies all else", async () => {
    const pool = open()
    const bytes = new Uint8Array(1_000)
    expect([await pool.run.size(bytes), bytes.length]).toEqual([1_000, 1_000])
    const parts = [new Uint8Array(3), new Uint8Array(4)]
    expect(await pool.run.total(move(parts, [parts[1]!.buffer]))).toBe(7)
    expect(parts.map(({ length }) => length)).toEqual([3, 0])
    const call = pool.run.size(move(bytes))
    expect([await call, bytes.length]).toEqual([1_000, 0])
    expect((await pool.run.fill(5)).join("")).toBe("77777")
    const one = open({ max: 1, spare: 0 })
    expect([(await one.run.give(false)).length, await one.run.left()]).toEqual([16, 16])
    expect([(await one.run.give(true)).length, await one.run.left()]).toEqual([16, 0])
  })

  it("says so when an input cannot be received", async () => {
    const module = ofText(
      `import { parentPort } from "node:worker_threads"
       const on = parentPort.on.bind(parentPort)
       const unreadable = () => parentPort.emit("messageerror", new Error("not to be read"))
       parentPort.on = (event, listener) =>
         on(event, (given) => (event === "message" && given[1] === "receive" ? unreadable() : listener(given)))
       export const receive = () => "received"`
    )
    const error = await failure((open({ module }).run as any).receive())
    expect(error).toBeInstanceOf(TypeError)
    expect([error.message, error.cause.message]).toEqual(["its input could not be received", "not to be read"])
  })

  it("says so when an input that was moved is to serve another attempt", async () => {
    const pool = open({}, { retry: { times: 1, base: 0, failures: (error) => error instanceof ThreadCrashed } })
    const bytes = move(new Uint8Array(3))
    expect((await failure(pool.run.exit(bytes as never))).message).toMatch(/has been moved to a thread before/)
  })

  it("whose module cannot be loaded rejects its calls with what is wrong with it", async () => {
    for (const broken of [here("broken"), here("absent")]) {
      const pool = open({ module: broken })
      const error = await failure(pool.run.add({ a: 1, b: 2 }))
      expect(error).toMatchObject({ code: "THREAD_CRASHED", tag: "add", reason: "start" })
      expect(error.detail).toMatch(/it does not load|Cannot find module/)
      expect(await failure(pool.run.add({ a: 1, b: 2 }))).toMatchObject({ reason: "start" })
    }
  })

  it("rejects its calls where the host has no threads, with what it says of that", async () => {
    vi.doMock("../../src/threads/functions.ts", () => ({
      make: () => {
        throw new Error("no threads here")
      }
    }))
    const pool = open()
    try {
      for (const call of [pool.run.add({ a: 1, b: 2 }), pool.run.add({ a: 1, b: 2 })]) {
        expect(await failure(call)).toMatchObject({ code: "THREAD_CRASHED", tag: "add", reason: "start" })
      }
      expect((await failure(pool.run.where())).detail).toMatch(/no threads here/)
      expect(pool.logged.map(({ message }) => message).join()).toMatch(/there are no threads/)
    } finally {
      vi.doUnmock("../../src/threads/functions.ts")
    }
  })

  it("takes a path for a URL, and limits by name", async () => {
    const pool = createPool<Module>({
      threads: { module: module.pathname, max: 2 },
      minWorkers: 2,
      limits: [{ name: "one", concurrency: 1, tags: ["spin"] }]
    })
    keep(pool)
    await Promise.all([pool.run.spin(20), pool.run.spin(20), pool.run.add({ a: 1, b: 1 })])
    expect(pool.snapshot().limits["one"]).toMatchObject({ started: 2 })
  })

  it("starts its threads in the async context in which it was made, whoever calls", async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: Array<unknown> = []
    const log = () => seen.push(storage.getStore())
    const pool = storage.run("maker", () => open({ min: 0, spare: 0 }, { log }))
    await storage.run("caller", async () => {
      await failure(pool.run.exit(3))
      expect(storage.getStore()).toBe("caller")
    })
    await eventually(() => expect(seen).toEqual(["maker"]))
  })

  it.each([
    [{ module: 1 }, "threads.module"],
    [{ module, max: 0 }, "threads.max"],
    [{ module, min: 3, max: 2 }, "threads.min"],
    [{ module, isolation: "fiber" }, "threads.isolation"],
    [{ module, killAfter: "soon" }, "threads.killAfter"],
    [{ module, maxThreads: 4 }, "threads.maxThreads"],
    [1, "threads"],
    ["", "threads"]
  ])("refuses %j", (threads, field) => {
    expect(() => createPool({ threads } as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION", field }))
  })

  it("refuses a limit with the name of its gate", () => {
    const limits = [{ name: "threads", concurrency: 1 }]
    expect(() => createPool<Module>({ threads: module, limits })).toThrow(/another one for each limit/)
  })
})

/** By a name that does not compile. */
const call = (pool: { readonly run: {} }, name: string, input?: unknown): Promise<unknown> =>
  Reflect.get(pool.run, name)(input)

describe("the types of a pool with a module on threads", () => {
  it("are those of its functions", () => {
    const unused = (body: () => unknown): void => void body
    unused(async () => {
      const pool = createPool<Module>({ threads: module })
      expectTypeOf(pool.run.add({ a: 1, b: 2 })).toEqualTypeOf<Promise<number>>()
      expectTypeOf(pool.run.where()).toEqualTypeOf<Promise<string>>()
      expectTypeOf(pool.submit.size(new Uint8Array())).toEqualTypeOf<Promise<Ticket<number>>>()
      expectTypeOf(pool.run.later(undefined, { timeout: 1 })).toEqualTypeOf<Promise<number>>()
      for await (const each of pool.map.spin([1])) expectTypeOf(each).toEqualTypeOf<number>()
      expectTypeOf(pool.run(() => 1)).toEqualTypeOf<Promise<number>>()
      // @ts-expect-error an input of the wrong type
      pool.run.add({ a: "1", b: 2 })
      // @ts-expect-error an input is missing
      pool.run.add()
      // @ts-expect-error no function
      pool.run.version()
      // @ts-expect-error a class
      pool.run.Odd("odd")
      // @ts-expect-error no such function
      pool.run.rotate()
      // @ts-expect-error where the module is
      createPool<Module>({ maxWorkers: 2 })
      // @ts-expect-error an option that does not exist
      createPool<Module>({ threads: { module, maxThreads: 2 } })
      const both = createPool<Module, { length: (word: string) => number }>({
        threads: module,
        handlers: { length: (word: string) => word.length }
      })
      expectTypeOf(both.run.length("a")).toEqualTypeOf<Promise<number>>()
      expectTypeOf(both.run.add({ a: 1, b: 2 })).toEqualTypeOf<Promise<number>>()
      const named = createPool<{ call: () => 1; name: () => 2; default: (n: number) => string }>({ threads: "a.js" })
      expectTypeOf(named.run.name()).toEqualTypeOf<Promise<2>>()
      expectTypeOf(named.run.default(1)).toEqualTypeOf<Promise<string>>()
      // @ts-expect-error that of any function
      named.run.call()
    })
  })
})
