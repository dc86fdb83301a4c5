/** A batched handler that the tests run on threads: what it does is in the numbers. */
import { Effect, Exit } from "effect"
import { threadId } from "node:worker_threads"
import { Handlers } from "../../../src/index.ts"
import { group, Halve, Odd } from "./batchGroup.ts"

export { group }

export const layer = group.toLayer({
  Halve: Handlers.batched(Halve, (payloads, requests) => {
    const numbers = payloads.map(({ n }) => n)
    const among = requests.map(({ attempts, id }) => `${id}/${attempts}`)
    if (numbers.includes(-1)) return Effect.die(new TypeError("all"))
    if (numbers.includes(-2)) return Effect.succeed([])
    if (numbers.includes(-3)) return Effect.fail(new Odd({ n: -3, when: new Date(0) }))
    if (numbers.includes(-4)) return Effect.never
    if (numbers.includes(-5) && requests[0]!.attempts === 1) return Effect.sync(() => process.exit(3))
    return Effect.succeed(
      numbers.map((n) => {
        if (n === 99) return Exit.succeed({ half: "no number", with: among, thread: threadId } as never)
        return n % 2 === 0
          ? Exit.succeed({ half: n / 2, with: among, thread: threadId })
          : Exit.fail(new Odd({ n, when: new Date(n) }))
      })
    )
  })
})
