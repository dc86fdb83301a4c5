/** Who is measured from the start of a process: each is a program in `programs/`, and loads what its users load. */
import type { ColdLoad } from "./load.ts"

export interface ColdSubject {
  readonly how: string
  readonly at: ReadonlyArray<ColdLoad["what"]>
}

const both: ColdSubject["at"] = ["first", "many"]

export const coldSubjects: Readonly<Record<string, ColdSubject>> = {
  "effect-alone": { how: "no pool: `effect` is imported as a whole, and runs one effect", at: ["first"] },
  "effect-with-rpc": {
    how: "as effect-alone, and `effect/rpc` is imported: requests are declared with it",
    at: ["first"]
  },
  "effect-worker-pool": {
    how: "a request in a fiber of its own, as in the other cases; imports as in the README",
    at: both
  },
  "effect-worker-pool-by-name": {
    how: 'as this pool, but each module of Effect is imported by its name, as in `import * as Effect from "effect/Effect"`',
    at: both
  },
  "effect-worker-pool-promise": { how: "`pool.run(() => n).then(done)` of `effect-worker-pool/promise`", at: both },
  "effect-worker-pool-promise-alone": {
    how: "as this pool, promises, but of `effect-worker-pool/promise/alone`, which has its own part of Effect",
    at: both
  },
  "p-queue": { how: "`queue.add(() => n).then(done)`", at: both },
  "p-limit": { how: "`limit(task, n).then(done)`", at: both },
  "fastq-promise": { how: "`queue.push(n).then(done)` of `fastq.promise(task, 64)`", at: both },
  piscina: { how: "`pool.run(n).then(done)`, one thread: it has to start, too", at: ["first"] }
}
