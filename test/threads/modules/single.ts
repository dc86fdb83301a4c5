/** What should take batches and takes one at a time. */
import { Effect } from "effect"
import { group } from "./batchGroup.ts"

export { group }
export const layer = group.toLayer({ Halve: ({ n }) => Effect.succeed({ half: n / 2, with: [], thread: 0 }) })
