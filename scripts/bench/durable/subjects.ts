/** Who is measured: this pool, pg-boss by its own means on the same PostgreSQL, and BullMQ on a Redis. */
import { existsSync } from "node:fs"
import type { DurableLoad } from "./load.ts"
import type { Keeper } from "./servers.ts"
import { oursOnStore } from "../results.ts"

/** A process that works on what is stored. */
export interface Worker {
  /** Works from now on. */
  readonly begin: () => Promise<void>
  /** Takes nothing more for now. */
  readonly halt: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The process that asks. */
export interface Client {
  /** Stores `n` requests while nobody works. The answer lets the workers begin, and waits until all outcomes are known. */
  readonly fill: (n: number) => Promise<(begin: () => Promise<void>) => Promise<void>>
  /** Stores one. */
  readonly submit: (n: number) => Promise<unknown>
  /** One, to its end: when it began. */
  readonly execute: (n: number) => Promise<number>
  readonly close: () => Promise<void>
}

/** How a worker process tells what it has done, where that is not told by the store. */
export type Tell = (ended: number) => void

export interface Subject {
  readonly openWorker: (url: string, tell: Tell) => Promise<Worker>
  /** `ended` waits until so many have ended, as the workers tell it. */
  readonly openClient: (url: string, ended: (n: number) => Promise<void>) => Promise<Client>
}

export interface DurableSubject extends Subject {
  readonly how: string
  readonly keeper: () => Promise<Keeper>
  readonly at: ReadonlyArray<DurableLoad["what"]>
  readonly lacks?: string
}

/** Loaded when it is measured: what it brings would have its part in the memory of all other cases. */
const opening = (load: () => Promise<Subject>): Subject => ({
  openWorker: async (url, tell) => (await load()).openWorker(url, tell),
  openClient: async (url, ended) => (await load()).openClient(url, ended)
})

const servers = () => import("./servers.ts")
const postgres = async () => (await servers()).postgres()
const redis = async () => (await servers()).redis()
const hasRedis = existsSync("/usr/bin/redis-server")

export const durableSubjects: Readonly<Record<string, DurableSubject>> = {
  [oursOnStore]: {
    ...opening(() => import("./subjects/durable.ts")),
    how: "`Durable.layerWorker` with 64 workers in each of two processes, `Durable.layerClient` in a third one",
    keeper: postgres,
    at: ["drain", "submit", "idle", "quiet"]
  },
  "pg-boss-batches": {
    ...opening(() => import("./subjects/batches.ts")),
    how: "`fetch` and `complete` of 500 jobs at a time, without a handler for each: what its statements allow; nobody is told of an outcome",
    keeper: postgres,
    at: ["drain"]
  },
  "pg-boss-work": {
    ...opening(() => import("./subjects/work.ts")),
    how: "`work` with `perJobResults`, `batchSize: 64`, `burstWhenBatchFull` and a queue with `notify`; by default it takes one job every two seconds",
    keeper: postgres,
    at: ["drain", "submit", "idle", "quiet"]
  },
  bullmq: {
    ...opening(() => import("./subjects/bullmq.ts")),
    how: "`Worker` with `concurrency: 64` in each of two processes; outcomes by `job.waitUntilFinished` and one `QueueEvents`; Redis 7 with a file appended to and `appendfsync everysec`, which accepts before anything is on the disk",
    keeper: redis,
    at: ["drain", "submit", "idle", "quiet"],
    ...(hasRedis ? {} : { lacks: "no redis-server here" })
  }
}
