/** A pool whose handler takes several requests at once, and what it was given and when. */
import { assert } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import type * as Call from "../../src/Call.ts"
import * as ElasticPool from "../../src/ElasticPool.ts"
import * as Handlers from "../../src/Handlers.ts"
import * as PoolSnapshot from "../../src/PoolSnapshot.ts"
import * as RequestPolicy from "../../src/RequestPolicy.ts"
import type * as WorkerPool from "../../src/WorkerPool.ts"
import { show, thenClose } from "./bench.ts"

export const Index = Rpc.make("Index", {
  payload: { id: Schema.String },
  success: Schema.String,
  error: Schema.Any
})

type Answers = Effect.Effect<ReadonlyArray<Exit.Exit<string, unknown>>, unknown>

export class BatchBench {
  readonly pool: WorkerPool.WorkerPool["Service"]
  /** When each batch began, and of what: `"5 a b c"`. */
  readonly begun: Array<string> = []
  /** What callers heard, in the order in which they did: `"a success"`. */
  readonly heard: Array<string> = []
  /** What a batch comes to. Without it each succeeds with its id. */
  answer: (ids: ReadonlyArray<string>) => Answers = (ids) => Effect.succeed(ids.map((id) => Exit.succeed(id)))

  constructor(pool: WorkerPool.WorkerPool["Service"]) {
    this.pool = pool
  }

  /** A caller of its own, which has reached the pool when this returns. */
  call(id: string, options?: Call.Options) {
    return Effect.forkChild(
      Effect.onExit(this.pool.execute(Index, { id }, { id, ...options }), (exit) =>
        Effect.sync(() => void this.heard.push(`${id} ${show(exit)}`))
      ),
      { startImmediately: true }
    )
  }

  calls(...ids: ReadonlyArray<string>) {
    return Effect.forEach(ids, (id) => this.call(id))
  }

  submit(id: string, options?: Call.Options) {
    return this.pool.submit(Index, { id }, { id, ...options })
  }

  run(payloads: ReadonlyArray<{ readonly id: string }>): Answers {
    const ids = payloads.map(({ id }) => id)
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      this.begun.push(`${now} ${ids.join(" ")}`)
      return this.answer(ids)
    })
  }
}

export interface Options extends ElasticPool.Options {
  readonly annotation: RequestPolicy.Annotation
}

/** As `withPool`. */
export const withBatches =
  ({ annotation, ...options }: Options) =>
  <A, E, R>(test: (bench: BatchBench) => Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      let bench: BatchBench | undefined
      const Annotated = Index.annotate(RequestPolicy.RequestPolicy, annotation)
      class Works extends RpcGroup.make(Annotated) {}
      const handlers = Handlers.layer(Works).pipe(
        Layer.provide(Works.toLayer({ Index: Handlers.batched(Annotated, (payloads) => bench!.run(payloads)) }))
      )
      const scope = yield* Scope.make()
      const { pool } = yield* ElasticPool.make({ scaling: "none", minWorkers: 1, ...options }).pipe(
        Effect.provide(handlers),
        Scope.provide(scope)
      )
      bench = new BatchBench(pool)
      return yield* thenClose(pool, scope, test(bench))
    })

/** The counts of the pool, whose laws hold. */
export const countsOf = ({ pool }: BatchBench) =>
  Effect.map(pool.snapshot, (snapshot) => {
    assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
    return snapshot
  })

export const heardBy = (fibers: ReadonlyArray<Fiber.Fiber<unknown, unknown>>): ReadonlyArray<string> =>
  fibers.map((fiber) => {
    const exit = fiber.pollUnsafe()
    return exit === undefined ? "waits" : show(exit)
  })
