/** What `threads.ts` runs on threads: plain functions. It prints nothing of itself. */
import type { Attempt } from "effect-worker-pool/promise"

/** How many primes there are below a number. It computes without a pause, so nothing but the end of its thread can stop it. */
export const countPrimes = (below: number): number => {
  let count = 0
  for (let n = 2; n < below; n++) if (isPrime(n)) count++
  return count
}

/** The first prime from a number on. It looks at its signal between two steps, so it ends by itself and its thread is kept. */
export const nextPrime = async (from: number, { signal }: Attempt): Promise<number> => {
  for (let n = from; ; n++) {
    signal.throwIfAborted()
    if (isPrime(n)) return n
    await new Promise(setImmediate)
  }
}

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return true
}
