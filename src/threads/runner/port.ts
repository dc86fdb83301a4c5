/** The way back from a thread, or a process, to whoever has started it. */
import { parentPort } from "node:worker_threads"
import type { Transferable } from "../host.ts"
import type { FromThread, ToThread } from "../messages.ts"

export interface Port {
  /** Throws where the message cannot be sent. */
  readonly post: (message: FromThread, transfers?: ReadonlyArray<Transferable>) => void
  /** `onUnreadable`: something has come that could not be made a message of. */
  readonly listen: (listener: (message: ToThread) => void, onUnreadable?: (error: unknown) => void) => void
  /** Ends the thread once what was posted is on its way. */
  readonly leave: (code: number) => void
}

/** Of the thread, or process, that this runs in. Throws where nobody has started it for attempts. */
export const make = (): Port => {
  const port = parentPort
  if (port !== null) {
    return {
      post: (message, transfers) => port.postMessage(message, transfers),
      listen: (listener, onUnreadable) => {
        port.on("message", listener)
        if (onUnreadable !== undefined) port.on("messageerror", onUnreadable)
      },
      leave: (code) => process.exit(code)
    }
  }
  const send = process.send?.bind(process)
  if (send === undefined) {
    throw new Error("Expected to run in a worker thread, or in a process that was forked: nobody listens here")
  }
  process.on("disconnect", () => process.exit(0))
  return {
    post: (message) => void send(message),
    listen: (listener) => void process.on("message", (message) => listener(message as ToThread)),
    leave: (code) => void send([-1], () => process.exit(code))
  }
}
