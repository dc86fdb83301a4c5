/** The OpenAPI document: a public linter takes it, and it tells each type's payload and result. */
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
  const { headers, json } = await service.ask("GET", "/docs")
  expect(json).toContain("/requests/Echo")
  expect(headers.get("content-security-policy")).toContain("default-src 'none'")
})
