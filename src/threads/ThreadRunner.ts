/** What runs on a thread, or in a process, that the user spawns: it waits for attempts, and runs the handlers of a group. */
import { Cause, Context, Effect, Exit, Layer, Scope } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import * as Handlers from "../Handlers.ts"
import { Attempts } from "./runner/attempts.ts"
import { forwarding } from "./runner/logs.ts"
import { Metrics } from "./runner/metrics.ts"
import { Outbox } from "./runner/outbox.ts"
import { type Begin, From, To } from "./messages.ts"
import { wordsOf } from "./words.ts"
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
  if (!Handlers.isGroup(group)) throw new Error(`what ${file} exports as \`group\` is no RpcGroup`)
  if (!Layer.isLayer(layer)) throw new Error(`what ${file} exports as \`layer\` is no Layer`)
  const handlers = layer as Layer.Layer<any>
  await start(port, group, services === undefined ? handlers : Layer.provideMerge(handlers, services.layer))
}

/** Builds the layer once it is told how, and waits for attempts. */
const start = async (
  port: Port.Port,
  group: RpcGroup.RpcGroup<any>,
  layer: Layer.Layer<any, unknown>
): Promise<void> => {
  let attempts: Attempts | undefined
  let end = () => port.leave(0)
  const begin = async (told: Begin) => {
    if (told.cloned[0] !== undefined) throw new Error('it talks in JSON: fork it with `serialization: "advanced"`')
    const scope = Scope.makeUnsafe()
    const outbox = new Outbox(port, told)
    const reporting = forwarding(outbox, told)
    const build = Layer.buildWithScope(Layer.provideMerge(Handlers.layer(group), layer as Layer.Layer<any>), scope)
    const built = await Effect.runPromiseExit(Effect.provideContext(build, reporting))
    if (Exit.isFailure(built)) return fail(port, Cause.squash(built.cause))
    const context = Context.merge(reporting, built.value as Context.Context<Handlers.Handlers>)
    const metrics = new Metrics(outbox, context)
    attempts = new Attempts(port, outbox, Context.get(context, Handlers.Handlers), context, metrics)
    end = () => {
      void Effect.runPromiseExit(Effect.provideContext(Scope.close(scope, Exit.void), reporting)).then(() => {
        metrics.report()
        port.leave(0)
      })
    }
    metrics.report()
    port.post([From.ready, [...Context.get(context, Handlers.Handlers).keys()]])
  }
  port.listen(
    (message) => {
      switch (message[0]) {
        case To.begin:
          return void begin(message[1]).catch((error) => fail(port, error))
        case To.run:
          return attempts!.run(message)
        case To.interrupt:
          return attempts!.interrupt()
        case To.end:
          return end()
      }
    },
    (error) => attempts?.onUnreadable(error)
  )
}

const fail = (port: Port.Port, error: unknown): void => {
  port.post([From.unusable, wordsOf(error)])
  port.leave(1)
}
