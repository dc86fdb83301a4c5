/** What `jobs` tells of a store, on one in memory. */
import { it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Durable from "../../../src/durable/Durable.ts"
import { idFor } from "../../../src/durable/asking/ids.ts"
import { Handlers, WorkerPool } from "../../../src/index.ts"
import { list, queryOf } from "../../../src/program/jobs/list.ts"
import { toJson } from "../../../src/program/jobs/rows.ts"
import * as Show from "../../../src/program/jobs/show.ts"
import * as Stats from "../../../src/program/jobs/stats.ts"

const Echo = Rpc.make("Echo", { payload: { message: Schema.String }, success: Schema.String })
const Fail = Rpc.make("Fail", { payload: { reason: Schema.String }, error: Schema.String })
const Hold = Rpc.make("Hold")
const group = RpcGroup.make(Echo, Fail, Hold)

/** A worker of one store, which runs one at a time. */
const worker = Effect.gen(function* () {
  const held = yield* Deferred.make<void>()
  const handlers = Handlers.layer(group).pipe(
    Layer.provide(
      group.toLayer({
        Echo: ({ message }) => Effect.succeed(message),
        Fail: ({ reason }) => Effect.fail(reason),
        Hold: () => Effect.andThen(Deferred.succeed(held, undefined), Effect.never)
      })
    )
  )
  const context = yield* Durable.layer({
    name: "test",
    minWorkers: 1,
    maxWorkers: 1,
    maxHeld: 1,
    drainDeadline: 0
  }).pipe(Layer.provide([handlers, Durable.layerMemory]), Layer.build)
  return {
    held: Deferred.await(held),
    pool: Context.get(context, WorkerPool.WorkerPool),
    durable: Context.get(context, Durable.Durable)
  }
})

/** What `list` prints, by its lines. */
const listed = (durable: Durable.Durable["Service"], flags: Partial<Parameters<typeof queryOf>[0]> = {}) =>
  Effect.gen(function* () {
    const all = { state: undefined, type: undefined, key: undefined, limit: 50, before: undefined, ...flags }
    const query = yield* Effect.fromResult(queryOf(all))
    const text = yield* list(durable, query, { before: all.before, json: false })
    return text.split("\n").slice(0, -1)
  })

const a = idFor("Echo", "a")
const b = idFor("Fail", "b")
const c = idFor("Hold", "c")

/** One that succeeded, a dead letter, and one that runs, stored in that order. */
const three = Effect.gen(function* () {
  const all = yield* worker
  const { durable, held, pool } = all
  const echoed = yield* pool.submit(Echo, { message: "hello" }, { id: a, key: "acme" })
  yield* echoed.outcome
  yield* TestClock.adjust("90 seconds")
  const failed = yield* pool.submit(Fail, { reason: "full" }, { id: b, priority: 3 })
  yield* failed.outcome
  yield* TestClock.adjust("5 seconds")
  yield* pool.submit(Hold, undefined, { id: c })
  yield* held
  return { ...all, durable }
})

describe("list", () => {
  it.effect("tells the newest first, where each is or how it ended", () =>
    Effect.gen(function* () {
      const { durable } = yield* three
      expect(yield* listed(durable)).toEqual([
        "id                                     type   state                  key    deliveries   stored",
        `${c}   Hold   claimed                       1            0 s ago`,
        `${b}   Fail   failed (dead letter)          1            5 s ago`,
        `${a}   Echo   succeeded              acme   1            1 min 35 s ago`
      ])
    })
  )

  it.effect("asks for those that are wanted, page by page", () =>
    Effect.gen(function* () {
      const { durable } = yield* three
      const ids = (flags: Parameters<typeof listed>[1]) =>
        Effect.map(listed(durable, flags), (lines) => lines.slice(1).map((line) => line.split(" ")[0]))
      expect(yield* ids({ state: "dead" })).toEqual([b])
      expect(yield* ids({ state: "ended" })).toEqual([b, a])
      expect(yield* ids({ type: "Echo" })).toEqual([a])
      expect(yield* ids({ key: "acme" })).toEqual([a])
      expect((yield* listed(durable, { limit: 1 })).at(-1)).toBe(`there may be more: --before ${c}`)
      expect(yield* ids({ before: b })).toEqual([a])
      expect(yield* listed(durable, { state: "cancelled" })).toEqual(["no such requests"])
      const error = yield* Effect.flip(listed(durable, { before: "00000000-0000-4000-8000-00000000000d" }))
      expect(error._tag).toBe("NoSuchRequest")
    })
  )

  it.each([
    [{ state: "gone" }, "Expected --state to be one of waiting, delayed, claimed, ended, dead, succeeded, "],
    [{ limit: 0 }, "Expected --limit to be a whole number from 1 to 1000, got 0"],
    [{ limit: 1001 }, "Expected --limit to be a whole number from 1 to 1000, got 1001"]
  ] as const)("refuses %j", (flags, says) => {
    const result = queryOf({
      state: undefined,
      type: undefined,
      key: undefined,
      limit: 50,
      before: undefined,
      ...flags
    })
    expect(result).toMatchObject({ _tag: "Failure", failure: { reason: expect.stringContaining(says) } })
  })
})

describe("show", () => {
  it.effect("tells all of a request", () =>
    Effect.gen(function* () {
      const { durable } = yield* three
      const failed = yield* durable.find(b)
      const lines = Show.toTable(failed).split("\n")
      for (const line of [
        new RegExp(`^id +${b}$`),
        /^type +Fail$/,
        /^state +failed \(dead letter\)$/,
        /^priority +3$/,
        /^stored +1970-01-01T00:01:30\.000Z$/,
        /^deliveries +1$/,
        /^attempts +1$/,
        /^payload +\{"reason":"full"\}$/,
        /^error +.*"full"/
      ]) {
        expect(lines, String(line)).toContainEqual(expect.stringMatching(line))
      }
      expect(lines.some((line) => line.startsWith("key"))).toBe(false)
      expect(toJson(failed)).toMatchObject({ id: b, type: "Fail", state: "failed", deadLetter: true, key: null })
      expect(Show.toTable(yield* durable.find(a))).toMatch(/^result +.*"hello"/m)
    })
  )
})

describe("stats", () => {
  it.effect("tells the terms of the law, what there is of each type, and who works", () =>
    Effect.gen(function* () {
      const { durable, pool } = yield* three
      yield* pool.submit(Echo, { message: "waits" })
      yield* TestClock.adjust("3 seconds")
      const stats = { counts: yield* durable.counts, processes: yield* durable.processes }
      const text = Stats.toTable(stats, 98_000)
      for (const line of [
        /^stored +4$/m,
        /^waiting +1$/m,
        /^claimed +1$/m,
        /^succeeded +1$/m,
        /^failed +1$/m,
        /^oldest +waits for 3 s$/m,
        /^Echo +1 +0 +0$/m,
        /^Hold +0 +0 +1$/m,
        new RegExp(`^${durable.process} +test +\\S+:${process.pid} +both +live +`, "m")
      ]) {
        expect(text).toMatch(line)
      }
      expect(text).not.toContain("do not add up")
      // Of that nothing is left.
      expect(text).not.toMatch(/^Fail /m)
      expect(JSON.parse(Stats.toJson(stats))).toMatchObject({
        stored: 4,
        waiting: 1,
        types: { Echo: { waiting: 1 } },
        law: []
      })
    })
  )

  it.effect("says when the counts do not add up", () =>
    Effect.gen(function* () {
      const { durable } = yield* worker
      const counts = { ...(yield* durable.counts), stored: 2 }
      expect(Stats.toTable({ counts, processes: [] }, 0)).toContain(
        "The counts do not add up: stored 2, but its terms add up to 0. Please report it."
      )
      expect(JSON.parse(Stats.toJson({ counts, processes: [] })).law).toEqual(["stored 2, but its terms add up to 0"])
    })
  )
})
