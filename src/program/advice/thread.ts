/** The thread that computes advice: it is asked once, answers, and ends. */
import { Effect } from "effect"
import { setPriority } from "node:os"
import { parentPort, workerData } from "node:worker_threads"
import { advise } from "./advise.ts"
import type { Task } from "./task.ts"

// There it is of this thread alone: what the service does goes first.
if (process.platform === "linux") setPriority(19)

const port = parentPort!
port.postMessage(await Effect.runPromise(advise(workerData as Task)))
