/** Who is measured: this pool on threads, in processes and by its door for promises; and piscina, as its page shows it. */
import type { ThreadLoad } from "./load.ts"

/** A pool whose threads are ready. One call at a time runs on each. */
export interface Subject {
  readonly noop: (n: number) => Promise<number>
  /** Computes for so long. With a timeout it is stopped then. */
  readonly spin: (millis: number, timeoutMillis?: number) => Promise<number>
  readonly echo: (bytes: Uint8Array) => Promise<Uint8Array>
  /** The same; the bytes are moved, there and back. `undefined`: that is not possible. */
  readonly move: ((bytes: Uint8Array) => Promise<Uint8Array>) | undefined
  readonly close: () => Promise<void>
}

export interface Options {
  readonly threads: number
  /** Threads beyond them. Default: as it comes. */
  readonly spare?: number | undefined
  /** Whether what runs there is one file. */
  readonly isBundled: boolean
}

/** Says what is made before anything is measured, and then how to open it. */
export type Prepare = (options: Options) => () => Promise<Subject>

export interface ThreadSubject {
  readonly how: string
  /** The loads that it is measured at. */
  readonly at: ReadonlyArray<ThreadLoad["what"]>
  /** Loaded when it is measured: what it brings would have its part in the memory of all other cases. */
  readonly load: () => Promise<Prepare>
}

const all: ThreadSubject["at"] = ["noop", "spin", "echo", "move", "kill", "start"]
const except = (...whats: ReadonlyArray<ThreadLoad["what"]>) => all.filter((what) => !whats.includes(what))
const pool = () => import("./subjects/pool.ts")
const piscina = () => import("./subjects/piscina.ts")

export const threadSubjects: Readonly<Record<string, ThreadSubject>> = {
  "effect-worker-pool-threads": {
    how: "`Threads.layer(group, { spawn })`, `pool.execute(Noop, n)`; what runs on a thread is bundled",
    at: all,
    load: async () => (await pool()).isolated("thread")
  },
  "effect-worker-pool-processes": {
    how: 'the same with `isolation: "process"`',
    at: except("move"),
    load: async () => (await pool()).isolated("process")
  },
  "effect-worker-pool-at-once": {
    how: "the same with `answerWithin: 0`: a thread is not asked before it is killed",
    at: ["kill"],
    load: async () => (await pool()).isolated("thread", 0)
  },
  "effect-worker-pool-functions": {
    how: "`createPool({ threads })` over a module of plain functions, `pool.run.noop(n)`",
    at: all,
    load: async () => (await import("./subjects/functions.ts")).functions
  },
  piscina: {
    how: "`pool.run(input, { name })`, `minThreads` and `maxThreads` as many as are asked for",
    at: except("kill"),
    load: async () => (await piscina()).piscina({ hasSignals: false })
  },
  "piscina-signal": {
    how: "the same with an `AbortController` and a timer for each call, as a timeout needs",
    at: except("start"),
    load: async () => (await piscina()).piscina()
  },
  "piscina-spare": {
    how: "the same with one thread more than calls are made at once",
    at: ["kill"],
    load: async () => (await piscina()).piscina({ more: 1 })
  }
}
