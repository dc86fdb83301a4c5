/** Tenants that share a pool: none holds up another, and none asks a service too often. Run it: `npm run example examples/tenants.ts`. */
import { createPool } from "effect-worker-pool/promise"
import { setTimeout } from "node:timers/promises"

interface Report {
  readonly tenant: string
  readonly name: string
}

const done: Array<string> = []
const lookedUp: Array<{ readonly name: string; readonly at: number }> = []

await using pool = createPool({
  minWorkers: 2,
  maxWorkers: 2,
  // Whose request it is, told by its input. Workers are shared by the time that their functions take.
  key: (_, input?: Report) => input?.tenant,
  weight: (tenant) => (tenant === "gold" ? 3 : 1),
  // A tenant with a million reports blocks its own callers, and nobody else's.
  keyCapacity: 100,
  limits: [{ name: "lookups", per: "key", rate: { limit: 1, period: "50 millis" }, tags: ["lookup"] }],
  handlers: {
    report: async ({ tenant, name }: Report) => {
      await setTimeout(10)
      done.push(`${tenant} ${name}`)
    },
    // People wait for it.
    lookup: { handler: ({ name }: Report) => void lookedUp.push({ name, at: performance.now() }), priority: 5 }
  }
})

// One tenant has a hundred reports there before anybody else comes.
const hog = Array.from({ length: 100 }, (_, n) => pool.submit.report({ tenant: "hog", name: `${n}` }))
await Promise.all(hog)
await Promise.all([
  pool.run.report({ tenant: "light", name: "first" }),
  pool.run.report({ tenant: "light", name: "second" })
])
console.log(`light waited for all of hog's: ${done.length > 50}`)

// Two that always have something to do: the one of three times the weight gets more done.
const before = done.length
for (let n = 0; n < 40; n++) {
  for (const tenant of ["gold", "plain"]) await pool.submit.report({ tenant, name: `${n}` })
}
while (done.length < before + 60) await pool.run.report({ tenant: "light", name: "now and then" })
const since = done.slice(before)
const count = (tenant: string): number => since.filter((name) => name.startsWith(tenant)).length
console.log(`gold has more than plain: ${count("gold") > count("plain")}, plain has some: ${count("plain") > 0}`)

// A lookup comes before what waits, but each tenant has one in 50 ms.
const [most] = pool.waitingBy("key", { top: 1 })
console.log(`most wait for ${most!.name}, which is no reason to wait for it`)
await Promise.all([1, 2, 3].map((n) => pool.run.lookup({ tenant: "light", name: `${n}` })))
console.log(`three lookups took their time: ${lookedUp[2]!.at - lookedUp[0]!.at > 90}`)

// What is left of one tenant is not wanted any more. Those that run go on.
console.log((await pool.cancelAll({ key: "hog", phase: "waiting" })) > 0, pool.list({ key: "hog", phase: "waiting" }))

// => light waited for all of hog's: false
// => gold has more than plain: true, plain has some: true
// => most wait for hog, which is no reason to wait for it
// => three lookups took their time: true
// => true []
