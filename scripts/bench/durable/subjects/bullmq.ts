/** BullMQ, whose outcomes are heard by its events. */
import { type Job, Queue, QueueEvents, Worker } from "bullmq"
import { now } from "../group.ts"
import type { Subject } from "../subjects.ts"

const name = "noop"

/** Each of its parts has connections of its own, and waits for ever for what it has asked. */
const connectionOf = (url: string) => ({
  host: "127.0.0.1",
  port: Number(new URL(url).port),
  maxRetriesPerRequest: null
})

export const openWorker: Subject["openWorker"] = async (url) => {
  const worker = new Worker(name, async () => now(), {
    connection: connectionOf(url),
    concurrency: 64,
    autorun: false
  })
  await worker.waitUntilReady()
  let running: Promise<void> | undefined
  return {
    begin: async () => {
      if (running === undefined) running = worker.run()
      else worker.resume()
    },
    halt: () => worker.pause(),
    close: async () => {
      await worker.close()
      await running
    }
  }
}

export const openClient: Subject["openClient"] = async (url) => {
  const queue = new Queue(name, { connection: connectionOf(url) })
  const events = new QueueEvents(name, { connection: connectionOf(url) })
  events.setMaxListeners(0)
  queue.setMaxListeners(0)
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])
  return {
    fill: async (n) => {
      const jobs: Array<Job> = []
      for (let from = 0; from < n; from += 1_000) {
        const some = Array.from({ length: Math.min(1_000, n - from) }, (_, at) => ({ name, data: { n: from + at } }))
        jobs.push(...(await queue.addBulk(some)))
      }
      return async (begin) => {
        // One listener for all of them: `waitUntilFinished` of each asks Redis once more.
        const waited = new Set(jobs.map(({ id }) => id))
        const heard = new Promise<void>((resolve) => {
          const hear = ({ jobId }: { readonly jobId: string }) => {
            waited.delete(jobId)
            if (waited.size > 0) return
            events.off("completed", hear)
            resolve()
          }
          events.on("completed", hear)
        })
        await begin()
        await heard
      }
    },
    submit: (n) => queue.add(name, { n }),
    execute: async (n) => {
      const job = await queue.add(name, { n })
      return await job.waitUntilFinished(events)
    },
    close: async () => {
      await events.close()
      await queue.close()
    }
  }
}
