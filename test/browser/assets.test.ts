/** The page's files: compressed, asked for again only if they have changed, and allowed to load nothing from elsewhere. */
import { request } from "node:http"
import { gunzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, it } from "vitest"
import { serve, type Served } from "./support.ts"

let service: Served
beforeAll(async () => {
  service = await serve()
})
afterAll(() => service.stop())

/** `fetch` takes the compression away. */
const get = (path: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number; headers: Record<string, string | undefined>; body: Buffer }>((resolve, reject) => {
    const asked = request(service.address + path, { headers }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        resolve({ status: response.statusCode!, headers: response.headers as any, body: Buffer.concat(chunks) })
      })
    })
    asked.on("error", reject)
    asked.end()
  })

it.each(["/", "/assets/app.js", "/assets/app.css"])(
  "%s is checked, and sent again only if it has changed",
  async (path) => {
    const { headers, status } = await get(path)
    expect([status, headers["cache-control"], headers["x-content-type-options"]]).toEqual([200, "no-cache", "nosniff"])
    expect(headers["content-security-policy"]).toContain("default-src 'none'")
    const again = await get(path, { "if-none-match": headers["etag"]! })
    expect([again.status, again.body.length]).toEqual([304, 0])
  }
)

it("the script is sent in a third of its size", async () => {
  const plain = await get("/assets/app.js")
  const packed = await get("/assets/app.js", { "accept-encoding": "gzip" })
  expect([plain.headers["content-encoding"], packed.headers["content-encoding"]]).toEqual([undefined, "gzip"])
  expect(packed.headers["vary"]).toContain("Accept-Encoding")
  expect(packed.body.length * 2.5).toBeLessThan(plain.body.length)
  expect(gunzipSync(packed.body).equals(plain.body)).toBe(true)
})

it.each([
  "/assets/",
  "/assets/nothing.js",
  "/assets/%2e%2e/index.js",
  "/assets/..%2f..%2fmain.js",
  "/assets/app.js/x",
  "/assets/%00",
  `/assets/${"x".repeat(300)}`
])("there is no %s", async (path) => {
  const { headers, status } = await get(path)
  expect([status, headers["content-type"]]).toEqual([404, "application/problem+json"])
})
