/** Inputs through a pool of promises: order, back-pressure, failures, and whoever leaves early. */
import { describe, expect, it } from "vitest"
import { type Attempt, createPool, InvalidOption, type Options, type Pool, QueueFull } from "../../src/promise/index.ts"
import { failure, keep, open, turn } from "./support.ts"

const four = (options: Options = {}): Pool => open({ minWorkers: 4, maxWorkers: 4, ...options })

const collect = async <A>(results: AsyncIterable<A>): Promise<Array<A>> => {
  const { done, read } = reader(results)
  await done
  return read
}
/** Tasks that end when the test says so. */
class Gates {
  readonly begun: Array<number> = []
  private readonly gates = new Map<number, PromiseWithResolvers<number>>()

  readonly task = (n: number): Promise<number> => {
    this.begun.push(n)
    const gate = Promise.withResolvers<number>()
    this.gates.set(n, gate)
    return gate.promise
  }

  async open(...keys: ReadonlyArray<number>): Promise<void> {
    for (const n of keys) this.gates.get(n)!.resolve(n)
    await turn()
  }
}

/** Takes results as they come. */
const reader = <A>(results: AsyncIterable<A>) => {
  const read: Array<A> = []
  const done = (async () => {
    for await (const result of results) read.push(result)
  })()
  return { done, read }
}

describe("map", () => {
  it("gives results in the order of the inputs, or as they come", async () => {
    for (const [ordered, expected] of [
      [true, [[], [0, 1], [0, 1, 2]]],
      [false, [[1], [1, 0], [1, 0, 2]]]
    ] as const) {
      const gates = new Gates()
      const { done, read } = reader(four().map([0, 1, 2], gates.task, { ordered }))
      await turn()
      for (const [step, n] of [1, 0, 2].entries()) {
        await gates.open(n)
        expect(read).toEqual(expected[step])
      }
      await done
    }
  })

  it("gives each of many results once, however few it may have outstanding", async () => {
    const inputs = Array.from({ length: 200 }, (_, n) => n)
    // Of each three the first ends last.
    const task = async (n: number) => {
      for (let left = n % 3 === 0 ? 5 : 0; left > 0; left--) await undefined
      return n
    }
    for (const outstanding of [1, 3, 50]) {
      expect(await collect(four().map(inputs, task, { outstanding }))).toEqual(inputs)
      const asTheyCame = await collect(four().map(inputs, task, { outstanding, ordered: false }))
      expect(asTheyCame.toSorted((a, b) => a - b)).toEqual(inputs)
    }
  })

  it("whoever leaves it after many results cancels what it has not given", async () => {
    for (const ordered of [true, false]) {
      const pool = four()
      const task = (n: number, { signal }: Attempt) =>
        n < 100
          ? n
          : new Promise<number>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)))
      const inputs = Array.from({ length: 200 }, (_, n) => n)
      const results = pool.map(inputs, task, { outstanding: 3, ordered })
      for (let n = 0; n < 100; n++) await results.next()
      await turn()
      await results.return()
      expect(pool.snapshot()).toMatchObject({ succeeded: 100, cancelled: 3 })
    }
  })

  it("takes iterables, async iterables and promises, and none at all", async () => {
    const pool = four()
    const double = async (n: number) => 2 * n
    const all = (inputs: Parameters<typeof pool.map<number, unknown>>[0]) => collect(pool.map(inputs, double))
    expect(await all(new Set([1, 2]))).toEqual([2, 4])
    expect(await all([Promise.resolve(1), 2])).toEqual([2, 4])
    expect(
      await all(
        (async function* () {
          yield 1
          await turn()
          yield 2
        })()
      )
    ).toEqual([2, 4])
    expect(await all([])).toEqual([])
  })

  it("pulls no more than `outstanding` ahead of whoever takes the results", async () => {
    const pool = four()
    let pulled = 0
    const inputs = (function* () {
      for (;;) yield ++pulled
    })()
    const results = pool.map(inputs, (n) => n, { outstanding: 3 })
    await turn()
    expect(pulled).toBe(0)
    expect(await results.next()).toEqual({ done: false, value: 1 })
    await turn()
    expect(pulled).toBe(4)
    await results.next()
    await turn()
    expect(pulled).toBe(5)
    await results.return()
    // Without a number: twice as many as there are workers at most, so that none of them waits for an input.
    pulled = 0
    const others = pool.map(
      (function* () {
        for (;;) yield ++pulled
      })(),
      (n) => n
    )
    await others.next()
    await turn()
    expect(pulled).toBe(9)
    await others.return()
  })

  it("ends with the first failure, cancels what has not been given, and closes the inputs", async () => {
    const pool = four({ minWorkers: 2, maxWorkers: 2 })
    const gates = new Gates()
    let closed = false
    const inputs = (function* () {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        closed = true
      }
    })()
    const { done, read } = reader(
      pool.map(inputs, (n) => (n === 1 ? gates.task(n).then(() => Promise.reject(new Error("no"))) : gates.task(n)))
    )
    const ended = failure(done)
    await turn()
    await gates.open(0, 1)
    expect((await ended).message).toBe("no")
    expect(read).toEqual([0])
    expect(closed).toBe(true)
    await gates.open(...gates.begun)
    await pool.idle()
    const { cancelled, failed, succeeded } = pool.snapshot()
    expect({ failed, succeeded }).toEqual({ failed: 1, succeeded: 1 })
    expect(cancelled).toBeGreaterThan(0)
    expect(gates.begun.length).toBeLessThanOrEqual(4)
  })

  it("whoever leaves it cancels what it has not given, and starts none of what waits", async () => {
    const pool = four({ minWorkers: 1, maxWorkers: 1 })
    const gates = new Gates()
    const results = pool.map([0, 1, 2, 3], gates.task, { outstanding: 4 })
    const first = results.next()
    await turn()
    await gates.open(0)
    await first
    await results.return()
    await gates.open(1)
    await pool.idle()
    expect(gates.begun).toEqual([0, 1])
    expect(pool.snapshot()).toMatchObject({ succeeded: 1, cancelled: 3 })
  })

  it("gives outcomes when it is asked for them, and fails for none", async () => {
    const pool = four({ minWorkers: 1, maxWorkers: 1, capacity: 1, strategy: "dropping" })
    const results = pool.map(
      [0, 1, 2],
      async (n) => {
        await turn()
        if (n === 0) throw new RangeError("no")
        return n
      },
      { outcomes: true, outstanding: 3, id: "x" }
    )
    const outcomes = await collect(results)
    expect(outcomes.map((outcome) => (outcome.end === "succeeded" ? outcome.value : outcome.error))).toEqual([
      expect.any(RangeError),
      1,
      expect.any(QueueFull)
    ])
    expect(outcomes.map(({ end }) => end)).toEqual(["failed", "succeeded", "refused"])
    expect(outcomes[0]).toMatchObject({ id: "x", tag: "run", attempts: 1 })
  })

  it("fails with the failure of its inputs, after the results that it has", async () => {
    const read: Array<number> = []
    const inputs = (async function* () {
      yield 1
      throw new Error("no more")
    })()
    const error = await failure(
      (async () => {
        for await (const n of four().map(inputs, (n: number) => n)) read.push(n)
      })()
    )
    expect([error.message, read]).toEqual(["no more", [1]])
  })

  it("ends with the reason of its signal", async () => {
    const controller = new AbortController()
    const gates = new Gates()
    const { done } = reader(four().map([1, 2, 3], gates.task, { signal: controller.signal }))
    const ended = failure(done)
    await turn()
    const reason = new Error("gone")
    controller.abort(reason)
    expect(await ended).toBe(reason)
  })

  it("within a task of its own pool lends the slot of the task", async () => {
    const pool = four({ minWorkers: 1, maxWorkers: 1 })
    expect(await pool.run(() => collect(pool.map([1, 2, 3], async (n) => 2 * n)))).toEqual([2, 4, 6])
  })

  it("has a door for each handler", async () => {
    const pool = createPool({ handlers: { half: ({ n }: { n: number }) => n / 2 } })
    keep(pool)
    const halves: Array<number> = await collect(pool.map.half([{ n: 2 }, { n: 4 }]))
    expect(halves).toEqual([1, 2])
    expect((await collect(pool.map.half([{ n: 2 }], { outcomes: true })))[0]).toMatchObject({ tag: "half" })
  })

  it.each<[string, (pool: Pool) => unknown, RegExp]>([
    [
      "inputs",
      (pool) => pool.map(5 as never, () => 1),
      /`inputs` to be an iterable or an async iterable, got "number"/
    ],
    ["a task", (pool) => pool.map([1], 5 as never), /`task` to be a function/],
    [
      "outstanding",
      (pool) => pool.map([1], () => 1, { outstanding: 0 }),
      /`outstanding` to be a whole number, at least 1/
    ],
    ["ordered", (pool) => pool.map([1], () => 1, { ordered: 1 as never }), /`ordered` to be true or false/]
  ])("a mistake in its %s is thrown at once", (_, call, message) => {
    expect(() => call(four())).toThrow(InvalidOption)
    expect(() => call(four())).toThrow(message)
  })
})
