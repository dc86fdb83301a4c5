/** Plain functions for threads, in a package that has nothing of Effect itself. */
import { move } from "effect-worker-pool/move"
import { threadId } from "node:worker_threads"

export const where = (): { readonly thread: number; readonly process: number } => ({
  thread: threadId,
  process: process.pid
})

export const next = (bytes: Uint8Array): Uint8Array => move(bytes.map((byte) => byte + 1))
