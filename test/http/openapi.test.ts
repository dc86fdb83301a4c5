/** The OpenAPI document: a public linter takes it, and it tells each type's payload and result. */
import { request } from "node:http"
import { gunzipSync } from "node:zlib"
import { createConfig, lintFromString } from "@redocly/openapi-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

let service: Started
let document: any
beforeAll(async () => {
  service = await startService()
  document = (await service.ask("GET", "/openapi.json")).json
})
afterAll(() => service.close())

it("passes Redocly's recommended rules without a word", async () => {
  const config = await createConfig({ extends: ["recommended"] })
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: "openapi.json", config })
  expect(problems.map(({ location, message }) => `${message} ${location[0]?.pointer ?? ""}`)).toEqual([])
})

it("has a route for each type of request, with its payload, its result and its errors", () => {
  const route = document.paths["/requests/Echo"].post
  expect(route.requestBody.content["application/json"].schema).toMatchObject({
    type: "object",
    properties: { message: { type: "string" } },
    required: ["message"]
  })
  expect(Object.keys(route.responses)).toEqual([
    "200",
    "202",
    "400",
    "404",
    "409",
    "410",
    "413",
    "415",
    "422",
    "429",
    "500",
    "503",
    "504"
  ])
  expect(route.responses[429].content).toHaveProperty(["application/problem+json"])
  expect(route.parameters.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["prefer", "idempotency-key", "timeout", "expiresIn", "retries"])
  )
})

it("says of which routes the body may be left out", () => {
  const isRequired = (path: string, method = "post") => document.paths[path][method].requestBody?.required ?? false
  expect(["/pool/drain", "/requests/mail.send", "/requests/Any"].map((path) => isRequired(path))).toEqual([
    false,
    false,
    false
  ])
  expect([isRequired("/requests/Echo"), isRequired("/session"), isRequired("/pool", "patch")]).toEqual([
    true,
    true,
    true
  ])
})

it("tells of every route that answers, and the documentation shows it", async () => {
  for (const [path, operations] of Object.entries<object>(document.paths)) {
    for (const method of Object.keys(operations)) {
      const known = path.replace("{id}", "unknown")
      if (path === "/events") continue
      const { json, status } = await service.ask(method.toUpperCase(), known, method === "get" ? {} : { text: "}" })
      expect([path, method, status === 404 && json.detail?.startsWith("There is nothing here")]).toEqual([
        path,
        method,
        false
      ])
    }
  }
})

/** `fetch` takes the compression away. */
const get = (path: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number; headers: Record<string, string | undefined>; body: Buffer }>((resolve, reject) => {
    const asked = request(service.url + path, { headers }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers as any, body: Buffer.concat(chunks) })
      )
    })
    asked.on("error", reject)
    asked.end()
  })

it("the documentation is small, and its parts are sent once: compressed, and kept by their hash", async () => {
  const page = await get("/docs")
  expect([page.status, page.headers["cache-control"]]).toEqual([200, "no-cache"])
  expect(page.headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self';/)
  const again = await get("/docs", { "if-none-match": page.headers["etag"]! })
  expect([again.status, again.body.length]).toEqual([304, 0])
  const parts = [...page.body.toString().matchAll(/(?:href|src)="(docs\/[0-9a-f]+\.(?:js|css))"/g)]
  expect(parts.length).toBe(2)
  for (const [, part] of parts) {
    const plain = await get(`/${part}`)
    const packed = await get(`/${part}`, { "accept-encoding": "br, gzip" })
    const refusing = await get(`/${part}`, { "accept-encoding": "gzip;q=0" })
    expect(plain.headers["cache-control"]).toBe("private, max-age=31536000, immutable")
    const encodings = [plain, packed, refusing].map(({ headers }) => headers["content-encoding"])
    expect(encodings).toEqual([undefined, "gzip", undefined])
    expect(packed.headers["vary"]).toBe("Accept-Encoding")
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true)
    expect(packed.body.length * 3).toBeLessThan(plain.body.length)
    const again = await get(`/${part}`, { "if-none-match": plain.headers["etag"]! })
    expect([again.status, again.body.length]).toEqual([304, 0])
  }
  const other = await get("/docs/0123.js")
  expect([other.status, other.headers["content-type"]]).toEqual([404, "application/problem+json"])
})
