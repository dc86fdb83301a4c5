/** A service that answers 429 with Retry-After, obeyed by everybody whom it concerns. Run it: `npm run example examples/retry-after.ts`. */
import { type Attempt, createPool, NotBefore, type Options } from "effect-worker-pool/promise"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** The service: each account may ask so often, then nothing for a second, then as often as it likes. */
const quota: Readonly<Record<string, number>> = { acme: 2, birch: 100 }
const busyUntil = new Map<string, number>()
let asked = new Map<string, number>()
let refused = 0
const server = createServer(({ url }, response) => {
  const account = url!.slice(1)
  const times = (asked.get(account) ?? 0) + 1
  asked.set(account, times)
  if (times === quota[account]! + 1) busyUntil.set(account, Date.now() + 1000)
  if (Date.now() < (busyUntil.get(account) ?? 0)) {
    refused++
    response.writeHead(429, { "Retry-After": "1" }).end()
  } else response.end(`done for ${account}`)
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const ask = async (account: string, { signal }: Attempt): Promise<string> => {
  const response = await fetch(`${service}/${account}`, { signal })
  const text = await response.text()
  if (response.status === 429) {
    const millis = NotBefore.fromHeader(response.headers.get("retry-after"), Date.now())
    // The other accounts go on: it concerns those of the same key.
    throw new NotBefore(millis ?? "1 second", { at: "key" })
  }
  return text
}

/** The same, for whom a 429 is an error like any other. */
const askAgain = (account: string, attempt: Attempt): Promise<string> =>
  ask(account, attempt).catch((error: unknown) => {
    throw error instanceof NotBefore ? new Error("429") : error
  })

const run = async (name: string, handler: typeof ask, options: Options): Promise<void> => {
  asked = new Map()
  refused = 0
  await using pool = createPool({ minWorkers: 4, maxWorkers: 4, handlers: { ask: handler }, ...options })
  const order: Array<string> = []
  const calls = [...Array<string>(8).fill("acme"), ...Array<string>(4).fill("birch")].map(async (key) => {
    const ticket = await pool.submit.ask(key, { key })
    await ticket.result
    order.push(key)
    return ticket.attempts
  })
  const attempts = await Promise.all(calls)
  console.log(`${name}: ${order.length} of 12 done, in one attempt each: ${attempts.every((n) => n === 1)}`)
  console.log(`  acme was refused ${refused <= 4 ? "at most once for each worker" : "again and again"}`)
  console.log(`  birch waited for nobody: ${order.lastIndexOf("birch") < 6}`)
}

await run("retries", askAgain, { retry: { times: 1000, base: 20, factor: 1, jitter: "none" } })
await run("NotBefore", ask, {})
server.close()

// => retries: 12 of 12 done, in one attempt each: false
// =>   acme was refused again and again
// =>   birch waited for nobody: true
// => NotBefore: 12 of 12 done, in one attempt each: true
// =>   acme was refused at most once for each worker
// =>   birch waited for nobody: true
