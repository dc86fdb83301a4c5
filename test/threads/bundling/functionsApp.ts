/** A program without Effect: the package stays outside of its bundle. */
import { createPool } from "effect-worker-pool/promise"
import { threadId } from "node:worker_threads"

const module = new URL(`./functions.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)
await using pool = createPool<typeof import("./functions.ts")>({ threads: { module, max: 1, spare: 0 } })
const told = await pool.run.brightest(new Uint8Array([1, 7, 3]))
process.stdout.write(`${told.brightest} ${told.thread === threadId ? "here" : "thread"}\n`)
