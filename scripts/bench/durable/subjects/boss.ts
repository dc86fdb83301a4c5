/** A pg-boss as it comes, and the queue that all processes use. */
import { PgBoss } from "pg-boss"

export const queue = "noop"

export const openBoss = async (connectionString: string): Promise<PgBoss> => {
  const boss = new PgBoss({ connectionString, max: 20, useListenNotify: true })
  boss.on("error", () => {})
  await boss.start()
  await boss.createQueue(queue, { partition: true, notify: true })
  return boss
}

/** Stores them a thousand at a time. */
export const fillQueue = async (boss: PgBoss, n: number): Promise<void> => {
  for (let from = 0; from < n; from += 1_000) {
    await boss.insert(
      queue,
      Array.from({ length: Math.min(1_000, n - from) }, (_, at) => ({ data: { n: from + at } }))
    )
  }
}
