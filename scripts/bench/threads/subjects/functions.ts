/** The same by the door for promises, over a module of functions. */
import { createPool, move } from "../../../../src/promise/index.ts"
import type { Prepare } from "../subjects.ts"

/** What the module of functions exports. */
interface Exports {
  readonly noop: (n: number) => number
  readonly spin: (millis: number) => number
  readonly echo: (bytes: Uint8Array) => Uint8Array
  readonly moved: (bytes: Uint8Array) => Uint8Array
}

export const functions: Prepare = ({ isBundled, spare, threads }) => {
  const module = new URL(isBundled ? "../functions.mjs" : "../work.ts", import.meta.url)
  return async () => {
    const pool = createPool<Exports>({
      minWorkers: threads,
      maxWorkers: threads,
      threads: { module, min: threads, max: threads, spare }
    })
    const { echo, moved, noop, spin } = pool.run
    await noop(0)
    return {
      noop: (n) => noop(n),
      spin: (millis, timeout) => spin(millis, { timeout }),
      echo: (bytes) => echo(bytes),
      move: (bytes) => moved(move(bytes)),
      close: async () => {
        await pool.drain()
      }
    }
  }
}
