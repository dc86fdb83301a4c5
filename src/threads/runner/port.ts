/** The way back from a thread, or a process, to whoever has started it. */
import { parentPort } from "node:worker_threads"
import type { Transferable } from "../host.ts"
import { From, type FromThread, To, type ToThread } from "../messages.ts"
import { wordsOf } from "../words.ts"
import { endWithParent } from "./orphan.ts"

export interface Port {
  /** Throws where the message cannot be sent. */
  readonly post: (message: FromThread, transfers?: ReadonlyArray<Transferable>) => void
  /** Whether so much waits to be written that nothing should be added that can be left out. Between threads nothing does. */
  readonly isFull: () => boolean
  /** `onUnreadable`: something has come that could not be made a message of. */
  readonly listen: (listener: (message: ToThread) => void, onUnreadable?: (error: unknown) => void) => void
  /** Ends the thread once what was posted is on its way. */
  readonly leave: (code: number) => void
}

/** Of the thread, or process, that this runs in. Throws where nobody has started it for attempts. */
export const make = (): Port => {
  const port = parentPort
  if (port !== null) {
    const post: Port["post"] = (message, transfers) => port.postMessage(message, transfers)
    const counted = countBegun(post)
    return {
      post,
      isFull: () => false,
      listen: (listener, onUnreadable) => {
        port.on("message", counted(listener))
        if (onUnreadable !== undefined) port.on("messageerror", onUnreadable)
      },
      leave: (code) => process.exit(code)
    }
  }
  const send = process.send?.bind(process)
  if (send === undefined) {
    throw new Error("Expected to run in a worker thread, or in a process that was forked: nobody listens here")
  }
  let unwritten = 0
  let isFull = false
  const written = () => {
    if (--unwritten === 0) isFull = false
  }
  const post = (message: FromThread): void => {
    if (!send(message, written)) isFull = true
    unwritten++
  }
  const counted = countBegun((message) => (process.connected ? post(message) : undefined))
  tellUncaught(post)
  // They go to all processes of a terminal, or a service, at once: when this one ends is its parent's to say.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})
  process.on("disconnect", () => process.exit(0))
  endWithParent()
  return {
    post,
    isFull: () => isFull,
    listen: (listener) => void process.on("message", counted(listener) as (message: unknown) => void),
    leave: (code) => void send([From.leaving], () => process.exit(code))
  }
}

/** Counts the attempts that begin, and says as the last word how many have: one that was sent meanwhile has not, and hurts nobody. */
const countBegun = (post: Port["post"]) => {
  let begun = 0
  process.on("exit", () => post([From.begun, begun]))
  return (listener: (message: ToThread) => void) =>
    (message: ToThread): void => {
      if (message[0] === To.run) begun++
      listener(message)
    }
}

/**
 * What ends the process is sent from where it is noticed: written at once, unless the pipe is full of what came before. It changes nothing
 * of what Node does then.
 */
const tellUncaught = (post: Port["post"]): void => {
  process.on("uncaughtExceptionMonitor", (error) => {
    if (process.listenerCount("uncaughtException") > 0 || process.hasUncaughtExceptionCaptureCallback()) return
    if (process.connected) post([From.uncaught, wordsOf(error)])
  })
}
