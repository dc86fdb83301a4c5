/** One life of a process that works, for a trial. */
import { Layer, ManagedRuntime, Redacted } from "effect"
import * as Durable from "../../src/durable/Durable.ts"
import { WorkerPool } from "../../src/index.ts"
import { forPool as handlers } from "./handlers.ts"

const runtime = ManagedRuntime.make(
  Durable.layerWorker({ minWorkers: 8, maxWorkers: 64, timeout: "none" }).pipe(
    Layer.provide(handlers),
    Layer.provide(Durable.layerPostgres({ url: Redacted.make(process.env["TRIAL_STORE"]!) }))
  )
)
await runtime.runPromise(WorkerPool.WorkerPool)
process.on("SIGTERM", () => void runtime.dispose().then(() => process.exit(0)))
process.on("disconnect", () => process.exit(1))
process.send!("ready")
