/** Everything that is measured. `go` is a program of its own: see `go/`. */
import type { Implementation } from "../load.ts"
import { asyncQueue, fastqCallback } from "./callbacks.ts"
import { effectIdiomatic } from "./effect-idiomatic.ts"
import { pool, poolAsk, poolAskPromise } from "./pool.ts"
import { poolPromise } from "./pool-promise.ts"
import { fastqPromise, pLimitPool, pQueue } from "./promises.ts"
import { asyncStacked, fastqPromiseStacked, pLimitStacked, pQueueStacked } from "./stacked.ts"

export const implementations: Readonly<Record<string, Implementation>> = {
  "effect-worker-pool": pool,
  "effect-worker-pool-ask": poolAsk,
  "effect-worker-pool-ask-promise": poolAskPromise,
  "effect-worker-pool-promise": poolPromise,
  "effect-idiomatic": effectIdiomatic,
  "p-queue": pQueue,
  "p-limit": pLimitPool,
  "fastq-promise": fastqPromise,
  fastq: fastqCallback,
  async: asyncQueue,
  "p-queue-stacked": pQueueStacked,
  "p-limit-stacked": pLimitStacked,
  "fastq-promise-stacked": fastqPromiseStacked,
  "async-stacked": asyncStacked
}
