/** The same handlers, whose module says itself where it logs and traces: nowhere. */
import { Layer, Logger, Tracer } from "effect"
import { group, layer as telling } from "./tellingHandlers.ts"

export { group }

export const layer = telling.pipe(
  Layer.provide(Layer.merge(Logger.layer([]), Layer.succeed(Tracer.Tracer, Tracer.nativeTracer)))
)
