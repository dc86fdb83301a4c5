/**
 * Everything that is measured. `go` is a program of its own: see `go/`.
 *
 * A process loads what it measures and nothing else, as its users do: whatever it has loaded has its part in the memory and
 * in the collections of all that runs there, and not the same part of each.
 */
import type { Implementation } from "../load.ts"

const pool = () => import("./pool.ts")
const promises = () => import("./promises.ts")
const callbacks = () => import("./callbacks.ts")
const stacked = () => import("./stacked.ts")

export const implementations: Readonly<Record<string, () => Promise<Implementation>>> = {
  "effect-worker-pool": async () => (await pool()).pool,
  "effect-worker-pool-ask": async () => (await pool()).poolAsk,
  "effect-worker-pool-ask-promise": async () => (await pool()).poolAskPromise,
  "effect-worker-pool-promise": async () => (await import("./pool-promise.ts")).poolPromise,
  "effect-idiomatic": async () => (await import("./effect-idiomatic.ts")).effectIdiomatic,
  "p-queue": async () => (await promises()).pQueue,
  "p-limit": async () => (await promises()).pLimitPool,
  "fastq-promise": async () => (await promises()).fastqPromise,
  fastq: async () => (await callbacks()).fastqCallback,
  async: async () => (await callbacks()).asyncQueue,
  "p-queue-stacked": async () => (await stacked()).pQueueStacked,
  "p-limit-stacked": async () => (await stacked()).pLimitStacked,
  "fastq-promise-stacked": async () => (await stacked()).fastqPromiseStacked,
  "async-stacked": async () => (await stacked()).asyncStacked
}
