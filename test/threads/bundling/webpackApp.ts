/** A program in which webpack finds its thread's file. */
import { Worker } from "node:worker_threads"
import { ask } from "./ask.ts"

await ask(() => new Worker(new URL("./images.thread.ts", import.meta.url)))
