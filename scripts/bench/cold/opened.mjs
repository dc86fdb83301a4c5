// The pool of `../implementations/pool.ts`, of modules that were imported in one way or another.
export const opened =
  ({ Effect, ElasticPool, Handlers, Layer, ManagedRuntime, Rpc, RpcGroup, Schema, WorkerPool }) =>
  async () => {
    const Work = Rpc.make("Work", { payload: Schema.Finite, success: Schema.Finite })
    const group = RpcGroup.make(Work)
    const runtime = ManagedRuntime.make(
      ElasticPool.layer({ minWorkers: 64, maxWorkers: 64, scaling: "none", capacity: "unbounded" }).pipe(
        Layer.provide(Handlers.layer(group)),
        Layer.provideMerge(group.toLayer({ Work: (n) => Effect.succeed(n) }))
      )
    )
    const { client, fork } = await runtime.runPromise(
      Effect.all({
        client: WorkerPool.client(group),
        fork: Effect.map(Effect.context(), (context) => Effect.runForkWith(context))
      })
    )
    return (n, done) => {
      fork(client.Work(n)).addObserver((exit) => done(exit._tag === "Success" ? exit.value : Number.NaN))
    }
  }
