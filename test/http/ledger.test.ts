/** What is kept of requests, for how long, and what is remembered of those that are not. */
import { Deferred, Effect, Exit } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect, it } from "vitest"
import type { Ended } from "../../src/http/ended.ts"
import { type Entry, Ledger } from "../../src/http/ledger.ts"
import type { Outcome, Ticket } from "../../src/index.ts"

const start = (keepEnds = 10, keepForMillis = 1000, keepBytes = 1000) => {
  let now = 0
  const told: Array<string> = []
  const ends = new Map<string, (text: string | Effect.Effect<string>) => void>()
  const ledger = new Ledger({
    keepEnds,
    keepBytes,
    keepForMillis,
    idPrefix: "p-",
    now: () => now,
    run: (writing) => void Effect.runFork(writing),
    write: ({ id }, { end, exit }) => {
      told.push(`${id} ${end}`)
      const ended = (text: unknown) => ({ id, state: end, text }) as Ended
      const given = (exit as Exit.Success<string | Effect.Effect<string>>).value
      return Effect.isEffect(given) ? Effect.map(given, ended) : Exit.succeed(ended(given))
    }
  })
  let number = 0
  /** A request that the pool has accepted; `end` ends it. */
  const add = (key?: string, at = ++number) => {
    const id = `p-${at}`
    const ticket = {
      id,
      tag: "Echo",
      key: "",
      priority: Effect.succeed(0),
      onEnd: (listener: (outcome: Outcome.Outcome) => void) => {
        ends.set(id, (text) => {
          listener({ id, end: "succeeded", exit: Exit.succeed(text) } as unknown as Outcome.Outcome)
        })
      }
    } as Ticket.Ticket<unknown, unknown>
    if (key !== undefined) expect(ledger.claim(key, "same")).toBe(undefined)
    return ledger.add(ticket, key)
  }
  const end = (id: string, text: string | Effect.Effect<string> = "1") => {
    const end = ends.get(id)!
    ends.delete(id)
    end(text)
  }
  return { ledger, add, told, end, wait: (millis: number) => (now += millis) }
}

it("keeps what has not ended, however long, and an end for its time and not a millisecond longer", () => {
  const { add, end, ledger, told, wait } = start()
  add()
  wait(1_000_000)
  expect(ledger.find("p-1")).toMatchObject({ id: "p-1", ended: undefined })
  end("p-1")
  expect(told).toEqual(["p-1 succeeded"])
  wait(1000)
  expect(ledger.find("p-1")).toMatchObject({ ended: { state: "succeeded" }, ticket: undefined })
  wait(1)
  expect(ledger.find("p-1")).toBe("gone")
  expect([...ledger.before()]).toEqual([])
})

it("keeps the last ends, in the order of their ends, and knows ids that it has forgotten from those it never had", () => {
  const { add, end, ledger } = start(2)
  for (let n = 0; n < 4; n++) add()
  for (const id of ["p-3", "p-1", "p-2"]) end(id)
  expect(["p-1", "p-2", "p-3", "p-4"].map((id) => typeof ledger.find(id))).toEqual([
    "object",
    "object",
    "string",
    "object"
  ])
  expect(["p-5", "p-0", "p-", "p-01", "p-1.5", "p--1", "q-1", "1", ""].map((id) => ledger.find(id))).toEqual(
    Array.from({ length: 9 }, () => undefined)
  )
  expect([...ledger.before()].map(({ id }) => id)).toEqual(["p-4", "p-2", "p-1"])
})

it("keeps a key as long as its request, and gives it back when that was not accepted", () => {
  const { add, end, ledger, wait } = start()
  const entry = add("k")
  expect(ledger.claim("k", "other")).toMatchObject({ fingerprint: "same", entry })
  end("p-1")
  wait(1000)
  expect(ledger.claim("k", "other")?.entry).toBe(entry)
  wait(1)
  expect(ledger.claim("k", "other")).toBe(undefined)
  // Claimed by one that has not been accepted yet.
  expect(ledger.claim("k", "third")).toEqual({ fingerprint: "other", entry: undefined })
  ledger.forget(5000)
  expect(ledger.claim("k", "third")).toEqual({ fingerprint: "other", entry: undefined })
  ledger.disclaim("k")
  expect(ledger.claim("k", "third")).toBe(undefined)
})

it("knows what it has forgotten also when one that was blocked is accepted after those that asked after it", () => {
  const { add, end, ledger } = start(1)
  add(undefined, 7)
  add(undefined, 6)
  for (const id of ["p-7", "p-6"]) end(id)
  expect([ledger.find("p-7"), ledger.find("p-8"), [...ledger.before()].map(({ id }) => id)]).toEqual([
    "gone",
    undefined,
    ["p-6"]
  ])
})

it("holds no more than it keeps, over many requests", () => {
  const { add, end, ledger } = start(100)
  for (let n = 1; n <= 10_000; n++) {
    add(`k${n}`)
    end(`p-${n}`)
  }
  expect(ledger.size).toBe(100)
  expect(ledger.find("p-9900")).toBe("gone")
  expect(ledger.find("p-9901")).toMatchObject({ id: "p-9901" })
  expect(ledger.claim("k9900", "x")).toBe(undefined)
  expect(ledger.claim("k9901", "x")).not.toBe(undefined)
})

it("keeps no more bytes than it may, the oldest goes first, and one that alone is more is not kept", () => {
  const { add, end, ledger } = start(10, 1000, 100)
  const heard: Array<string> = []
  for (let n = 0; n < 4; n++) add().listen(({ id }) => heard.push(id))
  const kept = () => [...ledger.before()].map(({ id }) => id)
  end("p-1", "x".repeat(60))
  end("p-2", "\u00e4".repeat(20))
  expect(kept()).toEqual(["p-4", "p-3", "p-2", "p-1"])
  end("p-3", "x")
  expect([kept(), ledger.find("p-1")]).toEqual([["p-4", "p-3", "p-2"], "gone"])
  end("p-4", "x".repeat(101))
  expect([kept(), ledger.size, ledger.find("p-4")]).toEqual([[], 0, "gone"])
  expect(heard).toEqual(["p-1", "p-2", "p-3", "p-4"])
})

it("tells an end that takes time to write once it is written, and counts it only while it is kept", async () => {
  const { add, end, ledger } = start(1, 1000, 100)
  const written = Deferred.makeUnsafe<string>()
  const heard: Array<string> = []
  const tell = ({ id }: Entry, { text }: Ended) => heard.push(`${id} ${text}`)
  for (let n = 0; n < 3; n++) add().listen(tell)
  end("p-1", Deferred.await(written))
  expect([ledger.find("p-1"), heard]).toMatchObject([{ ended: undefined, ticket: { id: "p-1" } }, []])
  end("p-2", "x".repeat(60))
  expect([ledger.find("p-1"), heard]).toEqual(["gone", ["p-2 " + "x".repeat(60)]])
  await Effect.runPromise(Deferred.succeed(written, "y".repeat(60)))
  await expect.poll(() => heard.at(-1)).toBe("p-1 " + "y".repeat(60))
  // Its bytes are not counted: nobody would ever take them off.
  expect(ledger.find("p-2")).toMatchObject({ id: "p-2" })
})

it("lets go of an end at once, however few there are", async () => {
  const { add, end, ledger } = start(1)
  const ended = new WeakRef(add())
  add()
  end("p-1")
  end("p-2")
  // What was looked at is held until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve))
  setFlagsFromString("--expose-gc")
  ;(runInNewContext("gc") as () => void)()
  expect([ended.deref(), ledger.find("p-1")]).toEqual([undefined, "gone"])
})
