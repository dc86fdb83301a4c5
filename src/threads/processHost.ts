/** A process of its own, by `node:child_process`. It must talk in structured clones: `serialization: "advanced"`. */
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import { type Ended, type Host, isMessage, type Listener } from "./host.ts"
import { From } from "./messages.ts"

export const processHost = (child: ChildProcess, listener: Listener): Host => {
  let isKilled = false
  /** What it says of the error that ends it: its exit tells a code alone. */
  let uncaught: string | undefined
  let ended: Ended | undefined
  // It could never say that it is ready.
  const isDeaf = child.pid !== undefined && !child.connected
  if (isDeaf) child.kill("SIGKILL")
  // Its last messages may come after its exit.
  const end = () => {
    if (ended !== undefined && !child.connected) listener.onExit(ended)
  }
  child.on("message", (message: unknown) => {
    if (!isMessage(message)) return
    if (message[0] === From.uncaught) uncaught = message[1]
    else if (message[0] !== From.leaving) listener.onMessage(message)
  })
  // It could not be started, or not be killed; where it ever was, an "exit" follows.
  child.on("error", (error) => {
    if (child.pid === undefined) listener.onExit({ reason: "start", detail: error.message })
  })
  child.on("disconnect", end)
  child.on("exit", (code, signal) => {
    ended = isDeaf
      ? { reason: "start", detail: "it has no channel: start it with `fork`" }
      : endOf(code, signal, isKilled, uncaught)
    end()
  })
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
    usedBytes: async () => (ended === undefined && child.pid !== undefined ? residentBytes(child.pid) : undefined)
  }
}

const residentBytes = (pid: number): number | undefined => {
  try {
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))
    return kilobytes === null ? undefined : Number(kilobytes[1]) * 1024
  } catch {
    return undefined
  }
}

const endOf = (
  code: number | null,
  signal: NodeJS.Signals | null,
  isKilled: boolean,
  uncaught: string | undefined
): Ended => {
  if (isKilled && signal === "SIGKILL") return { reason: "signal", detail: "it was killed" }
  if (signal === null) {
    return uncaught === undefined
      ? { reason: "exit", detail: `it ended with code ${code}` }
      : { reason: "uncaught", detail: uncaught }
  }
  // V8 aborts too when its own limit is reached, and leaves no word of it but on stderr.
  const hint = signal === "SIGABRT" ? ": `process.abort()` does that, and V8 where its heap is full" : ""
  return { reason: "signal", detail: `it was ended by ${signal}${hint}` }
}
