/** A thread of this process, by `node:worker_threads`. */
import type { Worker } from "node:worker_threads"
import { type Ended, type Host, isMessage, type Listener } from "./host.ts"
import { wordsOf } from "./words.ts"

export const threadHost = (worker: Worker, listener: Listener): Host => {
  let thrown: { readonly error: unknown } | undefined
  let isKilled = false
  worker.on("message", (sent: unknown) => {
    if (isMessage(sent)) listener.onMessage(sent)
  })
  // It may have been an answer, or not: what it does now is not known.
  worker.on("messageerror", (error) => {
    thrown ??= { error: new Error(`what it has sent cannot be received: ${wordsOf(error)}`) }
    void worker.terminate()
  })
  // It comes before "exit", and the thread may still be there.
  worker.on("error", (error) => {
    thrown = { error }
  })
  worker.on("exit", (code) => listener.onExit(endOf(thrown, code, isKilled)))
  return {
    post: (message, transfers) => worker.postMessage(message, transfers),
    kill: () => {
      isKilled = true
      void worker.terminate()
    },
    keepAlive: (keeps) => (keeps ? worker.ref() : worker.unref()),
    usedBytes: async () => {
      try {
        const { external_memory: external, used_heap_size: used } = await worker.getHeapStatistics()
        return used + external
      } catch {
        return undefined
      }
    }
  }
}

const endOf = (thrown: { readonly error: unknown } | undefined, code: number, isKilled: boolean): Ended => {
  if (thrown !== undefined) {
    const { error } = thrown
    return { reason: codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY" ? "outOfMemory" : "uncaught", detail: wordsOf(error) }
  }
  return isKilled
    ? { reason: "signal", detail: "it was terminated" }
    : { reason: "exit", detail: `it ended with code ${code}` }
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined
