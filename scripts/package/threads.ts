/** A program without Effect whose functions run on threads. `scripts/check-package.mjs` compiles and runs it with the package installed. */
import { createPool } from "effect-worker-pool/promise"
import { threadId } from "node:worker_threads"

for (const isolation of ["thread", "process"] as const) {
  await using pool = createPool<typeof import("./functions.ts")>({
    threads: { module: new URL("./functions.ts", import.meta.url), isolation, max: 1, spare: 0 }
  })
  const place = await pool.run.where()
  const found = place.process !== process.pid ? "process" : place.thread !== threadId ? "thread" : "here"
  console.log(found, ...(await pool.run.next(new Uint8Array([1, 2]))))
}
