/** Four calls for the same, and what each kind of duplicate makes of them. Run it: `npm run example examples/duplicates.ts`. */
import { type CallOptions, createPool } from "effect-worker-pool/promise"
import { setTimeout } from "node:timers/promises"

const kinds = ["allow", "join", "reject", "replace", "latest"] as const

for (const duplicate of kinds) {
  await using pool = createPool({ minWorkers: 2, maxWorkers: 2 })
  let running = 0
  let most = 0
  const ran: Array<string> = []
  const gate = Promise.withResolvers<void>()

  /** All of them index the same page, as it was when they were called. */
  const index = (version: string) => {
    const options: CallOptions = { primaryKey: "page 7", duplicate }
    const work = async () => {
      ran.push(version)
      most = Math.max(most, ++running)
      await gate.promise
      running--
      return `index of ${version}`
    }
    return pool.run(work, options).catch((error: Error) => error.name)
  }

  const calls: Array<Promise<string>> = []
  for (const version of ["a", "b", "c", "d"]) {
    calls.push(index(version))
    // One that can run begins before the next one comes.
    await setTimeout(5)
  }
  gate.resolve()
  const heard = await Promise.all(calls)
  console.log(`${duplicate}: ${ran.join(" ")} ran, at most ${most} at once`)
  console.log(`  ${heard.join(", ")}`)
}

// => allow: a b c d ran, at most 2 at once
// =>   index of a, index of b, index of c, index of d
// => join: a ran, at most 1 at once
// =>   index of a, index of a, index of a, index of a
// => reject: a ran, at most 1 at once
// =>   index of a, DuplicateRequest, DuplicateRequest, DuplicateRequest
// => replace: a b d ran, at most 2 at once
// =>   index of a, index of b, RequestReplaced, index of d
// => latest: a d ran, at most 1 at once
// =>   index of a, RequestReplaced, RequestReplaced, index of d
