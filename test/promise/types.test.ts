/** What must compile, what must not, and that nothing which comes out is `any`. */
import { describe, expectTypeOf, it } from "vitest"
import type { DrainReport } from "../../src/DrainReport.ts"
import type { PoolEvent } from "../../src/PoolEvent.ts"
import {
  type Attempt,
  type Code,
  createPool,
  type Event,
  type GateView,
  type HasRetryAfter,
  Limit,
  NotBefore,
  type Outcome,
  type Pool,
  PoolError,
  type Refused,
  type RequestView,
  RetryAfter,
  RequestTimeout,
  ScalingPolicy,
  type Ticket,
  type Waiters
} from "../../src/promise/index.ts"

interface Path {
  readonly path: string
}
class Picture {
  readonly size = 1
}

const handlers = {
  resize: async ({ path }: Path, { signal }: Attempt) => (signal.aborted || path === "" ? undefined : new Picture()),
  length: (word: string) => word.length,
  ping: () => "pong" as const,
  fail: (why: string): never => {
    throw new Error(why)
  },
  crop: { handler: (of?: Path) => [of], timeout: "1 second", retry: { times: 2 } }
} as const

declare const pool: Pool<typeof handlers>
declare const url: string

/** Nothing here is run. */
const unused = (body: () => unknown): void => void body

describe("types", () => {
  it("has an event for each that a pool tells", () => {
    // A claim is on a request that is stored, and those of this door are not; nor does it tick.
    expectTypeOf<Event["type"]>().toEqualTypeOf<Exclude<PoolEvent["_tag"], "ClaimLapsed" | "Ticked">>()
  })

  it("takes tasks of which some give a promise", () => {
    const tasks = [() => "a", async () => "b"]
    const given = (pool: Pool) => tasks.map((task) => pool.run(task))
    expectTypeOf(given).returns.toEqualTypeOf<Array<Promise<string>>>()
    const tickets = (pool: Pool) => tasks.map((task) => pool.submit(task))
    expectTypeOf(tickets).returns.toEqualTypeOf<Array<Promise<Ticket<string>>>>()
  })

  it("of tasks: what they give", () => {
    unused(async () => {
      expectTypeOf(pool.run(() => 1)).toEqualTypeOf<Promise<number>>()
      expectTypeOf(pool.run(async () => new Picture())).toEqualTypeOf<Promise<Picture>>()
      expectTypeOf(pool.run(() => (url === "" ? 1 : Promise.resolve("a")))).toEqualTypeOf<Promise<1 | string>>()
      expectTypeOf(pool.run(({ signal }) => fetch(url, { signal }))).toEqualTypeOf<Promise<Response>>()
      expectTypeOf(pool.run(() => {})).toEqualTypeOf<Promise<void>>()
      expectTypeOf(pool.submit(async () => new Picture())).toEqualTypeOf<Promise<Ticket<Picture>>>()
      pool.run((attempt) => expectTypeOf(attempt).toEqualTypeOf<Attempt>())

      // @ts-expect-error a promise, which has begun already
      pool.run(fetch(url))
      // @ts-expect-error no task
      pool.run()
      // @ts-expect-error a task that asks for more than there is
      pool.run((attempt: Attempt, more: string) => [attempt, more])
      // @ts-expect-error a task that asks for something else
      pool.run((word: string) => word)
    })
  })

  it("records in a file, which has a path", () => {
    unused(() => {
      createPool({ handlers, record: { path: "load.jsonl", maxBytes: 65_536, policy: "fixed:8" } })
      // @ts-expect-error no path
      createPool({ record: {} })
      // @ts-expect-error an option that does not exist
      createPool({ record: { path: "load.jsonl", file: "a" } })
    })
  })

  it("of handlers: an input in, its value out", () => {
    unused(() => {
      expectTypeOf(pool.run.resize({ path: "a" })).toEqualTypeOf<Promise<Picture | undefined>>()
      expectTypeOf(pool.submit.resize({ path: "a" })).toEqualTypeOf<Promise<Ticket<Picture | undefined>>>()
      expectTypeOf(pool.run.length("a")).toEqualTypeOf<Promise<number>>()
      expectTypeOf(pool.run.ping()).toEqualTypeOf<Promise<"pong">>()
      expectTypeOf(pool.submit.ping(undefined, { id: "a" })).toEqualTypeOf<Promise<Ticket<"pong">>>()
      expectTypeOf(pool.run.fail("a")).toEqualTypeOf<Promise<never>>()
      expectTypeOf(pool.run.crop()).toEqualTypeOf<Promise<Array<Path | undefined>>>()
      expectTypeOf(pool.run.crop({ path: "a" }, { timeout: 1 })).toEqualTypeOf<Promise<Array<Path | undefined>>>()

      // @ts-expect-error an input is missing
      pool.run.resize()
      // @ts-expect-error an input of the wrong type
      pool.run.resize({ path: 1 })
      // @ts-expect-error an input that lacks a field
      pool.submit.resize({})
      // @ts-expect-error an input with a field too many
      pool.run.resize({ path: "a", width: 1 })
      // @ts-expect-error an argument too many
      pool.run.resize({ path: "a" }, {}, {})
      // @ts-expect-error an input is missing
      pool.run.length(undefined)
      // @ts-expect-error no such handler
      pool.run.rotate({ path: "a" })
      // @ts-expect-error no such handler
      createPool().run.resize({ path: "a" })
    })
  })

  it("of handlers: a pool has them as they were written in place", () => {
    unused(() => {
      const made = createPool({
        maxWorkers: 2,
        handlers: {
          resize: async ({ path }: Path, { signal }) => {
            expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
            return path.length
          },
          crop: {
            timeout: "1 second",
            handler: async ({ path }: Path, attempt) => {
              expectTypeOf(attempt).toEqualTypeOf<Attempt>()
              return [path]
            }
          }
        }
      })
      expectTypeOf(made.run.resize({ path: "a" })).toEqualTypeOf<Promise<number>>()
      expectTypeOf(made.run.crop({ path: "a" })).toEqualTypeOf<Promise<Array<string>>>()
      expectTypeOf(createPool({ handlers })).toEqualTypeOf<Pool<typeof handlers>>()
      expectTypeOf(made).toExtend<Pool>()

      // @ts-expect-error an input whose type nobody has said
      createPool({ handlers: { resize: (input) => input.path } })
      // @ts-expect-error no function
      createPool({ handlers: { resize: 1 } })
      // @ts-expect-error no handler
      createPool({ handlers: { resize: { timeout: 1 } } })
      // @ts-expect-error an option that does not exist
      createPool({ handlers: { resize: { handler: (of: Path) => of, timeOut: 1 } } })
      // @ts-expect-error an option of the wrong type
      createPool({ handlers: { resize: { handler: (of: Path) => of, timeout: true } } })
    })
  })

  it("of map: results, or outcomes", () => {
    unused(async () => {
      for await (const each of pool.map(["a"], async (word) => word.length)) expectTypeOf(each).toEqualTypeOf<number>()
      for await (const each of pool.map([Promise.resolve("a")], (word, { attempt }) => `${word}${attempt}`)) {
        expectTypeOf(each).toEqualTypeOf<string>()
      }
      const pages = async function* () {
        yield new Picture()
      }
      for await (const each of pool.map(pages(), ({ size }) => size, { ordered: false, outstanding: 2 })) {
        expectTypeOf(each).toEqualTypeOf<number>()
      }
      for await (const each of pool.map([1], (n) => n, { outcomes: true })) {
        expectTypeOf(each).toEqualTypeOf<Outcome<number> | Refused>()
        if (each.end === "succeeded") expectTypeOf(each.value).toEqualTypeOf<number>()
        else expectTypeOf(each.error).toEqualTypeOf<unknown>()
        // @ts-expect-error one that was refused has no id
        void each.id
      }
      for await (const each of pool.map([1], (n) => n, { outcomes: false })) expectTypeOf(each).toEqualTypeOf<number>()
      for await (const each of pool.map.length(["a"])) expectTypeOf(each).toEqualTypeOf<number>()
      for await (const each of pool.map.length(new Set(["a"]), { outcomes: true })) {
        expectTypeOf(each).toEqualTypeOf<Outcome<number> | Refused>()
      }
      // @ts-expect-error inputs of the wrong type
      pool.map.length([1])
      // @ts-expect-error a task for other inputs
      pool.map(["a"], (n: number) => n)
      // @ts-expect-error no task
      pool.map(["a"])
      // @ts-expect-error no inputs
      pool.map(1, (n: number) => n)
      // @ts-expect-error an option that does not exist
      pool.map(["a"], (word) => word, { concurrency: 2 })
      // @ts-expect-error it is not known whether results or outcomes come
      pool.map(["a"], (word) => word, { outcomes: url === "" })
    })
  })

  it("of options: a word that does not exist does not compile", () => {
    unused(() => {
      createPool({
        timeout: "2 seconds",
        retry: { times: 2, base: 10, failures: (error) => error instanceof TypeError }
      })
      createPool({ scaling: ScalingPolicy.fixed(2), capacity: "unbounded", expiresIn: "none", retry: "none" })
      createPool({ retry: { times: 1, delay: (error) => expectTypeOf(error).toEqualTypeOf<unknown>() && undefined } })
      // @ts-expect-error an option that does not exist
      createPool({ concurrency: 8 })
      // @ts-expect-error an option that needs Effect
      createPool({ inherit: [] })
      // @ts-expect-error a strategy that does not exist
      createPool({ strategy: "drop" })
      // @ts-expect-error not a duration
      createPool({ timeout: "2 secs" })
      // @ts-expect-error an option that does not exist
      createPool({ retry: { retries: 2 } })
      // @ts-expect-error all that a task throws is a failure
      createPool({ retry: { times: 2, defects: true } })
      // @ts-expect-error an option that does not exist
      pool.run(() => 1, { timeOut: 1 })
      // @ts-expect-error not a signal
      pool.run(() => 1, { signal: new AbortController() })
      // @ts-expect-error an option that does not exist
      pool.submit.length("a", { weight: 1 })
      // @ts-expect-error whose request it is says a function of a handler, not of a call
      pool.run.length("a", { key: () => "a" })
      // @ts-expect-error not a number
      pool.run.length("a", { priority: "high" })
      // @ts-expect-error an option that does not exist
      void pool.drain({ timeout: 1 })
    })
  })

  it("of keys, priorities and limits", () => {
    unused(async () => {
      createPool({
        key: (name, input) => (name === "run" ? undefined : input.tenant),
        weight: (key) => key.length,
        aging: "none",
        order: "lifo",
        keyCapacity: 10,
        priority: -1,
        limits: [
          { name: "api", rate: { limit: 10, period: "1 second", burst: 2 }, tags: ["length"] },
          { name: "host", per: (_, { path }: Path) => path, concurrency: 1, until: "request" },
          Limit.serial("key")
        ],
        handlers: {
          ...handlers,
          crop: { handler: ({ path }: Path) => path, key: ({ path }: Path) => path, priority: 2 },
          sweep: { handler: () => 1, key: "system" }
        }
      })
      // @ts-expect-error a key of another input
      createPool({ handlers: { crop: { handler: ({ path }: Path) => path, key: (n: number) => String(n) } } })
      // @ts-expect-error a key that is no text
      createPool({ handlers: { crop: { handler: ({ path }: Path) => path, key: ({ path }: Path) => path.length } } })
      // @ts-expect-error a limit that has no name
      createPool({ limits: [{ concurrency: 1 }] })
      // @ts-expect-error an option that does not exist
      createPool({ limits: [{ name: "api", concurrent: 1 }] })
      // @ts-expect-error an order that does not exist
      createPool({ order: "newest" })

      expectTypeOf(pool.run.length("a", { key: "b", priority: 1 })).toEqualTypeOf<Promise<number>>()
      expectTypeOf((await pool.submit(() => 1)).setPriority(2)).toEqualTypeOf<boolean>()
      expectTypeOf(pool.cancelAll({ key: "a", where: ({ attempts }) => attempts > 1 })).toEqualTypeOf<Promise<number>>()
      expectTypeOf(pool.list({ phase: "waiting" })).toEqualTypeOf<ReadonlyArray<RequestView>>()
      pool.setLimit("api", { rate: "none", concurrency: 2 })
      pool.pauseOnly({ tag: "length" })
      // @ts-expect-error two parts
      pool.pauseOnly({ tag: "length", key: "a" })
      // @ts-expect-error a phase that does not exist
      pool.list({ phase: "ended" })
      // @ts-expect-error neither handlers nor keys
      pool.waitingBy("priority")
      // @ts-expect-error all of them, without saying so
      pool.cancelAll()
    })
  })

  it("of an error that says when to come back", () => {
    expectTypeOf(new NotBefore("1 second", { at: "key", cause: 1 }).millis).toEqualTypeOf<number>()
    expectTypeOf<NotBefore>().toExtend<Error & HasRetryAfter>()
    expectTypeOf(NotBefore.fromHeader).returns.toEqualTypeOf<number | undefined>()
    class Own extends Error implements HasRetryAfter {
      readonly [RetryAfter] = { after: "1 second", at: "pool" } as const
    }
    expectTypeOf<Own>().toExtend<HasRetryAfter>()
    unused(() => {
      // @ts-expect-error an option that does not exist
      return new NotBefore(1, { of: "key" })
    })
  })

  it("of tickets and their outcomes", () => {
    unused(async () => {
      const ticket = await pool.submit(async () => new Picture())
      expectTypeOf(ticket.result).toEqualTypeOf<Promise<Picture>>()
      expectTypeOf(ticket.cancel("enough")).toEqualTypeOf<"withdrawn" | "interrupting" | "settled">()
      const outcome = await ticket.outcome
      expectTypeOf(outcome).toEqualTypeOf<Outcome<Picture>>()
      // @ts-expect-error it may have no value
      void outcome.value
      if (outcome.end === "succeeded") {
        expectTypeOf(outcome.value).toEqualTypeOf<Picture>()
        // @ts-expect-error it has no error
        void outcome.error
      } else {
        expectTypeOf(outcome.error).toEqualTypeOf<unknown>()
        // @ts-expect-error it has no value
        void outcome.value
      }
      // @ts-expect-error an end that does not exist
      if (outcome.end === "refused") return
    })
  })

  it("of events: each type has its own fields", () => {
    unused(async () => {
      pool.on("RequestEnded", ({ outcome }) => expectTypeOf(outcome).toEqualTypeOf<Outcome>())
      pool.on("AttemptFailed", ({ error }) => expectTypeOf(error).toEqualTypeOf<unknown>())
      pool.on("Drained", ({ report }) => expectTypeOf(report).toEqualTypeOf<DrainReport>())
      expectTypeOf(pool.on("Paused", () => {})).toEqualTypeOf<() => void>()
      for await (const event of pool.events) {
        expectTypeOf(event).toEqualTypeOf<Event>()
        if (event.type === "Resized") expectTypeOf(event.after).toEqualTypeOf<number>()
        // @ts-expect-error an event of another type has no such field
        else void event.after
      }
      // @ts-expect-error an event that does not exist
      pool.on("requestEnded", () => {})
      // @ts-expect-error a field of another event
      pool.on("Paused", ({ worker }) => worker)
    })
  })

  it("of errors: a code for all, and the fields of each", () => {
    unused(async () => {
      try {
        await pool.run(() => 1)
      } catch (error) {
        if (error instanceof RequestTimeout) {
          expectTypeOf(error.code).toEqualTypeOf<"REQUEST_TIMEOUT">()
          expectTypeOf(error.timeoutMillis).toEqualTypeOf<number>()
        }
        if (error instanceof PoolError) {
          expectTypeOf(error.code).toEqualTypeOf<Code>()
          // @ts-expect-error a code that does not exist
          if (error.code === "TIMEOUT") return
        }
      }
    })
  })

  it("of what comes out: never any", () => {
    type Given = {
      run: Awaited<ReturnType<typeof pool.run.resize>>
      task: Awaited<ReturnType<typeof pool.run>>
      ticket: Awaited<ReturnType<typeof pool.submit>>
      snapshot: ReturnType<typeof pool.snapshot>
      latencies: ReturnType<typeof pool.latencies>
      drain: Awaited<ReturnType<typeof pool.drain>>
      event: Event
      outcome: Outcome
      refused: Refused
      attempt: Attempt
      error: PoolError
      timeout: RequestTimeout
      gate: GateView
      notBefore: NotBefore
      view: RequestView
      waiters: Waiters
    }
    expectTypeOf<AnyIn<Given>>().toEqualTypeOf<never>()
    expectTypeOf<AnyIn<{ a: { b: ReadonlyArray<{ c: any }> } }>>().toEqualTypeOf<"a.b.[].c.any">()
  })
})

type IsAny<A> = 0 extends 1 & A ? true : false

/** Where an `any` is in what a program reads. */
type AnyIn<A, Depth extends 0 | 1 | 2 | 3 | 4 = 4> =
  IsAny<A> extends true
    ? "any"
    : Depth extends 0
      ? never
      : A extends ReadonlyArray<infer Each>
        ? In<"[]", AnyIn<Each, Less[Depth]>>
        : A extends Function | AbortSignal
          ? never
          : A extends object
            ? { [Key in keyof A & string]: In<Key, AnyIn<A[Key], Less[Depth]>> }[keyof A & string]
            : never

type Less = [0, 0, 1, 2, 3]
type In<Key extends string, Rest extends string> = `${Key}.${Rest}`
