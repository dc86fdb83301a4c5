/** Calls of the same identity, groups and calls for later, as clients of the service make them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { open } from "./handlers.ts"
import { type Reply, type Started, startService } from "./support.ts"

let service: Started
beforeEach(async () => {
  service = await startService({ maxWorkers: "1", policy: "fixed:1" })
})
afterEach(() => service.close())

/** A request that runs until the gate of that name is opened. */
const gate = (name: string, query = "", wait?: number, headers: Record<string, string> = {}): Promise<Reply> =>
  service.submit(`Gate?${query}`, { name }, wait, headers)
const look = async (id: string) => (await service.ask("GET", `/requests/${id}`)).json
const end = async (id: string) => (await service.ask("GET", `/requests/${id}`, { headers: { prefer: "wait=20" } })).json
const counts = async () => (await service.ask("GET", "/pool")).json.requests
/** Until so many have been counted under that name. */
const counted = (name: string, many: number) => expect.poll(async () => (await counts())[name]).toBe(many)
/** What keeps the one worker. */
const busy = async (name: string) => (await gate(name)).json.id as string

describe("reject", () => {
  it("is 409 with the id of the one that is there, until that has ended", async () => {
    const query = "primaryKey=order-7&duplicate=reject"
    const first = await gate("reject", query)
    expect(first.status).toBe(202)
    const refused = await gate("reject", query, 20)
    expect([refused.status, refused.headers.get("content-type")]).toEqual([409, "application/problem+json"])
    expect(refused.json).toEqual({
      type: "urn:effect-worker-pool:problem:duplicate",
      title: "Conflict",
      status: 409,
      detail: `"Gate" of primary key "order-7" is there already, as request ${first.json.id}`,
      id: first.json.id
    })
    expect(await counts()).toMatchObject({ offered: 2, refusedDuplicate: 1, accepted: 1 })
    open("reject")
    await end(first.json.id)
    expect((await gate("reject", query, 20)).json).toMatchObject({ state: "succeeded", result: "reject" })
  })

  it("gives the Idempotency-Key of the one that it refuses back", async () => {
    const query = "primaryKey=order-7&duplicate=reject"
    const first = await gate("again", query)
    const retry = () => gate("again", query, 20, { "idempotency-key": "k" })
    expect((await retry()).status).toBe(409)
    open("again")
    await end(first.json.id)
    expect((await retry()).json).toMatchObject({ state: "succeeded" })
  })

  it("knows the primary key of a payload, and another type is another identity", async () => {
    await busy("other")
    const first = await service.submit("Named?duplicate=reject", { name: "a" })
    expect((await service.submit("Named?duplicate=reject", { name: "a" })).json.id).toBe(first.json.id)
    expect((await service.submit("Named?duplicate=reject", { name: "b" })).status).toBe(202)
    expect((await service.submit("Echo?primaryKey=a&duplicate=reject", { message: "" })).status).toBe(202)
    open("other")
  })
})

describe("join", () => {
  it("is the one request that is there, and its end for all who wait", async () => {
    const query = "primaryKey=report&duplicate=join"
    const first = gate("join", query, 20)
    await counted("running", 1)
    const second = gate("join", query, 20)
    await counted("joined", 1)
    const third = await gate("join", `${query}&priority=10`)
    expect([third.status, third.headers.get("location")]).toEqual([202, `/requests/${third.json.id}`])
    expect(third.json).toMatchObject({ state: "running", attempts: 1, priority: 0 })
    expect((await service.ask("GET", "/requests")).json.requests.length).toBe(1)
    open("join")
    const [one, two] = await Promise.all([first, second])
    expect([one.status, two.status]).toEqual([200, 200])
    expect(one.json).toMatchObject({ id: third.json.id, result: "join" })
    expect(two.json).toEqual(one.json)
    expect(await counts()).toMatchObject({ offered: 1, joined: 2, attempts: 1, succeeded: 1 })
  })

  it("keeps the priority, the key and the place of the first", async () => {
    await busy("kept")
    const first = await gate("kept", "primaryKey=p&duplicate=join&key=acme")
    const second = await gate("kept", "primaryKey=p&duplicate=join&key=other&priority=3")
    expect(second.json).toMatchObject({ id: first.json.id, key: "acme", priority: 0, state: "waiting" })
    open("kept")
  })
})

describe("replace and latest", () => {
  it("replace: what waits gives way, and is 410 of who has replaced it; what runs goes on", async () => {
    const query = "primaryKey=doc&duplicate=replace"
    const running = gate("replace", query, 20)
    await counted("running", 1)
    const old = gate("replace", query, 20)
    await counted("waiting", 1)
    const fresh = await gate("replace", query)
    const { json, status } = await old
    expect(status).toBe(410)
    expect(json).toMatchObject({
      type: "urn:effect-worker-pool:problem:cancelled",
      request: {
        state: "cancelled",
        error: { _tag: "RequestReplaced", message: expect.stringContaining(fresh.json.id) }
      }
    })
    open("replace")
    expect([(await running).status, (await end(fresh.json.id)).state]).toEqual([200, "succeeded"])
  })

  it("latest: it starts when the one that runs has ended, though there are workers", async () => {
    await service.ask("PATCH", "/pool", { body: { maxWorkers: 3, minWorkers: 3, policy: "fixed:3" } })
    const query = "primaryKey=doc&duplicate=latest"
    const running = await gate("latest", query)
    const ids = []
    for (const _ of [1, 2]) ids.push((await gate("later", query)).json.id)
    open("later")
    expect([(await look(ids[0])).state, (await look(ids[1])).state]).toEqual(["cancelled", "delayed"])
    open("latest")
    expect([(await end(running.json.id)).state, (await end(ids[1])).state]).toEqual(["succeeded", "succeeded"])
  })

  it("debounce: it starts so long after the last call, and at the most so long after the first", async () => {
    const send = async (query: string) =>
      (await service.submit(`Echo?primaryKey=doc&duplicate=replace&${query}`, { message: "" })).json
    const first = await send("debounce=1h")
    expect(first).toMatchObject({ state: "delayed" })
    const second = await send("debounce=1h&debounceAtMost=3601s")
    expect(second.startsInMillis).toBeGreaterThan(3_590_000)
    expect(await look(first.id)).toMatchObject({ state: "cancelled" })
    expect(await end((await send("debounce=1ms")).id)).toMatchObject({ state: "succeeded" })
  })
})

describe("groups", () => {
  it("are shown, listed and cancelled", async () => {
    const running = await busy("grouped")
    const ids: Array<string> = []
    for (const group of ["a", "a", "b"]) ids.push((await gate("grouped", `group=${group}`)).json.id)
    const listed = async (query: string) =>
      (await service.ask("GET", `/requests?${query}`)).json.requests.map(({ group, id }: any) => [id, group])
    expect(await listed("group=a")).toEqual([
      [ids[1], "a"],
      [ids[0], "a"]
    ])
    expect(await listed("group=a&state=running")).toEqual([])
    expect(await listed("state=running")).toEqual([[running, undefined]])
    for (const query of ["grp=a", "type=Gate&grp=a"]) {
      const { json, status } = await service.ask("DELETE", `/requests?${query}`)
      expect(status).toBe(400)
      expect(json).toMatchObject({
        field: "grp",
        detail: "Expected the query to have only type, key, group, state, got `grp`"
      })
    }
    expect((await service.ask("DELETE", "/requests?group=a")).json).toEqual({ cancelled: 2 })
    expect(await look(ids[0]!)).toMatchObject({ state: "cancelled", group: "a" })
    expect(await look(ids[2]!)).toMatchObject({ state: "waiting", group: "b" })
    open("grouped")
    expect(await end(ids[2]!)).toMatchObject({ state: "succeeded", group: "b" })
  })
})

describe("a request for later", () => {
  it.each([
    ["delay=1h", 3_600_000],
    ["delay=1500", 1500],
    [`startAt=${encodeURIComponent(new Date(Date.now() + 7_200_000).toISOString())}`, 7_200_000]
  ])("with %s says when it starts", async (query, millis) => {
    const { json } = await gate("never", query)
    expect(json).toMatchObject({ state: "delayed", attempts: 0 })
    const { startsInMillis } = await look(json.id)
    expect(startsInMillis).toBeGreaterThan(millis - 60_000)
    expect(startsInMillis).toBeLessThanOrEqual(millis)
    expect((await service.ask("GET", "/requests?state=delayed")).json.requests[0]).toHaveProperty("startsInMillis")
    expect((await service.ask("DELETE", `/requests/${json.id}`)).json).toMatchObject({ cancel: "withdrawn" })
    expect(await look(json.id)).not.toHaveProperty("startsInMillis")
  })

  it("starts at once where the date is past, and says nothing of when", async () => {
    const { json } = await service.submit("Echo?startAt=2020-01-01T00:00:00Z", { message: "" }, 20)
    expect(json).toMatchObject({ state: "succeeded" })
    expect(json).not.toHaveProperty("startsInMillis")
  })
})

describe("what is wrong is 400 that names it", () => {
  it.each([
    ["primaryKey=", "primaryKey"],
    [`primaryKey=${"x".repeat(257)}`, "primaryKey"],
    ["primaryKey=a%0Ab", "primaryKey"],
    ["duplicate=merge", "duplicate"],
    ["duplicate=", "duplicate"],
    ["debounce=0", "debounce"],
    ["debounce=soon", "debounce"],
    ["debounce=1s", "debounce"],
    ["debounce=1s&duplicate=join&primaryKey=a", "debounce"],
    ["debounce=2s&debounceAtMost=1s&duplicate=replace&primaryKey=a", "debounceAtMost"],
    ["debounceAtMost=1s&duplicate=replace&primaryKey=a", "debounceAtMost"],
    ["group=", "group"],
    [`group=${"x".repeat(257)}`, "group"],
    ["delay=-1", "delay"],
    ["delay=soon", "delay"],
    ["startAt=tomorrow", "startAt"],
    ["startAt=2026-12-24T18:00:00Z&delay=1h", "startAt"],
    ["id=7", "id"]
  ])("?%s", async (query, field) => {
    const { headers, json, status } = await service.submit(`Echo?${query}`, { message: "" })
    expect([status, headers.get("content-type")]).toEqual([400, "application/problem+json"])
    expect(json).toMatchObject({ type: "urn:effect-worker-pool:problem:invalid", field })
    expect(json.detail).toMatch(/^Expected|^Option/)
    expect(await counts()).toMatchObject({ offered: 0 })
  })
})

it("is all in the contract", async () => {
  const { components, paths } = (await service.ask("GET", "/openapi.json")).json
  const { Problem, Request } = components.schemas
  expect([Object.keys(Request.properties), Object.keys(Problem.properties)]).toEqual([
    expect.arrayContaining(["group", "startsInMillis"]),
    expect.arrayContaining(["id"])
  ])
  const { parameters, responses } = paths["/requests/Echo"].post
  const query = parameters.flatMap((one: any) => (one.in === "query" ? [one.name] : []))
  expect(query).toEqual(
    expect.arrayContaining(["primaryKey", "duplicate", "debounce", "debounceAtMost", "group", "delay", "startAt"])
  )
  expect(Object.keys(responses)).toEqual(expect.arrayContaining(["409", "410", "429", "503"]))
  for (const method of ["get", "delete"]) {
    expect(paths["/requests"][method].parameters.map(({ name }: any) => name)).toContain("group")
  }
})
