/** What a command records of the pool that it runs. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { type Context, Effect, Layer, type Scope } from "effect"
import type { Scaler, WorkerPool } from "../../index.ts"
import * as Recording from "../../Recording.ts"
import { BadUsage } from "../errors.ts"

/** Begins it, where it is asked for. It ends with the pool. */
export const begin = (
  context: Context.Context<WorkerPool.WorkerPool | Scaler.Scaler>,
  options: Recording.Options | undefined
): Effect.Effect<void, BadUsage, Scope.Scope> =>
  options === undefined
    ? Effect.void
    : Recording.layer(options).pipe(
        Layer.provide(NodeFileSystem.layer),
        Layer.provide(Layer.succeedContext(context)),
        Layer.build,
        Effect.asVoid,
        Effect.mapError(({ message }) => new BadUsage({ reason: message }))
      )
