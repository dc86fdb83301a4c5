/** A process of its own, by `node:child_process`. It must talk in structured clones: `serialization: "advanced"`. */
import type { ChildProcess } from "node:child_process"
import type { Ended, Host, Listener } from "./host.ts"
import type { FromThread } from "./messages.ts"

export const processHost = (child: ChildProcess, listener: Listener): Host => {
  let isKilled = false
  child.on("message", (message) => listener.onMessage(message as FromThread))
  // It could not be started, or not be killed; where it ever was, an "exit" follows.
  child.on("error", (error) => {
    if (child.pid === undefined) listener.onExit({ reason: "start", detail: error.message })
  })
  child.on("exit", (code, signal) => listener.onExit(endOf(code, signal, isKilled)))
  return {
    // What has been given up may be gone already: its "exit" tells.
    post: (message) => {
      if (child.connected) child.send(message, () => {})
    },
    kill: () => {
      isKilled = true
      child.kill("SIGKILL")
    },
    keepAlive: (keeps) => {
      if (keeps) {
        child.ref()
        child.channel?.ref()
      } else {
        child.unref()
        child.channel?.unref()
      }
    },
    heapBytes: async () => undefined
  }
}

const endOf = (code: number | null, signal: NodeJS.Signals | null, isKilled: boolean): Ended => {
  if (isKilled) return { reason: "signal", detail: "it was killed" }
  return signal === null
    ? { reason: "exit", detail: `it ended with code ${code}` }
    : { reason: "signal", detail: `it was ended by ${signal}` }
}
