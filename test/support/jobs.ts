/** Pools whose handlers ask their own pool: who works, who only waits, and whether the books are right after each event. */
import { assert } from "@effect/vitest"
import { Effect, Layer, Logger, Schema, type Scope, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, PoolSnapshot, WorkerPool } from "../../src/index.ts"

export const Job = Rpc.make("Job", { payload: { n: Schema.Number }, success: Schema.Number, error: Schema.String })
export class Jobs extends RpcGroup.make(Job) {}

export type Pool = WorkerPool.WorkerPool["Service"]
export type Handler = (n: number, pool: Pool, nested: Nested) => Effect.Effect<number, any, Scope.Scope>

/** What a pool's handlers have done: those that only wait for a part of theirs do not work. */
export class Nested {
  atWork = 0
  mostAtWork = 0
  lent = 0
  readonly log: Array<string> = []

  /** Time in which a handler works. */
  work(millis: number) {
    return Effect.acquireUseRelease(
      Effect.sync(() => (this.mostAtWork = Math.max(this.mostAtWork, ++this.atWork))),
      () => Effect.sleep(millis),
      () => Effect.sync(() => void this.atWork--)
    )
  }
}

export const withJobs = (
  options: ElasticPool.Options,
  handler: Handler,
  test: (pool: Pool, nested: Nested, lines: ReadonlyArray<string>) => Effect.Effect<unknown, any, Scope.Scope>
) =>
  Effect.gen(function* () {
    const nested = new Nested()
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(
      ({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`)
    )
    let pool: Pool
    const handlers = Handlers.layer(Jobs).pipe(
      Layer.provide(Jobs.toLayer({ Job: ({ n }) => Effect.suspend(() => handler(n, pool, nested)) }))
    )
    const made = yield* ElasticPool.make({ scaling: "none", drainDeadline: 0, timeout: "10 seconds", ...options }).pipe(
      Effect.provide(handlers),
      Effect.provide(Logger.layer([logger]))
    )
    pool = made.pool
    const watching = yield* Effect.forkChild(
      Stream.runForEach(pool.events, () =>
        Effect.map(pool.snapshot, (snapshot) => {
          nested.lent = Math.max(nested.lent, snapshot.lent)
          assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
        })
      )
    )
    yield* Effect.yieldNow
    yield* test(pool, nested, lines)
    yield* Effect.repeat(Effect.yieldNow, { times: 50 })
    const last = yield* pool.snapshot
    assert.deepStrictEqual(PoolSnapshot.lawViolations(last), [])
    assert.deepInclude(last, { lent: 0, blocked: 0, waiting: 0, delayed: 0 })
    assert.isFalse(watching.pollUnsafe()?._tag === "Failure", "the law held after each event")
  })

export const job = (pool: Pool, n: number) => pool.execute(Job, { n })
