/** Plain functions for threads, of a program without Effect. */
import { threadId } from "node:worker_threads"

export const brightest = (pixels: Uint8Array): { readonly brightest: number; readonly thread: number } => ({
  brightest: Math.max(...pixels),
  thread: threadId
})
