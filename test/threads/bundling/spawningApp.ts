/** A program without Effect that spawns its threads: the package may be in its bundle. */
import { createPool } from "effect-worker-pool/promise"
import { threadId, Worker } from "node:worker_threads"

const file = new URL(`./functions.thread.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)
await using pool = createPool<typeof import("./functions.ts")>({
  threads: { spawn: () => new Worker(file), max: 1, spare: 0 }
})
const told = await pool.run.brightest(new Uint8Array([1, 7, 3]))
process.stdout.write(`${told.brightest} ${told.thread === threadId ? "here" : "thread"}\n`)
