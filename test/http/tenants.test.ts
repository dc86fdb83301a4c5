/** Tenants: whose a request is cannot be chosen, and nobody sees or changes what is another's. */
import { request } from "node:http"
import { writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { temporary } from "../program/fixtures/program.ts"
import { open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

const files = temporary()
const operator = "the-operator-of-this-pool"
const tokens = { acme: "acme-acme-acme-acme", beta: "beta-beta-beta-beta", ["__proto__"]: "prototype-prototype" }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

let service: Started
beforeAll(async () => {
  const tokensFile = files.path("tokens.json")
  writeFileSync(tokensFile, JSON.stringify(tokens))
  service = await startService({ tokensFile }, { WORKER_POOL_TOKEN: operator })
})
afterAll(() => service.close())

const as = (token: string, method: string, path: string, body?: unknown, headers = {}) =>
  service.ask(method, path, { body, headers: { ...bearer(token), ...headers } })
const echo = (token: string, query = "", headers = {}) =>
  as(token, "POST", `/requests/Echo${query}`, { message: "x" }, { prefer: "wait=20", ...headers })

describe("the token of a tenant", () => {
  it("is the key of its requests, and no query or header changes that", async () => {
    expect((await echo(tokens.acme)).json).toMatchObject({ state: "succeeded", key: "acme" })
    expect((await echo(tokens.acme, "?key=acme", { "x-tenant": "beta" })).json).toMatchObject({ key: "acme" })
    expect((await echo(tokens.acme, "?priority=3")).json).toMatchObject({ key: "acme", priority: 3 })
    for (const query of ["?key=beta", "?key=__proto__", "?key=acme&key=beta"]) {
      const { json, status } = await echo(tokens.acme, query)
      expect([status, json.field]).toEqual([403, "key"])
    }
    // JSON has such a member as its own.
    expect((await echo(JSON.parse(JSON.stringify(tokens)).beta)).json).toMatchObject({ key: "beta" })
  })

  it("is one of those that were given, and the operator's may name any key", async () => {
    expect((await echo("some-other-token-of-mine")).status).toBe(401)
    expect((await service.ask("GET", "/requests")).status).toBe(401)
    expect((await echo(operator, "?key=beta")).json).toMatchObject({ key: "beta" })
    expect("key" in (await echo(operator)).json).toBe(false)
  })

  it("shows its own requests alone, and changes no others", async () => {
    const sent = (await as(tokens.beta, "POST", "/requests/Gate", { name: "of beta" })).json
    expect(sent).toMatchObject({ key: "beta", state: "running" })
    const path = `/requests/${sent.id}`
    const failed = await as(tokens.beta, "POST", "/requests/Fail", { why: "x" }, { prefer: "wait=20" })
    const retry = `/requests/${failed.json.request.id}/retry`
    for (const [method, of, body] of [
      ["GET", path],
      ["DELETE", path],
      ["PATCH", path, { priority: 1 }],
      ["POST", retry]
    ] as const) {
      expect([method, (await as(tokens.acme, method, of, body)).status]).toEqual([method, 404])
    }
    const list = async (token: string, query = "") =>
      (await as(token, "GET", `/requests${query}`)).json.requests.map(({ key }: { key?: string }) => key)
    expect(new Set(await list(tokens.acme))).toEqual(new Set(["acme"]))
    expect(await list(tokens.acme, "?state=deadLetter")).toEqual([])
    expect(await list(tokens.beta, "?state=deadLetter")).toEqual(["beta"])
    expect(new Set(await list(operator))).toEqual(new Set(["acme", "beta", undefined]))
    expect((await as(tokens.acme, "GET", "/requests?key=beta")).status).toBe(403)
    expect((await as(tokens.acme, "DELETE", "/requests?key=beta")).status).toBe(403)
    expect((await as(tokens.acme, "DELETE", "/requests?state=running")).json).toEqual({ cancelled: 0 })
    expect((await as(tokens.acme, "DELETE", "/requests")).status).toBe(400)

    expect((await as(tokens.beta, "POST", retry)).status).toBe(202)
    expect((await as(tokens.beta, "DELETE", "/requests?state=running")).json).toEqual({ cancelled: 1 })
    expect((await as(tokens.beta, "GET", path)).json).toMatchObject({ state: "cancelled" })
    open("of beta")
  })

  it("is the key of its remote calls, whatever these say", async () => {
    const call = async (token: string, name: string, headers: ReadonlyArray<readonly [string, string]>, more = {}) => {
      const message = { _tag: "Request", id: "1", tag: "Gate", payload: { name }, headers }
      const response = fetch(`${service.url}/rpc`, {
        method: "POST",
        body: `${JSON.stringify(message)}\n`,
        headers: { ...bearer(token), ...more }
      })
      return (await response).text()
    }
    const keys = async () =>
      (await as(operator, "GET", "/pool/keys")).json.keys.flatMap(({ name, running }: any) => (running > 0 ? name : []))
    for (const name of ["worker-pool-owner", "Worker-Pool-Owner", "authorization", "x-tenant"]) {
      const value = name === "authorization" ? `Bearer ${tokens.beta}` : "beta"
      const answer = call(tokens.acme, `rpc ${name}`, [[name, value]], { "worker-pool-owner": "beta" })
      while ((await keys()).length === 0) await new Promise(setImmediate)
      expect(await keys()).toEqual(["acme"])
      open(`rpc ${name}`)
      expect(await answer).toContain('"Success"')
    }
    expect(await call(tokens.acme, "none", [["worker-pool-key", "beta"]])).toContain("that of the tenant itself")
    const answer = call(operator, "of operator", [["worker-pool-owner", "beta"]], { "worker-pool-owner": "beta" })
    while ((await keys()).length === 0) await new Promise(setImmediate)
    expect(await keys()).toEqual([""])
    open("of operator")
    expect(await answer).toContain('"Success"')
  })

  it("repeats its own requests alone", async () => {
    const repeat = { "idempotency-key": "same" }
    const first = (await echo(tokens.acme, "", repeat)).json
    expect((await echo(tokens.acme, "", repeat)).json.id).toBe(first.id)
    const other = (await echo(tokens.beta, "", repeat)).json
    expect([other.key, other.id === first.id]).toEqual(["beta", false])
  })

  it.each([
    ["GET", "/pool"],
    ["PATCH", "/pool"],
    ["POST", "/pool/drain"],
    ["POST", "/pool/pause?key=beta"],
    ["GET", "/pool/keys"],
    ["GET", "/pool/gates"],
    ["PATCH", "/pool/limits/x"],
    ["GET", "/metrics"],
    ["GET", "/events"],
    ["GET", "/pool/"],
    ["GET", "//pool"],
    ["GET", "/POOL"]
  ])("does not let %s %s", async (method, path) => {
    const { status } = await as(tokens.acme, method, path, method === "GET" ? undefined : {})
    expect(status).toBe(403)
  })

  it("lets it read the documentation, and opens no session", async () => {
    expect((await as(tokens.acme, "GET", "/openapi.json")).status).toBe(200)
    expect((await service.ask("POST", "/session", { body: { token: tokens.acme } })).status).toBe(401)
    expect((await service.ask("GET", "/health/ready")).status).toBe(200)
  })
})

describe("a header that a proxy sets", () => {
  let proxied: Started
  beforeAll(async () => {
    proxied = await startService({ keyFrom: "header:X-Tenant" })
  })
  afterAll(() => proxied.close())

  /** `fetch` joins what is given twice by itself. */
  const raw = (path: string, headers: Record<string, string | Array<string>>) =>
    new Promise<{ readonly status: number; readonly json: any }>((resolve, reject) => {
      const all = { host: "localhost", "content-type": "application/json", prefer: "wait=20", ...headers }
      const asked = request(
        { host: "127.0.0.1", port: proxied.port, method: "POST", path, headers: all },
        (response) => {
          let text = ""
          response.on("data", (chunk) => (text += chunk))
          response.on("end", () => resolve({ status: response.statusCode!, json: JSON.parse(text) }))
        }
      )
      asked.on("error", reject)
      asked.end('{"message":"x"}')
    })

  it("is the key of its requests, and the query does not change that", async () => {
    expect((await raw("/requests/Echo", { "x-tenant": "acme" })).json).toMatchObject({ key: "acme" })
    const { json, status } = await raw("/requests/Echo?key=beta", { "x-tenant": "acme" })
    expect([status, json.field]).toEqual([403, "key"])
    expect((await proxied.ask("GET", "/requests", { headers: { "x-tenant": "beta" } })).json.requests).toEqual([])
    expect((await proxied.ask("GET", "/pool", { headers: { "x-tenant": "beta" } })).status).toBe(403)
    expect((await proxied.ask("GET", "/pool")).status).toBe(200)
  })

  it.each<[string, Record<string, string | Array<string>>]>([
    ["missing", {}],
    ["empty", { "x-tenant": "" }],
    ["there twice", { "x-tenant": ["beta", "acme"] }],
    ["a list", { "x-tenant": "beta, acme" }],
    ["too long", { "x-tenant": "x".repeat(257) }],
    ["with a space", { "x-tenant": "a b" }],
    ["no ASCII", { "x-tenant": "\u00e9" }],
    ["a control character", { "x-tenant": "a\tb" }]
  ])("is refused when it is %s", async (_, headers) => {
    for (const path of ["/requests/Echo", "/requests/Echo?key=beta", "/rpc"]) {
      const { json, status } = await raw(path, headers)
      expect([status, json.field]).toEqual([400, "x-tenant"])
    }
  })

  it("is asked for on no path that only looks like another", async () => {
    for (const path of ["/rpc/", "/RPC", "//rpc", "/requests/"]) {
      expect([path, (await raw(path, {})).status >= 400]).toEqual([path, true])
    }
  })
})
