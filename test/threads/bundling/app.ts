/** A program that is built with its thread's file as a second entry. */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { ask } from "./ask.ts"

const file = new URL(`./images.thread.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)

await ask(() => new Worker(file))
await ask(() => fork(fileURLToPath(file), { serialization: "advanced" }))
