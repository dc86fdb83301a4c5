/** A pool and its functions in one file: wherever the functions are, the pool would be made as well. */
import { createPool, PoolError } from "../../../src/promise/index.ts"

export const double = (n: number): number => 2 * n

const isolation = process.env["ISOLATION"] as "thread" | "process"
const pool = createPool<{ double: typeof double }>({
  threads: { module: new URL(import.meta.url), isolation, max: 1, spare: 0 }
})

const say = await pool.run
  .double(21)
  .catch((error: unknown) =>
    error instanceof PoolError && error.code === "THREAD_CRASHED" ? "refused: start" : String(error)
  )
process.stdout.write(`${say}\n`)
await pool.drain()
