/** The functions of a module on threads, without Effect. Run it: `npm run example examples/threads.ts`. */
import { createPool, PoolError } from "effect-worker-pool/promise"

await using pool = createPool<typeof import("./primes.ts")>({
  threads: { module: new URL("./primes.ts", import.meta.url), max: 2 },
  minWorkers: 2,
  timeout: "20 seconds"
})

/** Nobody stops this one but the pool. */
const endless = pool.run.countPrimes(Infinity, { timeout: "200 millis" }).catch((error: unknown) => error)

// Its neighbours go on meanwhile, on other threads, and so does this program.
for await (const count of pool.map.countPrimes([10, 100, 1_000])) console.log(count)
console.log(await pool.run.nextPrime(90))

const error = await endless
console.log(error instanceof PoolError ? error.code : error)
// => 4
// => 25
// => 168
// => 97
// => REQUEST_TIMEOUT
