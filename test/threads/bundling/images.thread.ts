/** What is on the threads of the bundled programs, and in their processes. */
import { Effect } from "effect"
import * as ThreadRunner from "effect-worker-pool/ThreadRunner"
import { threadId } from "node:worker_threads"
import { Images } from "./images.ts"

ThreadRunner.run(
  Images,
  Images.toLayer({
    Brightest: ({ pixels }) =>
      Effect.sync(() => ({ brightest: Math.max(...pixels), thread: threadId, process: process.pid }))
  })
)
