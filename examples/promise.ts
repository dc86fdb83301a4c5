/** A crawl of a site that is slow, busy and broken, without Effect. Run it: `npm run example examples/promise.ts`. */
import { type Attempt, createPool } from "effect-worker-pool/promise"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** The site: some pages need a moment, one is busy at first, one is not there, and one never answers. */
let open = 0
let most = 0
let busy = 2
const server = createServer(async ({ url }, response) => {
  if (url === "/never") return
  most = Math.max(most, ++open)
  await new Promise((resolve) => setTimeout(resolve, 20))
  open--
  if (url === "/busy" && busy-- > 0) response.writeHead(503, { "retry-after-ms": "5" }).end()
  else response.writeHead(url === "/missing" ? 404 : 200).end(`this is ${url}`)
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

class HttpError extends Error {
  readonly status: number
  readonly retryAfterMillis: number
  constructor({ headers, status }: Response) {
    super(`HTTP ${status}`)
    this.status = status
    this.retryAfterMillis = Number(headers.get("retry-after-ms"))
  }
}

const getPage = async (path: string, { signal }: Attempt): Promise<string> => {
  const response = await fetch(site + path, { signal })
  const text = await response.text()
  if (!response.ok) throw new HttpError(response)
  return text
}

const crawl = async (paths: Iterable<string>): Promise<void> => {
  await using pool = createPool({
    name: "crawl",
    maxWorkers: 3,
    timeout: "5 seconds",
    handlers: {
      page: {
        handler: getPage,
        // Only those that may be better the next time, and when they say.
        retry: {
          times: 3,
          failures: (error: unknown) => error instanceof HttpError && error.status === 503,
          timeouts: false,
          delay: (error: unknown) => (error instanceof HttpError ? error.retryAfterMillis : undefined)
        }
      }
    }
  })
  // Control-C finishes what has begun, for at most ten seconds.
  const stop = (): void => void pool.drain({ deadline: "10 seconds", waiting: "interrupt" })
  process.once("SIGINT", stop)

  const pages = pool.map.page(paths, { outcomes: true })
  for await (const outcome of pages) {
    const tries = "attempts" in outcome && outcome.attempts > 1 ? ` (${outcome.attempts} attempts)` : ""
    console.log(outcome.end === "succeeded" ? `${outcome.value}${tries}` : String(outcome.error))
  }

  // One call with a shorter time than the pool's.
  const patience = pool.run.page("/never", { timeout: "50 millis" })
  await patience.catch((error: { code?: string }) => console.log(error.code))

  process.off("SIGINT", stop)
  const { ends } = await pool.drain()
  console.log(`${ends.succeeded} succeeded, ${ends.failed} failed, ${ends.timedOut} timed out`)
}

await crawl(["/", "/about", "/busy", "/missing", "/news", "/team"])
console.log(`at most three at once: ${most <= 3}`)
server.closeAllConnections()
server.close()

// => this is /
// => this is /about
// => this is /busy (3 attempts)
// => Error: HTTP 404
// => this is /news
// => this is /team
// => REQUEST_TIMEOUT
// => 5 succeeded, 1 failed, 1 timed out
// => at most three at once: true
