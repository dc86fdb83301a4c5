/** What follows a request from its caller's context to its handler. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, References, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, PoolConfig, RetryPolicy, WorkerPool } from "../src/index.ts"

const Tenant = Context.Reference<string>("test/Tenant", { defaultValue: () => "nobody" })
const Region = Context.Reference<string>("test/Region", { defaultValue: () => "nowhere" })

const Seen = Schema.Struct({
  tenant: Schema.String,
  region: Schema.String,
  annotations: Schema.Record(Schema.String, Schema.Unknown),
  spans: Schema.Array(Schema.String)
})
const Look = Rpc.make("Look", { payload: { fails: Schema.Number }, success: Seen, error: Schema.Literal("no") })
class Looks extends RpcGroup.make(Look) {}

const look = Effect.gen(function* () {
  return {
    tenant: yield* Tenant,
    region: yield* Region,
    annotations: yield* References.CurrentLogAnnotations,
    spans: (yield* References.CurrentLogSpans).map(([label]) => label)
  }
})

let attempts = 0
const LooksHandlers = Looks.toLayer({
  Look: ({ fails }) => Effect.suspend(() => (++attempts <= fails ? Effect.fail("no" as const) : look))
})

const poolWith = (options: ElasticPool.Options, handlers: Layer.Layer<Rpc.ToHandler<typeof Look>> = LooksHandlers) =>
  ElasticPool.layer({ retry: RetryPolicy.make({ times: 2, base: 1 }), ...options }).pipe(
    Layer.provide(Handlers.layer(Looks).pipe(Layer.provide(handlers)))
  )

const asked = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(
    Effect.annotateLogs({ requestId: "r1" }),
    Effect.withLogSpan("request"),
    Effect.provideService(Tenant, "acme"),
    Effect.provideService(Region, "eu")
  )

type Pool = WorkerPool.WorkerPool["Service"]
const ways: Record<string, (pool: Pool, fails: number) => Effect.Effect<typeof Seen.Type, unknown>> = {
  execute: (pool, fails) => pool.execute(Look, { fails }),
  executeCallback: (pool, fails) =>
    Effect.callback((resume) => Effect.sync(pool.executeCallback(Look, { fails }, resume))),
  executePromise: (pool, fails) => Effect.promise(() => pool.executePromise(Look, { fails })),
  clientPromise: (pool, fails) =>
    Effect.flatMap(Effect.provideService(WorkerPool.clientPromise(Looks), WorkerPool.WorkerPool, pool), (client) =>
      Effect.promise(async () => {
        await undefined
        return client.Look({ fails })
      })
    ) as Effect.Effect<typeof Seen.Type>,
  submit: (pool, fails) => Effect.flatMap(pool.submit(Look, { fails }), (ticket) => ticket.await),
  submitUnknown: (pool, fails) =>
    Effect.flatMap(pool.submitUnknown("Look", { fails }), (ticket) => ticket.await as Effect.Effect<any>),
  process: (pool, fails) =>
    Effect.flatMap(
      Stream.runCollect(pool.process(Stream.make(WorkerPool.call(Look, { fails })))),
      ([outcome]) => (outcome as any).exit as Effect.Effect<any>
    ),
  run: (pool) => pool.run(look)
}

const ask = (way: string, fails = 0) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    attempts = 0
    return yield* asked(ways[way]!(pool, fails))
  })

describe("the caller's context", () => {
  for (const way of Object.keys(ways)) {
    it.live(
      `${way}: annotations and spans of the log reach the handler, and the references that the pool inherits`,
      () =>
        Effect.gen(function* () {
          const inherited = { tenant: "acme", annotations: { requestId: "r1" }, spans: ["request"] }
          assert.deepInclude(yield* ask(way), inherited)
          // In its later attempts too.
          assert.deepInclude(yield* ask(way, 2), inherited)
        }).pipe(Effect.provide(poolWith({ inherit: [Tenant] })))
    )
  }

  it.live("a reference that the pool does not inherit stays with the caller", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* ask("execute"), { tenant: "acme", region: "nowhere" })
      assert.deepInclude(yield* ask("run"), { tenant: "acme", region: "eu" })
    }).pipe(Effect.provide(poolWith({ inherit: [Tenant] })))
  )

  it.live("nothing of one caller's is left for the next one", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.WorkerPool
      yield* ask("execute")
      assert.deepStrictEqual(yield* pool.execute(Look, { fails: 0 }), {
        tenant: "nobody",
        region: "nowhere",
        annotations: {},
        spans: []
      })
    }).pipe(Effect.provide(poolWith({ inherit: [Tenant], maxWorkers: 1 })))
  )

  it.live("the handler's own layer wins, and keeps its annotations and spans beside the caller's", () => {
    const own = LooksHandlers.pipe(
      Layer.provide(
        Layer.mergeAll(
          Layer.succeed(Tenant, "house"),
          Layer.succeed(References.CurrentLogAnnotations, { service: "images", requestId: "own" }),
          Layer.succeed(References.CurrentLogSpans, [["built", 0]])
        )
      )
    )
    return Effect.gen(function* () {
      const seen = yield* asked(
        Effect.flatMap(WorkerPool.WorkerPool, (pool) =>
          Effect.annotateLogs(pool.execute(Look, { fails: 0 }), { user: "u" })
        )
      )
      assert.deepInclude(seen, { tenant: "house", region: "eu", spans: ["built", "request"] })
      assert.deepStrictEqual(seen.annotations, { service: "images", requestId: "own", user: "u" })
    }).pipe(Effect.provide(poolWith({ inherit: [Tenant, Region] }, own)))
  })

  it.live("the annotations and spans in which the pool was built are there as well", () =>
    Effect.gen(function* () {
      const { annotations, spans } = yield* ask("execute")
      assert.deepStrictEqual(annotations, { service: "thumbs", requestId: "r1" })
      assert.deepStrictEqual(spans, ["built", "request"])
    }).pipe(
      Effect.provide(
        ElasticPool.layer().pipe(
          Layer.provide(Layer.succeed(References.CurrentLogAnnotations, { service: "thumbs", requestId: "pool" })),
          Layer.provide(Layer.succeed(References.CurrentLogSpans, [["built", 0]])),
          Layer.provide(Handlers.layer(Looks).pipe(Layer.provide(LooksHandlers)))
        )
      )
    )
  )

  it.live("the line that a handler logs has the annotations of its caller", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>((options) => void lines.push(Logger.formatLogFmt.log(options)))
    const logs = Looks.toLayer({ Look: () => Effect.andThen(Effect.logInfo("looked"), look) })
    return Effect.gen(function* () {
      yield* ask("execute")
      const line = lines.find((line) => line.includes("looked"))!
      assert.include(line, "requestId=r1")
      assert.match(line, /request=\d+ms/)
    }).pipe(Effect.provide(poolWith({}, logs).pipe(Layer.provideMerge(Logger.layer([logger])))))
  })

  it("an option that is no list of references is refused", () => {
    for (const inherit of [["Tenant"], Tenant, [class A extends Context.Service<A, string>()("A") {}]]) {
      const made = PoolConfig.make({ inherit: inherit as never })
      assert.deepInclude(
        made.pipe((result) => (result._tag === "Failure" ? result.failure : undefined)),
        {
          _tag: "InvalidPoolConfig",
          field: "inherit",
          expected: "a list of `Context.Reference`s"
        }
      )
    }
  })
})
