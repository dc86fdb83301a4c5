/** A pool whose handlers are on threads, or in processes. */
import { Layer } from "effect"
import { ElasticPool, Handlers } from "../../src/index.ts"
import * as Threads from "../../src/threads/Threads.ts"
import { group } from "./modules/crashGroup.ts"

export const crashing = new URL("./modules/crashing.ts", import.meta.url)
export const isolations = ["thread", "process"] as const

export const poolOf = (options: Partial<Threads.Options & Threads.Source>, pool: ElasticPool.Options = {}) =>
  ElasticPool.layer({ scaling: "none", minWorkers: 4, timeout: "none", ...pool }).pipe(
    Layer.provideMerge(Handlers.layer(group)),
    Layer.provideMerge(
      Threads.layer(group, { module: crashing, min: 2, max: 2, ...options } as Threads.Options & Threads.Source)
    )
  )
