/** Ends threads whose attempts take more memory than they may. */
import { Effect } from "effect"
import type { Fleet } from "./fleet.ts"
import type { Thread } from "./thread.ts"

const everyMillis = 100
const megabyte = 2 ** 20

/** For ever: looks at each thread that runs an attempt ten times a second, and kills those above the limit, in megabytes. */
export const watchMemory = (fleet: Pick<Fleet, "all" | "kill">, limit: number): Effect.Effect<never> => {
  // One in native code answers when that has ended: it is not asked again before.
  const asked = new WeakSet<Thread>()
  const look = async (thread: Thread): Promise<void> => {
    asked.add(thread)
    const bytes = await thread.usedBytes()
    asked.delete(thread)
    if (bytes === undefined || bytes <= limit * megabyte) return
    // It may be another attempt by now, or none: what there is too much of is the thread's.
    fleet.kill(thread, { reason: "outOfMemory", detail: `${Math.ceil(bytes / megabyte)} MB of ${limit} MB` })
  }
  return Effect.forever(
    Effect.delay(
      Effect.sync(() => {
        for (const thread of fleet.all) if (thread.state === "busy" && !asked.has(thread)) void look(thread)
      }),
      everyMillis
    )
  )
}
