/** What a thread is to whoever runs attempts on it, be it a thread of this process or a process of its own. */
import type { FromThread, ToThread } from "./messages.ts"

/** How it has ended, as far as can be told from outside. */
export interface Ended {
  readonly reason: "exit" | "uncaught" | "outOfMemory" | "signal" | "start"
  readonly detail: string
}

/** Who listens. `onExit` comes once, after the last message; before it the thread may still compute. */
export interface Listener {
  readonly onMessage: (message: FromThread) => void
  readonly onExit: (ended: Ended) => void
}

/** What runs on a thread may send what it likes by the same way: what is no message is nobody's. */
export const isMessage = (sent: unknown): sent is FromThread => Array.isArray(sent) && typeof sent[0] === "number"

export interface Host {
  /** Throws where the message cannot be sent. */
  readonly post: (message: ToThread, transfers: ReadonlyArray<Transferable> | undefined) => void
  /** Ends it, whatever it computes. That takes until `onExit`; native code is waited for. */
  readonly kill: () => void
  /** Whether the process goes on for it. */
  readonly keepAlive: (keeps: boolean) => void
  /**
   * The memory that it takes, in bytes: of a thread its JavaScript values, buffers included; of a process all that is its own.
   * `undefined`: it cannot be told now.
   */
  readonly usedBytes: () => Promise<number | undefined>
}

export type Transferable = import("node:worker_threads").Transferable

/** Whether it can be told of a process what memory it takes: by what Linux says of it, since one that computes does not answer. */
export const tellsMemory = globalThis.process?.platform === "linux"
