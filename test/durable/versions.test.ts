/** Processes of two versions on one store, as in a rolling deployment: what one of them does not know, or cannot read. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import { PoolError } from "../../src/index.ts"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster
const groupOf = (rpc: Rpc.Any) => RpcGroup.make(rpc) as unknown as RpcGroup.RpcGroup<any>

describe("with processes of two versions", () => {
  it.effect("a payload that a worker cannot read ends its request, untried, and its caller is told why", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const Older = Rpc.make("Work", { payload: { id: Schema.Int }, success: Schema.String })
      const client = yield* cluster.start("client", {}, "layerClient", groupOf(Older))
      const worker = yield* cluster.start("worker")
      const outcome = yield* (yield* client.pool.submit(Older, { id: 7 })).outcome
      assert.strictEqual(outcome.end, "failed")
      assert.strictEqual(outcome.attempts, 0)
      const error = Exit.isFailure(outcome.exit) ? Cause.squash(outcome.exit.cause) : undefined
      assert.instanceOf(error, PoolError.InvalidPayload)
      assert.include(error.issue, "Expected string")
      yield* worker.close
      yield* client.close
    })
  )

  it.effect("a result that a caller cannot read is a defect of its call; the outcome says how it ended", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const Newer = Rpc.make("Work", { payload: { id: Schema.String }, success: Schema.Int })
      const client = yield* cluster.start("client", {}, "layerClient", groupOf(Newer))
      const worker = yield* cluster.start("worker")
      const outcome = yield* (yield* client.pool.submit(Newer, { id: "one" })).outcome
      assert.strictEqual(outcome.end, "succeeded")
      assert.include(Exit.isFailure(outcome.exit) ? Cause.pretty(outcome.exit.cause) : "", 'The end of "Work" cannot')
      yield* worker.close
      yield* client.close
    })
  )

  it.effect("a request that nobody has a handler for waits for a process that has one", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const Newest = Rpc.make("Newest", { payload: { id: Schema.String }, success: Schema.String })
      const client = yield* cluster.start("client", {}, "layerClient", groupOf(Newest))
      const older = yield* cluster.start("older", {}, "layerWorker", groupOf(Work))
      const ticket = yield* client.pool.submit(Newest, { id: "one" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* ticket.status, "waiting")
      assert.strictEqual((yield* client.durable.counts).tags["Newest"]?.waiting, 1)
      const newer = yield* cluster.start("newer", {}, "layerWorker", groupOf(Newest))
      assert.strictEqual(yield* ticket.await, "one by newer")
      yield* newer.close
      yield* older.close
      yield* client.close
    })
  )
})
