/** A thread of this process, by `node:worker_threads`. */
import type { Worker } from "node:worker_threads"
import type { Ended, Host, Listener } from "./host.ts"
import { From, type FromThread } from "./messages.ts"

export const threadHost = (worker: Worker, listener: Listener): Host => {
  let error: unknown
  let isKilled = false
  worker.on("message", (message: FromThread) => listener.onMessage(message))
  // No answer but that of an attempt holds anything that cannot be read.
  worker.on("messageerror", (error) => {
    listener.onMessage([From.untold, `its result could not be received: ${messageOf(error)}`])
  })
  // It comes before "exit", and the thread may still be there.
  worker.on("error", (thrown) => {
    error = thrown
  })
  worker.on("exit", (code) => listener.onExit(endOf(error, code, isKilled)))
  return {
    post: (message, transfers) => worker.postMessage(message, transfers),
    kill: () => {
      isKilled = true
      void worker.terminate()
    },
    keepAlive: (keeps) => (keeps ? worker.ref() : worker.unref()),
    heapBytes: async () => {
      try {
        const { used_heap_size: used } = await worker.getHeapStatistics()
        return used
      } catch {
        return undefined
      }
    }
  }
}

const endOf = (error: unknown, code: number, isKilled: boolean): Ended => {
  if (error !== undefined) {
    const detail = messageOf(error)
    return { reason: codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY" ? "outOfMemory" : "uncaught", detail }
  }
  return isKilled
    ? { reason: "signal", detail: "it was terminated" }
    : { reason: "exit", detail: `it ended with code ${code}` }
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined

/** Of anything that was thrown, which may throw when it is looked at. */
const messageOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return "something that cannot be told"
  }
}
