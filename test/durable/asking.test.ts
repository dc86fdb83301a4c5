/** What a caller may say of a stored request, what it gets, and what it can do later, from any process. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schedule, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import { Outcome, PoolError, RequestPolicy, RetryPolicy, WorkerPool } from "../../src/index.ts"
import { IdOwner } from "../../src/internal/idOwner.ts"
import * as Cluster from "./cluster.ts"

const { Work } = Cluster

const Send = Rpc.make("Send", {
  payload: { to: Schema.String, text: Schema.String },
  primaryKey: ({ to }) => to,
  success: Schema.String
})
const Post = Rpc.make("Post", { payload: { to: Schema.String }, primaryKey: ({ to }) => to, success: Schema.String })
class Mails extends RpcGroup.make(Send, Post) {}
const Urgent = RpcGroup.make(
  Rpc.make("One", { success: Schema.String }),
  Rpc.make("Other", { success: Schema.String }).annotate(RequestPolicy.RequestPolicy, { priority: 1 })
).annotate(RequestPolicy.RequestPolicy, { priority: 7, expiresIn: "1 hour" })
const mails = Mails as unknown as RpcGroup.RpcGroup<any>

const alone = <A, E>(
  test: (cluster: Cluster.Cluster, process: Cluster.Process) => Effect.Effect<A, E>,
  options?: Durable.Options
) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.make
    const process = yield* cluster.start("a", options)
    yield* test(cluster, process)
    assert.deepStrictEqual(Durable.lawViolations(yield* process.durable.counts), [])
    yield* process.close
  })

describe("a call", () => {
  it.effect("with an id of its own is stored once, in any process, also after its end", () =>
    alone((cluster, { durable, pool }) =>
      Effect.gen(function* () {
        const first = yield* pool.submit(Work, { id: "one" }, { id: "order 7" })
        assert.strictEqual(yield* first.await, "one by a")
        assert.strictEqual(first.id, durable.idOf("Work", "order 7"))
        const b = yield* cluster.start("b")
        const again = yield* b.pool.submit(Work, { id: "two" }, { id: "order 7" })
        assert.strictEqual(yield* again.await, "one by a")
        assert.deepStrictEqual(cluster.log, ["a one"])
        yield* b.close
      })
    )
  )

  it.effect("whose Rpc has a primary key is one with others of that key", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a", {}, "layer", mails)
      const [one, two] = yield* Effect.all(
        [pool.submit(Send, { to: "ada", text: "1" }), pool.submit(Send, { to: "ada", text: "2" })],
        { concurrency: 2 }
      )
      assert.strictEqual(one.id, two.id)
      assert.strictEqual(one.id, durable.idOf("Send", "ada"))
      yield* two.await
      assert.strictEqual((yield* durable.counts).stored, 1)
      yield* close
    })
  )

  it.effect("whose primary key is one of another owner, too, is none with that", () =>
    alone((_, { durable, pool }) =>
      Effect.gen(function* () {
        const ask = (owner: string | undefined) =>
          Effect.provideService(pool.submit(Work, { id: "one" }, { primaryKey: "k" }), IdOwner, owner)
        const [ada, bob, nobody] = [yield* ask("ada"), yield* ask("bob"), yield* ask(undefined)]
        assert.strictEqual(new Set([ada.id, bob.id, nobody.id]).size, 3)
        assert.strictEqual((yield* ask("ada")).id, ada.id)
        for (const ticket of [ada, bob, nobody]) yield* ticket.await
        assert.strictEqual((yield* durable.counts).stored, 3)
      })
    )
  )

  it.effect("whose primary key is one of another Rpc, too, is none with that, also where it is a UUID", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const { close, durable, pool } = yield* cluster.start("a", {}, "layer", mails)
      const to = crypto.randomUUID()
      const one = yield* pool.submit(Send, { to, text: "1" })
      const other = yield* pool.submit(Post, { to })
      assert.deepStrictEqual([one.id, other.id], [durable.idOf("Send", to), durable.idOf("Post", to)])
      yield* other.await
      assert.strictEqual((yield* durable.counts).stored, 2)
      const asked = yield* pool.submit(Post, { to }, { id: to.toUpperCase() })
      assert.strictEqual(asked.id, other.id)
      yield* close
    })
  )

  it.effect("of a process that only asks is as its group says, where its Rpc and the call do not", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const urgent = Urgent as unknown as RpcGroup.RpcGroup<any>
      const { close, durable, pool } = yield* cluster.start("client", {}, "layerClient", urgent)
      for (const [tag, options, priority] of [
        ["One", {}, 7],
        ["Other", {}, 1],
        ["One", { priority: 2 }, 2]
      ] as const) {
        const { id } = yield* pool.submitUnknown(tag, null, options)
        const { request } = yield* durable.find(id)
        assert.deepStrictEqual([request.priority, request.expiresInMillis], [priority, 3_600_000])
      }
      yield* close
    })
  )

  it.effect("is refused where its rule for retries cannot be written down", () =>
    alone((_, { pool }) =>
      Effect.gen(function* () {
        for (const retry of [Schedule.recurs(2), RetryPolicy.make({ times: 1, delay: () => 5 })]) {
          const error = yield* Effect.flip(pool.submit(Work, { id: "one" }, { retry }))
          assert.instanceOf(error, PoolError.InvalidRequestOption)
          assert.include(error.message, "Expected `retry` to be a RetryPolicy without functions")
        }
      })
    )
  )

  for (const [what, field, options] of [
    ["to refuse a second one", "duplicate", { primaryKey: "k", duplicate: "reject" }],
    ["to replace one", "duplicate", { primaryKey: "k", duplicate: "replace", debounce: "1 second" }],
    ["to be the latest", "duplicate", { primaryKey: "k", duplicate: "latest" }],
    ["to be put off", "debounce", { primaryKey: "k", debounce: "1 second" }],
    ["for a group", "group", { group: "import" }]
  ] as const) {
    it.effect(`is refused where it asks ${what}, which no store does, and is not stored`, () =>
      alone((_, { durable, pool }) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(pool.submit(Work, { id: "one" }, options))
          assert.instanceOf(error, PoolError.InvalidRequestOption)
          assert.strictEqual(error.field, field)
          if (field !== "debounce") assert.include(error.expected, "in a durable pool")
          assert.strictEqual((yield* durable.counts).stored, 0)
        })
      )
    )
  }

  it.effect("is refused where what names it is no text, or empty: all such would be one", () =>
    Effect.gen(function* () {
      const Named = Rpc.make("Named", {
        payload: { to: Schema.String },
        primaryKey: ({ to }) => (to === "throws" ? (undefined as any).to : to),
        success: Schema.String
      })
      const cluster = yield* Cluster.make
      const group = RpcGroup.make(Named) as unknown as RpcGroup.RpcGroup<any>
      const { close, durable, pool } = yield* cluster.start("a", {}, "layer", group)
      for (const [to, options, field] of [
        ["x", { id: "" }, "id"],
        ["x", { id: 7 as any }, "id"],
        ["x", { primaryKey: "" }, "primaryKey"],
        ["x", { primaryKey: 7 as any }, "primaryKey"],
        ["", {}, "primaryKey"],
        ["throws", {}, "primaryKey"]
      ] as const) {
        const error = yield* Effect.flip(pool.submit(Named, { to }, options))
        assert.instanceOf(error, PoolError.InvalidRequestOption)
        assert.strictEqual(error.field, field)
      }
      assert.strictEqual((yield* durable.counts).stored, 0)
      yield* close
    })
  )

  it.effect("is refused with what is wrong with its payload", () =>
    alone((_, { pool }) =>
      Effect.gen(function* () {
        const made = yield* Effect.flip(pool.submit(Work, { id: 7 as any }))
        assert.instanceOf(made, PoolError.InvalidPayload)
        const read = yield* Effect.flip(pool.submitUnknown("Work", { id: 7 }))
        assert.instanceOf(read, PoolError.InvalidPayload)
        const unknown = yield* Effect.flip(pool.submitUnknown("Nobody", {}))
        assert.instanceOf(unknown, PoolError.HandlerNotFound)
      })
    )
  )

  it.effect("takes its request with it when it is interrupted", () =>
    alone((cluster, { durable, pool }) =>
      Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        const interrupted = yield* Deferred.make<void>()
        cluster.on("one", () =>
          Effect.onInterrupt(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never), () =>
            Deferred.succeed(interrupted, undefined)
          )
        )
        const caller = yield* Effect.forkChild(pool.execute(Work, { id: "one" }))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(caller)
        yield* Deferred.await(interrupted)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* durable.counts).cancelled, 1)
      })
    )
  )

  it.effect("ends where it is when its time is over, waited for or not", () =>
    alone(
      (cluster, { pool }) =>
        Effect.gen(function* () {
          const gate = yield* Deferred.make<void>()
          cluster.on("first", () => Effect.as(Deferred.await(gate), ""))
          yield* pool.submit(Work, { id: "first" })
          yield* TestClock.adjust(1)
          const late = yield* Effect.forEach(Array.from({ length: 5 }), (_, at) =>
            pool.submit(Work, { id: `${at}` }, { expiresIn: "3 seconds" })
          )
          yield* TestClock.adjust("15 seconds")
          for (const ticket of late) {
            const { end, exit } = yield* ticket.outcome
            assert.strictEqual(end, "expired")
            assert.instanceOf(Exit.isFailure(exit) && (exit.cause.reasons[0] as any).error, PoolError.RequestExpired)
          }
          yield* Deferred.succeed(gate, undefined)
          yield* TestClock.adjust("1 second")
        }),
      { maxWorkers: 1 }
    )
  )

  it.effect("goes through a stream, in order or as they end", () =>
    alone((_, { pool }) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 50 }, (_, at) => `${at}`)
        const calls = Stream.fromIterable(ids).pipe(Stream.map((id) => WorkerPool.call(Work, { id })))
        const outcomes = yield* Stream.runCollect(pool.process(calls, { ordered: true }))
        assert.deepStrictEqual(
          outcomes.map((outcome) => (Outcome.isSuccess(outcome) ? outcome.exit.value : outcome)),
          ids.map((id) => `${id} by a`)
        )
        assert.strictEqual((yield* Stream.runCollect(pool.process(calls))).length, 50)
      })
    )
  )
})

describe("retries", () => {
  const failing = (cluster: Cluster.Cluster, times: number) => {
    let failed = 0
    cluster.on("one", () => (failed++ < times ? Effect.fail("no") : Effect.succeed("yes")))
  }

  it.effect("are made within a delivery while they are near", () =>
    alone((cluster, { pool }) =>
      Effect.gen(function* () {
        failing(cluster, 2)
        const retry = RetryPolicy.make({ times: 3, base: "1 second", jitter: "none" })
        const ticket = yield* pool.submit(Work, { id: "one" }, { retry })
        yield* TestClock.adjust("4 seconds")
        const { attempts, deliveries, exit } = yield* ticket.outcome
        assert.deepStrictEqual([attempts, deliveries, exit], [3, 1, Exit.succeed("yes")])
      })
    )
  )

  for (const [what, retry] of [
    ["a policy", RetryPolicy.make({ times: 2, base: "20 seconds", factor: 1, jitter: "none" })],
    ["a schedule", Schedule.spaced("20 seconds").pipe(Schedule.upTo({ times: 2 }))]
  ] as const) {
    it.effect(`that are far off, by ${what}, are the store's meanwhile, and as many as there would be`, () =>
      alone(
        (cluster, { durable, pool }) =>
          Effect.gen(function* () {
            failing(cluster, 99)
            const ticket = yield* pool.submit(Work, { id: "one" })
            yield* TestClock.adjust("5 seconds")
            assert.strictEqual((yield* durable.counts).delayed, 1)
            assert.strictEqual((yield* durable.local).held, 0)
            assert.strictEqual(yield* ticket.status, "delayed")
            yield* TestClock.adjust("60 seconds")
            const { attempts, deliveries, exit } = yield* ticket.outcome
            assert.deepStrictEqual([attempts, deliveries, exit], [3, 1, Exit.fail("no")])
            assert.strictEqual(cluster.log.length, 3)
          }),
        { retry }
      )
    )
  }
})

describe("a ticket", () => {
  it.effect("is found again in another process, and after a restart", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const a = yield* cluster.start("a")
      const { id } = yield* a.pool.submit(Work, { id: "one" })
      yield* TestClock.adjust("1 second")
      yield* a.close
      const b = yield* cluster.start("b")
      const ticket = yield* b.durable.ticket(id, Work)
      assert.strictEqual(yield* ticket.await, "one by a")
      assert.strictEqual(yield* ticket.status, "ended")
      assert.strictEqual(yield* ticket.deliveries, 1)
      const missing = yield* Effect.flip(b.durable.ticket(crypto.randomUUID()))
      assert.instanceOf(missing, PoolError.NoSuchRequest)
      yield* b.close
    })
  )

  it.effect("of what is no id is none, for which no store is asked", () =>
    alone((cluster, { durable, pool }) =>
      Effect.gen(function* () {
        cluster.memory.faults.setReach("away")
        const { cancel, find, ticket } = durable
        for (const asked of [ticket("order 7"), find("order 7"), cancel("order 7")])
          assert.instanceOf(yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(asked)), PoolError.NoSuchRequest)
        assert.instanceOf(yield* Effect.flip(durable.resubmit("order 7")), PoolError.DeadLetterNotFound)
        assert.isFalse(yield* durable.discard("order 7"))
        cluster.memory.faults.setReach("here")
        yield* pool.submit(Work, { id: "one" })
        assert.lengthOf(yield* pool.list({}, { after: "order 7" }), 1)
      })
    )
  )

  it.effect("of a dead letter that is sent again says of which", () =>
    alone((cluster, { durable, pool }) =>
      Effect.gen(function* () {
        let failed = 0
        cluster.on("one", () => (failed++ === 0 ? Effect.fail("no") : Effect.succeed("yes")))
        const ticket = yield* pool.submit(Work, { id: "one" })
        yield* Effect.exit(ticket.await)
        assert.deepStrictEqual(
          (yield* pool.deadLetters.list).map(({ outcome, payload }) => [outcome.id, payload]),
          [[ticket.id, { id: "one" }]]
        )
        const [again, second] = yield* Effect.all(
          [durable.resubmit(ticket.id), Effect.exit(durable.resubmit(ticket.id))],
          {
            concurrency: 2
          }
        )
        if (Exit.isSuccess(second)) assert.strictEqual(second.value.id, again.id)
        assert.strictEqual((yield* durable.counts).stored, 2)
        const outcome = yield* again.outcome
        assert.strictEqual(outcome.resubmittedFrom, ticket.id)
        assert.deepStrictEqual(outcome.exit, Exit.succeed("yes"))
        assert.deepStrictEqual(yield* pool.deadLetters.list, [])
      })
    )
  )
})

describe("a pause", () => {
  it.effect("holds in every process, of all or of a tag, until it is taken away", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const a = yield* cluster.start("a")
      const b = yield* cluster.start("b")
      yield* a.pool.pauseOnly({ tag: "Work" })
      yield* TestClock.adjust("4 seconds")
      const ticket = yield* b.pool.submit(Work, { id: "one" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* ticket.status, "waiting")
      assert.deepStrictEqual((yield* b.durable.local).pauses, [{ tag: "Work" }])
      yield* b.pool.pause
      yield* a.pool.resumeOnly({ tag: "Work" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* ticket.status, "waiting")
      yield* a.pool.resume
      yield* TestClock.adjust("4 seconds")
      yield* ticket.await
      yield* a.close
      yield* b.close
    })
  )
})

describe("whoever waits when the pool of its process closes", () => {
  it.effect("is told so, and its request stays stored", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster.make
      const client = yield* cluster.start("client", {}, "layerClient")
      const waiting = yield* Effect.forkChild(Effect.flip(client.pool.execute(Work, { id: "one" })))
      const ticket = yield* client.pool.submit(Work, { id: "two" })
      yield* TestClock.adjust("1 second")
      yield* client.close
      assert.instanceOf(yield* Fiber.join(waiting), PoolError.PoolDraining)
      assert.instanceOf(yield* Effect.flip(ticket.await), PoolError.PoolDraining)
      assert.instanceOf(yield* Effect.flip(client.pool.submit(Work, { id: "three" })), PoolError.PoolDraining)
      const worker = yield* cluster.start("worker")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* worker.durable.counts).succeeded, 2)
      yield* worker.close
    })
  )
})
