/** Processes of one store, all in this one: each a durable pool of its own, which can stand still, or end without leaving. */
import { assert } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Schema, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Durable from "../../src/durable/Durable.ts"
import * as Memory from "../../src/durable/memory/store.ts"
import type { Services } from "../../src/durable/pool.ts"
import type { Member, Session } from "../../src/durable/Store.ts"
import { Handlers, Scaler, WorkerPool } from "../../src/index.ts"

export const Work = Rpc.make("Work", {
  payload: { id: Schema.String },
  success: Schema.String,
  error: Schema.String
})
export const Other = Rpc.make("Other", { payload: { id: Schema.String }, success: Schema.String })
export type Asked = typeof Work | typeof Other
export class Works extends RpcGroup.make(Work, Other) {}

/** What the handlers do, for one id: the same in each process. */
export type Handler = (id: string, process: string) => Effect.Effect<string, string>

export interface Process {
  readonly name: string
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly durable: Durable.Durable["Service"]
  readonly scaler: Scaler.Scaler["Service"]
  /** Closes it as a program would. */
  readonly close: Effect.Effect<void>
  /** It ends, as by `kill -9`: nothing of it is heard again. */
  readonly kill: Effect.Effect<void>
}

export class Cluster {
  readonly memory: Memory.MemoryStore
  /** What ran, in its order: `process id`. */
  readonly log: Array<string> = []
  private readonly handlers = new Map<string, Handler>()

  constructor(memory: Memory.MemoryStore) {
    this.memory = memory
  }

  on(id: string, handler: Handler): void {
    this.handlers.set(id, handler)
  }

  readonly start = (
    name: string,
    options: Durable.Options = {},
    as: "layer" | "layerWorker" | "layerClient" = "layer",
    group: RpcGroup.RpcGroup<any> = Works as unknown as RpcGroup.RpcGroup<any>,
    /** What is different about the store as this process sees it. */
    seen: (session: Session) => Session = (session) => session,
    /** What its handlers are; by default those of `on`. */
    handlersOf?: (run: (payload: { readonly id: string }) => Effect.Effect<string, string>) => Layer.Layer<any>
  ): Effect.Effect<Process> =>
    Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.make("sequential")
      const run = ({ id }: { readonly id: string }) =>
        Effect.suspend(() => {
          this.log.push(`${name} ${id}`)
          return this.handlers.get(id)?.(id, name) ?? Effect.succeed(`${id} by ${name}`)
        })
      const handlers = Handlers.layer(group).pipe(
        Layer.provide(
          handlersOf?.(run) ??
            group.toLayer(Object.fromEntries([...group.requests.keys()].map((tag) => [tag, run])) as any)
        )
      ) as Layer.Layer<Handlers.Handlers>
      const store = {
        ...this.memory.store,
        join: (member: Member) => Effect.map(this.memory.store.join(member), seen)
      }
      const layer: Layer.Layer<Services, any, any> =
        as === "layerClient" ? Durable.layerClient({ groups: [group] }) : Durable[as](options)
      const context = yield* layer.pipe(
        Layer.provide([handlers, Layer.succeed(Durable.Store, store)]),
        Layer.build,
        Scope.provide(scope),
        Effect.orDie
      ) as Effect.Effect<Context.Context<Services>>
      const durable = Context.get(context, Durable.Durable)
      return {
        name,
        pool: Context.get(context, WorkerPool.WorkerPool),
        durable,
        scaler: Context.get(context, Scaler.Scaler),
        close: Scope.close(scope, Exit.void),
        kill: Effect.sync(() => this.memory.faults.freeze(durable.process))
      }
    })
}

/** So many of that Rpc, whose ids are their numbers from 0 on. */
export const askMany = (client: Process, count: number, of: Asked = Work) =>
  Effect.forEach(Array.from({ length: count }), (_, at) => client.pool.submit(of, { id: `${at}` }))

export const make: Effect.Effect<Cluster> = Effect.map(Memory.make, (memory) => new Cluster(memory))

/** The answer that has come within ten seconds. */
export const soon = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("10 seconds")
    const exit = fiber.pollUnsafe()
    assert.isDefined(exit, "there is an answer")
    return yield* exit!
  })

export const messageOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "none"
