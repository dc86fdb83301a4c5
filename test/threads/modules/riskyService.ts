/** The same for `--handlers` of a service: two threads, and none more. */
import * as Threads from "../../../src/threads/Threads.ts"
import { group } from "./risky.ts"

export { group }

export const layer = Threads.layer(group, {
  module: new URL("./riskyHandlers.ts", import.meta.url),
  min: 2,
  max: 2,
  spare: 0,
  killAfter: 100
})
