/**
 * A program without Effect, in JavaScript. `scripts/check-package.mjs` installs the package and runs it there, with the
 * address of a server that answers what it is asked for: `/slow` never, `/failing` with 500 each first time.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { Worker } from "node:worker_threads"
import { createPool, PoolError, RequestTimeout } from "effect-worker-pool/promise"

const [url, way] = process.argv.slice(2)
const print = (...values) => console.log(values.map((value) => JSON.stringify(value)).join(" "))
const pool = createPool({
  maxWorkers: 8,
  timeout: "10 seconds",
  handlers: {
    get: {
      retry: { times: 2, base: "1 milli" },
      handler: async (path, { signal }) => {
        const response = await fetch(`${url}/${path}`, { signal })
        if (!response.ok) throw new Error(`status ${response.status}`)
        return response.text()
      }
    }
  }
})

print("run", await pool.run(({ signal }) => fetch(`${url}/a`, { signal }).then((response) => response.text())))
print("handler, at its second attempt", await pool.run.get("failing"))

let aborted = false
const slow = ({ signal }) => {
  signal.addEventListener("abort", () => (aborted = signal.reason instanceof RequestTimeout))
  return fetch(`${url}/slow`, { signal })
}
const timedOut = await pool.run(slow, { timeout: 50 }).catch((error) => error)
print("timeout", timedOut instanceof PoolError && timedOut.code, aborted)

const controller = new AbortController()
const given = pool.run.get("slow", { signal: controller.signal }).catch((error) => error)
controller.abort("enough")
print("signal", await given)

const mapped = []
for await (const text of pool.map.get(["b", "c", "d"])) mapped.push(text)
print("map", mapped)

const ticket = await pool.submit(() => pool.run.get("nested"))
print("submit, and a request within it", (await ticket.outcome).value)

const inner = () => pool.run(() => 1)
print("within its own slot", await pool.run(async () => 1 + (await pool.run(async () => 1 + (await inner())))))

const user = new AsyncLocalStorage()
const users = ["ann", "bob"].map((name) =>
  user.run(name, () =>
    pool.run(async () => {
      await fetch(`${url}/user`)
      return user.getStore()
    })
  )
)
print("async context", await Promise.all(users))

const spawn = () => new Worker(new URL("./functions.thread.mjs", import.meta.url))
const threaded = createPool({ threads: { spawn, functions: { double: { timeout: "10 seconds" } } } })
print("on a thread that is spawned", await threaded.run.double(21))

if (way === "drain") {
  const { accepted, forced } = await pool.drain()
  print("drain", accepted, forced, (await pool.run(() => 1).catch((error) => error)).code)
}
