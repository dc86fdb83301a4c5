/** Who is measured: this pool on threads, in processes and by its door for promises; and piscina, as its page shows it. */
import { Effect, Layer, ManagedRuntime, References } from "effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { Piscina } from "piscina"
import { ElasticPool, Handlers, WorkerPool } from "../../../src/index.ts"
import * as Threads from "../../../src/threads/Threads.ts"
import { createPool, move } from "../../../src/promise/index.ts"
import { bundle } from "./bundle.ts"
import { Echo, group, Move, Noop, Spin } from "./group.ts"
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

export interface ThreadSubject {
  readonly how: string
  /** What is made before anything is measured, and then how to open it. */
  readonly prepare: (options: Options) => () => Promise<Subject>
  /** The loads that it is measured at. */
  readonly at: ReadonlyArray<ThreadLoad["what"]>
}

const all: ThreadSubject["at"] = ["noop", "spin", "echo", "move", "kill", "start"]

const ours = (
  isolation: "thread" | "process",
  how: string,
  { answerWithin, at = all }: { readonly answerWithin?: number; readonly at?: ThreadSubject["at"] } = {}
): ThreadSubject => ({
  how,
  at: isolation === "thread" ? at : at.filter((what) => what !== "move"),
  prepare: ({ isBundled, spare, threads }) => {
    const source = isBundled ? spawned(isolation) : { module: new URL("./handlers.ts", import.meta.url) }
    return async () => {
      const runtime = ManagedRuntime.make(
        ElasticPool.layer({ minWorkers: threads, maxWorkers: threads }).pipe(
          Layer.provide(Handlers.layer(group)),
          Layer.provide(
            Threads.layer(group, { ...source, isolation, min: threads, max: threads, spare, answerWithin })
          ),
          Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "Warn"))
        )
      )
      const { execute } = await runtime.runPromise(WorkerPool.WorkerPool)
      return {
        noop: (n) => Effect.runPromise(execute(Noop, n)),
        spin: (millis, timeout) => Effect.runPromise(execute(Spin, millis, { timeout })),
        echo: (bytes) => Effect.runPromise(execute(Echo, bytes)),
        move:
          isolation === "thread"
            ? (bytes) => Effect.runPromise(execute(Move, bytes as Uint8Array<ArrayBuffer>))
            : undefined,
        close: () => runtime.dispose()
      }
    }
  }
})

const spawned = (isolation: "thread" | "process"): Threads.Source => {
  const file = bundle()
  return {
    spawn: () => (isolation === "thread" ? new Worker(file) : fork(fileURLToPath(file), { serialization: "advanced" }))
  }
}

/** What the module of functions exports. */
interface Exports {
  readonly noop: (n: number) => number
  readonly spin: (millis: number) => number
  readonly echo: (bytes: Uint8Array) => Uint8Array
  readonly moved: (bytes: Uint8Array) => Uint8Array
}

const functions = (how: string): ThreadSubject => ({
  how,
  at: all,
  prepare: ({ isBundled, spare, threads }) => {
    const module = new URL(isBundled ? "./functions.mjs" : "./work.ts", import.meta.url)
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
})

/** `hasSignals`: each call has a signal that aborts it, as a timeout needs one. `more`: threads beyond those that are asked for. */
const piscina = (
  how: string,
  {
    at,
    hasSignals = true,
    more = 0
  }: { readonly at: ThreadSubject["at"]; readonly hasSignals?: boolean; readonly more?: number }
): ThreadSubject => ({
  how,
  at,
  prepare: ({ isBundled, threads }) => {
    const filename = new URL(isBundled ? "./work.mjs" : "./work.ts", import.meta.url).href
    return async () => {
      const most = threads + more
      const pool = new Piscina({ filename, minThreads: most, maxThreads: most, idleTimeout: Infinity })
      await Promise.all(Array.from({ length: most }, () => pool.run(0, { name: "noop" })))
      const call = (
        name: string,
        input: unknown,
        { timeoutMillis = 30_000, transferList }: { timeoutMillis?: number; transferList?: Array<ArrayBuffer> } = {}
      ) => {
        if (!hasSignals) return pool.run(input, { name, ...(transferList && { transferList }) })
        const controller = new AbortController()
        const timer = setTimeout(() => controller.abort(), timeoutMillis)
        return pool
          .run(input, { name, signal: controller.signal, ...(transferList && { transferList }) })
          .finally(() => clearTimeout(timer))
      }
      return {
        noop: (n) => call("noop", n),
        spin: (millis, timeoutMillis) => call("spin", millis, { ...(timeoutMillis && { timeoutMillis }) }),
        echo: (bytes) => call("echo", bytes),
        move: (bytes) => call("moved", bytes, { transferList: [bytes.buffer as ArrayBuffer] }),
        close: () => pool.destroy()
      }
    }
  }
})

export const threadSubjects: Readonly<Record<string, ThreadSubject>> = {
  "effect-worker-pool-threads": ours(
    "thread",
    "`Threads.layer(group, { spawn })`, `pool.execute(Noop, n)`; what runs on a thread is bundled"
  ),
  "effect-worker-pool-processes": ours("process", 'the same with `isolation: "process"`'),
  "effect-worker-pool-at-once": ours(
    "thread",
    "the same with `answerWithin: 0`: a thread is not asked before it is killed",
    {
      answerWithin: 0,
      at: ["kill"]
    }
  ),
  "effect-worker-pool-functions": functions(
    "`createPool({ threads })` over a module of plain functions, `pool.run.noop(n)`"
  ),
  piscina: piscina("`pool.run(input, { name })`, `minThreads` and `maxThreads` as many as are asked for", {
    hasSignals: false,
    at: all.filter((what) => what !== "kill")
  }),
  "piscina-signal": piscina("the same with an `AbortController` and a timer for each call, as a timeout needs", {
    at: all.filter((what) => what !== "start")
  }),
  "piscina-spare": piscina("the same with one thread more than calls are made at once", { more: 1, at: ["kill"] })
}
