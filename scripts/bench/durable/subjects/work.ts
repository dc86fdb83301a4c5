/** pg-boss as its own documentation has it. */
import { setTimeout as sleep } from "node:timers/promises"
import { now } from "../group.ts"
import type { Subject } from "../subjects.ts"
import { fillQueue, openBoss, queue } from "./boss.ts"

export const openWorker: Subject["openWorker"] = async (url, tell) => {
  const boss = await openBoss(url)
  return {
    begin: async () => {
      const options = { batchSize: 64, localConcurrency: 4, perJobResults: true, burstWhenBatchFull: true } as const
      await boss.work(queue, options, async (jobs) => {
        const results = jobs.map(({ id }) => ({ id, status: "completed" as const, output: { at: now() } }))
        tell(jobs.length)
        return results
      })
    },
    halt: () => boss.offWork(queue),
    close: () => boss.stop({ graceful: false })
  }
}

export const openClient: Subject["openClient"] = async (url, ended) => {
  const boss = await openBoss(url)
  return {
    fill: async (n) => {
      await fillQueue(boss, n)
      return async (begin) => {
        await begin()
        await ended(n)
      }
    },
    submit: (n) => boss.send(queue, { n }),
    // It tells nobody of an end: one has to look.
    execute: async (n) => {
      const id = await boss.send(queue, { n })
      for (;;) {
        const [job] = await boss.findJobs(queue, { id: id! })
        if (job?.state === "completed") return (job.output as { readonly at: number }).at
        await sleep(2)
      }
    },
    close: () => boss.stop({ graceful: false })
  }
}
