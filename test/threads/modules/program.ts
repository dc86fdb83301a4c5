/** A program whose function runs on a thread. */
import { createPool } from "../../../src/promise/index.ts"

const isolation = process.argv[2] as "thread" | "process"
const pool = createPool<typeof import("./double.ts")>({
  threads: { module: new URL("./double.ts", import.meta.url), isolation, max: 1, spare: 0 }
})
process.stdout.write(String(await pool.run.double(21)))
await pool.drain()
