/** What the statements of pg-boss allow, with nothing around them. */
import type { Subject } from "../subjects.ts"
import { fillQueue, openBoss, queue } from "./boss.ts"

const batchSize = 500
const atOnce = 2

export const openWorker: Subject["openWorker"] = async (url, tell) => {
  const boss = await openBoss(url)
  const state = { isOpen: false }
  const loops: Array<Promise<void>> = []
  const loop = async () => {
    while (state.isOpen) {
      const jobs = await boss.fetch(queue, { batchSize })
      if (jobs.length === 0) continue
      await boss.complete(
        queue,
        jobs.map(({ id }) => id)
      )
      tell(jobs.length)
    }
  }
  return {
    begin: async () => {
      state.isOpen = true
      for (let at = 0; at < atOnce; at++) loops.push(loop())
    },
    halt: async () => {
      state.isOpen = false
      await Promise.all(loops.splice(0))
    },
    close: async () => {
      state.isOpen = false
      await Promise.all(loops)
      await boss.stop({ graceful: false })
    }
  }
}

export const openClient: Subject["openClient"] = async (url, ended) => {
  const boss = await openBoss(url)
  const none = () => Promise.reject(new Error("it is measured at a backlog alone"))
  return {
    fill: async (n) => {
      await fillQueue(boss, n)
      return async (begin) => {
        await begin()
        await ended(n)
      }
    },
    submit: none,
    execute: none,
    close: () => boss.stop({ graceful: false })
  }
}
