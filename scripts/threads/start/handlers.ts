/** What `starts.ts` runs on threads, as most write it. */
import { Effect } from "effect"
import { group } from "./group.ts"

export { group }

export const layer = group.toLayer({ Rss: () => Effect.sync(() => process.memoryUsage.rss() / 2 ** 20) })
