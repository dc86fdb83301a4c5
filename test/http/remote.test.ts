/** A pool that is called from afar: typed results and errors over a real socket, and calls that are given up. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { RpcClientError } from "effect/rpc"
import { createServer } from "node:http"
import * as RemotePool from "../../src/http/RemotePool.ts"
import { CircuitBreaker, ElasticPool, Handlers, PoolError, ScalingPolicy, WorkerPool } from "../../src/index.ts"
import { group, layer as layerHandlers, open, Refusal } from "./handlers.ts"

const token = "open sesame"

const guard = HttpRouter.middleware(
  (app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
      headers["authorization"] === `Bearer ${token}` ? app : Effect.succeed(HttpServerResponse.empty({ status: 401 }))
    ),
  { global: true }
)

/** A pool with one worker behind a server, and what is told of it. */
const serve = (options: ElasticPool.Options = {}) =>
  HttpRouter.serve(Layer.merge(RemotePool.layerRoutes(group), guard), {
    disableListenLog: true,
    disableLogger: true
  }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: 1 })),
    Layer.provideMerge(
      ElasticPool.layer({ maxWorkers: 1, scaling: ScalingPolicy.fixed(1), drainDeadline: 0, ...options })
    ),
    Layer.provide(Handlers.layer(group)),
    Layer.provide(layerHandlers)
  )

const connect = (given = token) =>
  Effect.gen(function* () {
    const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
    const protocol = yield* Layer.build(RemotePool.layerProtocol({ url: `${url}/`, token: given }))
    return yield* RemotePool.client(group).pipe(Effect.provideContext(protocol))
  })

/** Until the pool shows it: `field` has that value. */
const until = (field: "running" | "waiting" | "delayed" | "joined" | "cancelled", value: number) =>
  Effect.flatMap(WorkerPool.WorkerPool, ({ snapshot }) =>
    Effect.repeat(Effect.delay(snapshot, 1), { until: (snapshot) => snapshot[field] === value })
  )

describe("a client in another process", () => {
  it.live("gets values, and the handler's own errors as the classes they are", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      assert.strictEqual(yield* client.Echo({ message: "schön\n" }), "schön\n")
      const on = new Date(86_400_000)
      assert.deepStrictEqual(yield* client.Nested({ list: [{ count: 1 }], on }), on)
      assert.strictEqual(yield* client["mail.send"](), "sent")
      const refusal = yield* Effect.flip(client.Fail({ why: "closed" }))
      assert.instanceOf(refusal, Refusal)
      assert.deepInclude(refusal, { why: "closed", at: new Date(0) })
    }).pipe(Effect.provide(serve()))
  )

  it.live("gets the pool's errors as the classes they are", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const running = yield* Effect.forkChild(client.Gate({ name: "full" }))
      yield* until("running", 1)
      const waiting = yield* Effect.forkChild(client.Gate({ name: "full" }))
      yield* until("waiting", 1)
      const refusal: PoolError.PoolError | RpcClientError.RpcClientError = yield* Effect.flip(
        client.Echo({ message: "" })
      )
      assert.instanceOf(refusal, PoolError.QueueFull)
      assert.deepInclude(refusal, {
        capacity: 1,
        message: "The queue holds its 1 requests; this one was refused"
      })
      open("full")
      assert.deepStrictEqual(yield* Fiber.joinAll([running, waiting]), ["full", "full"])
      const { drain } = yield* WorkerPool.WorkerPool
      yield* drain()
      assert.instanceOf(yield* Effect.flip(client.Echo({ message: "" })), PoolError.PoolDraining)
    }).pipe(Effect.provide(serve({ capacity: 1, strategy: "dropping" })))
  )

  it.live("is told of a deadline", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const error = yield* Effect.flip(client.Gate({ name: "never" }))
      assert.deepInclude(error, { _tag: "RequestTimeout", tag: "Gate", attempt: 1, timeoutMillis: 10 })
    }).pipe(Effect.provide(serve({ timeout: 10 })))
  )

  it.live("loses nothing else by the defect of one handler", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const pending = yield* Effect.forkChild(client.Gate({ name: "beside" }))
      yield* until("running", 1)
      const exit = yield* Effect.exit(client.Die({ text: "a bug" }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.notInclude(JSON.stringify(exit), "a bug")
      open("beside")
      assert.strictEqual(yield* Fiber.join(pending), "beside")
    }).pipe(Effect.provide(serve({ maxWorkers: 2, scaling: ScalingPolicy.fixed(2) })))
  )

  it.live("cancels what it gives up", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const running = yield* Effect.forkChild(client.Gate({ name: "given up" }))
      yield* until("running", 1)
      const waiting = yield* Effect.forkChild(client.Gate({ name: "given up" }))
      yield* until("waiting", 1)
      yield* Fiber.interrupt(waiting)
      yield* until("cancelled", 1)
      yield* Fiber.interrupt(running)
      yield* until("cancelled", 2)
      assert.strictEqual(yield* client.Echo({ message: "free again" }), "free again")
    }).pipe(Effect.provide(serve()))
  )

  it.live("says whose a call is, and how urgent it is", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const { list, waitingBy } = yield* WorkerPool.WorkerPool
      const running = yield* Effect.forkChild(client.Gate({ name: "keyed" }))
      yield* until("running", 1)
      const options = RemotePool.callOptions({ key: "\u00fc __proto__", priority: 5 })
      const waiting = yield* Effect.forkChild(client.Gate({ name: "keyed" }, options))
      yield* until("waiting", 1)
      const [view] = yield* list({ phase: "waiting" })
      assert.deepInclude(view, { tag: "Gate", key: "\u00fc __proto__", priority: 5 })
      assert.strictEqual((yield* waitingBy("key"))[0]?.name, "\u00fc __proto__")
      open("keyed")
      yield* Fiber.joinAll([running, waiting])

      for (const [wrong, field] of [
        [{ key: "" }, "key"],
        [{ key: "k".repeat(257) }, "key"],
        [{ key: "a\nb" }, "key"],
        [{ priority: 11 }, "priority"],
        [{ priority: 1.5 }, "priority"]
      ] as const) {
        const error = yield* Effect.flip(client.Echo({ message: "" }, RemotePool.callOptions(wrong)))
        assert.deepInclude(error, { _tag: "InvalidRequestOption", field })
      }
    }).pipe(Effect.provide(serve()))
  )

  it.live("fails a call that the service does not answer with success", () =>
    Effect.gen(function* () {
      const client = yield* connect("a guess")
      const error = yield* Effect.flip(client.Echo({ message: "" }))
      assert.strictEqual(error._tag, "RpcClientError")
      assert.deepInclude((error as RpcClientError.RpcClientError).reason, {
        _tag: "HttpError",
        kind: "StatusCodeError"
      })
    }).pipe(Effect.provide(serve()))
  )
})

describe("what a remote call is to others", () => {
  const { callOptions } = RemotePool
  const once = { primaryKey: "\u00fc order-7", duplicate: "join" } as const

  it.live("joins: one attempt, and its answer for both; who gives up takes the other one's not along", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const { snapshot } = yield* WorkerPool.WorkerPool
      const call = Effect.forkChild(client.Gate({ name: "joined" }, callOptions(once)))
      const first = yield* call
      yield* until("running", 1)
      const [second, third] = [yield* call, yield* call]
      yield* until("joined", 2)
      yield* Fiber.interrupt(first)
      yield* Fiber.interrupt(third)
      open("joined")
      assert.strictEqual(yield* Fiber.join(second), "joined")
      assert.deepInclude(yield* snapshot, { attempts: 1, joined: 2, cancelled: 0, succeeded: 1 })
    }).pipe(Effect.provide(serve()))
  )

  it.live("is refused as a duplicate, and gives way, by errors of their classes", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const { list } = yield* WorkerPool.WorkerPool
      const running = yield* Effect.forkChild(client.Gate({ name: "one" }, callOptions({ primaryKey: "k" })))
      yield* until("running", 1)
      const waiting = yield* Effect.forkChild(
        client.Echo({ message: "old" }, callOptions({ primaryKey: "k", duplicate: "replace" }))
      )
      yield* until("waiting", 1)
      const [{ id } = { id: "" }] = yield* list({ phase: "waiting" })
      const refused = yield* Effect.flip(
        client.Echo({ message: "" }, callOptions({ primaryKey: "k", duplicate: "reject" }))
      )
      assert.instanceOf(refused, PoolError.DuplicateRequest)
      assert.deepInclude(refused, { tag: "Echo", id, primaryKey: "k" })
      const fresh = yield* Effect.forkChild(
        client.Echo({ message: "new" }, callOptions({ primaryKey: "k", duplicate: "replace" }))
      )
      const replaced = yield* Effect.flip(Fiber.join(waiting))
      assert.instanceOf(replaced, PoolError.RequestReplaced)
      assert.strictEqual(replaced.by, (yield* list({ phase: "waiting" }))[0]?.id)
      open("one")
      assert.deepStrictEqual(yield* Fiber.joinAll([running, fresh]), ["one", "new"])
    }).pipe(Effect.provide(serve()))
  )

  it.live("is for later, in a group, and put off; more of them than may be is refused", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const { group, list } = yield* WorkerPool.WorkerPool
      const later = yield* Effect.forkChild(
        client.Echo({ message: "" }, callOptions({ delay: "1 hour", group: "import" }))
      )
      yield* until("delayed", 1)
      const [view] = yield* list()
      assert.deepInclude(view, { group: "import" })
      assert.isAbove(view!.startsInMillis!, 3_590_000)
      const tooMany = yield* Effect.flip(client.Echo({ message: "" }, callOptions({ startAt: Date.now() + 3_600_000 })))
      assert.instanceOf(tooMany, PoolError.QueueFull)
      assert.deepInclude(tooMany, { scheduled: true, capacity: 1 })
      assert.strictEqual(yield* group("import").cancel, 1)
      assert.instanceOf(yield* Effect.flip(Fiber.join(later)), PoolError.RequestCancelled)
      const putOff = callOptions({
        primaryKey: "k",
        duplicate: "latest",
        debounce: "1 minute",
        debounceAtMost: 120_000
      })
      yield* Effect.forkChild(client.Echo({ message: "" }, putOff))
      yield* until("delayed", 1)
      assert.isAbove((yield* list())[0]!.startsInMillis!, 50_000)
    }).pipe(Effect.provide(serve({ maxScheduled: 1 })))
  )

  it.live("is told of a breaker that is open, and of too much to do, by errors of their classes", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      const { snapshot } = yield* WorkerPool.WorkerPool
      const running = yield* Effect.forkChild(client.Gate({ name: "late" }))
      yield* until("running", 1)
      const waiting: Array<Fiber.Fiber<unknown, unknown>> = []
      for (let n = 0; n < 5; n++) waiting.push(yield* Effect.forkChild(client.Echo({ message: `${n}` })))
      // Some may have been given up before the others have come.
      yield* Effect.repeat(Effect.delay(snapshot, 1), { until: ({ accepted }) => accepted === 6 })
      yield* Effect.sleep(50)
      open("late")
      yield* Fiber.await(running)
      const errors = (yield* Effect.forEach(waiting, Fiber.await)).flatMap((exit) =>
        Exit.isFailure(exit) ? [Cause.squash(exit.cause)] : []
      )
      assert.isNotEmpty(errors)
      for (const error of errors) assert.instanceOf(error, PoolError.RequestShed)
      yield* Effect.flip(client.Fail({ why: "down" }))
      const refused = yield* Effect.flip(client.Fail({ why: "down" }))
      assert.instanceOf(refused, PoolError.CircuitOpen)
      assert.strictEqual(refused.tag, "Fail")
      assert.isAbove(refused.retryAfterMillis, 0)
    }).pipe(
      Effect.provide(
        serve({
          strategy: "shedding",
          shedding: { target: 1, interval: 10 },
          breaker: CircuitBreaker.make({
            tripPolicy: CircuitBreaker.consecutive(1),
            openDuration: "1 hour",
            whenOpen: "fail"
          })
        })
      )
    )
  )

  it.live("is refused where an option is wrong", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      for (const [wrong, field] of [
        [{ primaryKey: "" }, "primaryKey"],
        [{ primaryKey: "k".repeat(257) }, "primaryKey"],
        [{ group: "a\nb" }, "group"],
        [{ primaryKey: "k", duplicate: "merge" as "join" }, "duplicate"],
        [{ primaryKey: "k", duplicate: "replace", debounce: -1 }, "debounce"],
        [{ primaryKey: "k", duplicate: "join", debounce: 1 }, "debounce"],
        [{ primaryKey: "k", duplicate: "replace", debounce: 2, debounceAtMost: 1 }, "debounceAtMost"],
        [{ delay: 1, startAt: 1 }, "startAt"]
      ] as const) {
        const error = yield* Effect.flip(client.Echo({ message: "" }, callOptions(wrong)))
        assert.deepInclude(error, { _tag: "InvalidRequestOption", field })
      }
    }).pipe(Effect.provide(serve()))
  )
})
