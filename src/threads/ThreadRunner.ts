/** What runs on a thread, or in a process, that the user spawns: it waits for attempts, and runs the handlers of a group. */
import { Cause, Context, Effect, Exit, Layer, Scope } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import * as Handlers from "../Handlers.ts"
import { Attempts } from "./runner/attempts.ts"
import { From, To } from "./messages.ts"
import * as Port from "./runner/port.ts"

/**
 * Runs the handlers of `layer` for whoever has spawned this thread, until that has ended it:
 * `ThreadRunner.run(Images, ImagesHandlers)` is all that a file has to do which is given as `spawn`. The layer is built once a
 * thread. Throws in a thread, or process, that nobody has spawned for that.
 */
export const run = <Rpcs extends Rpc.Any, E>(
  group: RpcGroup.RpcGroup<Rpcs>,
  layer: Layer.Layer<Rpc.ToHandler<Rpcs>, E>
): void => {
  const port = Port.make()
  start(port, group, layer).catch((error) => fail(port, error))
}

/** The same for a module that exports both; with `services` its layer may ask for those. @internal */
export const runModule = async (
  port: Port.Port,
  module: Record<string, unknown>,
  file: string,
  services?: { readonly layer: Layer.Layer<any> }
): Promise<void> => {
  const { group, layer } = module
  for (const [name, value] of Object.entries({ group, layer })) {
    if (value === undefined) throw new Error(`${file} exports no \`${name}\``)
  }
  const handlers = layer as Layer.Layer<any>
  await start(
    port,
    group as RpcGroup.RpcGroup<any>,
    services === undefined ? handlers : Layer.provideMerge(handlers, services.layer)
  )
}

const start = async (
  port: Port.Port,
  group: RpcGroup.RpcGroup<any>,
  layer: Layer.Layer<any, unknown>
): Promise<void> => {
  const scope = Scope.makeUnsafe()
  const built = await Effect.runPromiseExit(
    Layer.buildWithScope(Layer.provideMerge(Handlers.layer(group), layer as Layer.Layer<any>), scope)
  )
  if (Exit.isFailure(built)) return fail(port, Cause.squash(built.cause))
  const context = built.value as Context.Context<Handlers.Handlers>
  const attempts = new Attempts(port, Context.get(context, Handlers.Handlers), context)
  port.listen((message) => {
    switch (message[0]) {
      case To.run:
        return attempts.run(message)
      case To.interrupt:
        return attempts.interrupt()
      case To.end:
        Effect.runPromiseExit(Scope.close(scope, Exit.void)).then(() => port.leave(0))
    }
  })
  port.post([From.ready, undefined])
}

const fail = (port: Port.Port, error: unknown): void => {
  port.post([From.unusable, error instanceof Error ? error.message : String(error)])
  port.leave(1)
}
