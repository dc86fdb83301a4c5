/** Who may ask for what: hosts, origins, tokens and sessions. */
import { request } from "node:http"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

/** `fetch` sets `Host` and `Origin` itself. */
const raw = (service: Started, method: string, path: string, headers: Record<string, string>, body = "") =>
  new Promise<{ status: number; json: any; headers: Record<string, unknown> }>((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: service.port, method, path, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (text += chunk))
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          json: String(response.headers["content-type"]).includes("json") ? JSON.parse(text) : text
        })
      )
    })
    asked.on("error", reject)
    asked.end(body)
  })

const json = { "content-type": "application/json" }
const payload = '{"message":"hello"}'

describe("on this machine alone, without a token", () => {
  let service: Started
  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it.each(["localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST:1", "pool.localhost"])(
    "answers to the host %s",
    async (host) => {
      expect((await raw(service, "GET", "/pool", { host })).status).toBe(200)
    }
  )

  it.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "[::2]", "10.0.0.1"])(
    "does not answer to the host %s, on any route",
    async (host) => {
      for (const [method, path] of [
        ["GET", "/pool"],
        ["POST", "/requests/Echo"],
        ["GET", "/"]
      ] as const) {
        const { json: problem, status } = await raw(
          service,
          method,
          path,
          { host, ...json },
          method === "POST" ? payload : ""
        )
        expect([status, problem.field]).toEqual([421, "Host"])
      }
    }
  )

  it("a page of another site changes nothing, one of ours may", async () => {
    const host = `127.0.0.1:${service.port}`
    for (const origin of ["https://evil.example", "null", "http://localhost:1"]) {
      const refused = await raw(service, "POST", "/requests/Echo", { host, origin, ...json }, payload)
      expect([refused.status, refused.json.field]).toEqual([403, "Origin"])
    }
    const ours = { host, origin: `http://${host}`, ...json }
    expect((await raw(service, "POST", "/requests/Echo", ours, payload)).status).toBe(202)
    // What a form or a script may send without asking first.
    const simple = await raw(service, "POST", "/requests/Echo", { host, "content-type": "text/plain" }, payload)
    expect([simple.status, simple.json.field]).toEqual([415, "Content-Type"])
    const { headers } = await raw(service, "GET", "/pool", { host, origin: "https://evil.example" })
    expect(headers["access-control-allow-origin"]).toBe(undefined)
  })

  it("every answer forbids guessing its type and keeping it", async () => {
    for (const path of ["/pool", "/nothing", "/health/live", "/openapi.json"]) {
      const { headers } = await raw(service, "GET", path, { host: "localhost" })
      expect([path, headers["x-content-type-options"], headers["cache-control"]]).toEqual([path, "nosniff", "no-store"])
    }
  })
})

describe("with a token", () => {
  const token = "correct-horse-battery-staple"
  let service: Started
  let host: string
  beforeAll(async () => {
    service = await startService({ host: "0.0.0.0" }, { WORKER_POOL_TOKEN: token })
    host = `anything.example:${service.port}`
  })
  afterAll(() => service.close())

  it("only whoever has it is answered, but for health and the page", async () => {
    const guarded = ["/pool", "/metrics", "/events", "/requests", "/openapi.json", "/docs", "/requests/x"]
    for (const path of guarded) {
      const refused = await raw(service, "GET", path, { host })
      expect([path, refused.status, refused.headers["www-authenticate"]]).toEqual([path, 401, "Bearer"])
      const wrong = await raw(service, "GET", path, { host, authorization: `Bearer ${token}x` })
      expect([path, wrong.status]).toEqual([path, 401])
    }
    expect((await raw(service, "POST", "/requests/Echo", { host, ...json }, payload)).status).toBe(401)
    for (const authorization of [`Bearer ${token}`, `bearer  ${token}`]) {
      const taken = await raw(service, "POST", "/requests/Echo", { host, authorization, ...json }, payload)
      expect(taken.status).toBe(202)
    }
    expect((await raw(service, "GET", "/health/ready", { host })).status).toBe(200)
    expect((await raw(service, "GET", "/", { host })).status).not.toBe(401)
  })

  it("the page logs in once, and its cookie changes things only from our own origin", async () => {
    const logIn = (token: string) => raw(service, "POST", "/session", { host, ...json }, JSON.stringify({ token }))
    expect((await logIn("no")).status).toBe(401)
    const { headers, status } = await logIn(token)
    expect(status).toBe(204)
    const [cookie] = headers["set-cookie"] as [string]
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict/)
    const session = { host, cookie: `other=1; ${cookie.split(";")[0]!}` }
    expect((await raw(service, "GET", "/session", session)).json).toEqual({ required: true, loggedIn: true })
    expect((await raw(service, "GET", "/pool", session)).status).toBe(200)
    const change = (origin: Record<string, string>) =>
      raw(service, "PATCH", "/pool", { ...session, ...origin, ...json }, '{"paused":false}')
    expect((await change({})).status).toBe(403)
    expect((await change({ origin: "https://evil.example" })).status).toBe(403)
    expect((await change({ origin: `http://${host}` })).status).toBe(200)
    await raw(service, "DELETE", "/session", { ...session, origin: `http://${host}` })
    expect((await raw(service, "GET", "/pool", session)).status).toBe(401)
    expect((await raw(service, "GET", "/session", session)).json).toEqual({ required: true, loggedIn: false })
  })
})
