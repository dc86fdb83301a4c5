/** A key may have more requests than one call may have arguments. */
import { assert, it } from "vitest"
import { FairQueue } from "../../src/queue/fairQueue.ts"
import { disciplineOf, NotedAlarm, requestOf } from "./support.ts"

it("lists 200,000 requests of one key, in their order", () => {
  const queue = new FairQueue(disciplineOf(), new NotedAlarm())
  const requests = Array.from({ length: 200_000 }, () => requestOf({ key: "hog" }))
  for (const request of requests) queue.push(request, 0)
  const listed = [...queue]
  assert.strictEqual(listed.length, requests.length)
  assert.isTrue(listed.every((request, at) => request === requests[at]))
})
