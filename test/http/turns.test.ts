/** Who runs next, over HTTP: what waits and where, pauses of a part, priorities, and cancelling all that fit. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

let service: Started
beforeEach(async () => {
  service = await startService({ policy: "fixed:1", maxWorkers: "1" })
})
afterEach(() => service.close())

const submit = async (type: string, payload: unknown = {}) => (await service.submit(type, payload)).json.id as string
const stateOf = async (id: string) => (await service.ask("GET", `/requests/${id}`)).json.state
const pool = async () => (await service.ask("GET", "/pool")).json

describe("a part", () => {
  it("is paused and goes on, the others meanwhile", async () => {
    const paused = await service.ask("POST", "/pool/pause?tag=Echo")
    expect([paused.status, paused.json]).toEqual([204, ""])
    const held = await submit("Echo", { message: "held" })
    expect((await service.submit("mail.send", null, 20)).json.state).toBe("succeeded")
    expect(await stateOf(held)).toBe("waiting")
    const { gates } = (await service.ask("GET", "/pool/gates")).json
    expect(gates).toEqual([
      { kind: "tag", name: "Echo", paused: true, running: 0, heldBack: 1, started: 0, opensInMillis: null }
    ])
    expect(await pool()).toMatchObject({ requests: { waiting: 1, heldBack: 1 }, paused: false })
    expect((await service.ask("GET", "/pool/tags")).json.tags).toEqual([
      { name: "Echo", blocked: 0, waiting: 1, heldBack: 1, delayed: 0, running: 0 }
    ])

    expect((await service.ask("POST", "/pool/resume?tag=Echo")).status).toBe(204)
    const { json } = await service.ask("GET", `/requests/${held}`, { headers: { prefer: "wait=20" } })
    expect(json).toMatchObject({ state: "succeeded", result: "held" })
    expect(service.logged.filter((line) => line.startsWith("POST /pool/"))).toEqual([
      expect.stringMatching(/^POST \/pool\/pause by \S+: \{"tag":"Echo"\}/),
      expect.stringMatching(/^POST \/pool\/resume by \S+: \{"tag":"Echo"\}/)
    ])
  })

  it.each([
    ["", "query", "exactly one of tag, key and limit, got none"],
    ["?tag=Echo&key=x", "query", "got tag and key"],
    ["?tag=__proto__", "tag", "Echo or Gate"],
    ["?limit=mailer", "limit", "the pool has none"],
    ["?limits=mailer", "limits", "only tag, key, limit, got `limits`"],
    [`?key=${"x".repeat(257)}`, "key", "256"]
  ])("is refused with the query '%s', and the field is named", async (query, field, detail) => {
    for (const lever of ["pause", "resume"]) {
      const { json, status } = await service.ask("POST", `/pool/${lever}${query}`)
      expect([status, json.field, json.detail]).toEqual([400, field, expect.stringContaining(detail)])
    }
  })
})

it.each([
  ["/pool/gates?limit=0", "limit"],
  ["/pool/gates?limit=1001", "limit"],
  ["/pool/keys?top=1.5", "top"],
  ["/pool/tags?top=x", "top"],
  ["/pool/tags?limit=1", "limit"]
])("GET %s is refused", async (path, field) => {
  const { json, status } = await service.ask("GET", path)
  expect([status, json.field]).toEqual([400, field])
})

it("has no limit where none was set, and says which there are", async () => {
  for (const name of ["mailer", "__proto__", "constructor"]) {
    const { json, status } = await service.ask("PATCH", `/pool/limits/${name}`, { body: { concurrency: 2 } })
    expect([status, json.detail]).toEqual([404, expect.stringContaining("there are none")])
  }
})

describe("a limit of the settings", () => {
  let limited: Started
  beforeEach(async () => {
    const limits = "name=gates,concurrency=1,tags=Gate;name=all,per=tag,rate=1000/1s"
    limited = await startService({ policy: "fixed:8", limits })
  })
  afterEach(() => limited.close())
  const patch = (body: unknown, name = "gates") => limited.ask("PATCH", `/pool/limits/${name}`, { body })
  const gate = async (name: string) => (await limited.submit("Gate", { name })).json.id as string
  const stateIn = async (id: string) => (await limited.ask("GET", `/requests/${id}`)).json.state

  it("holds back, is shown, and is changed while it runs", async () => {
    const first = await gate("limited 1")
    const second = await gate("limited 2")
    expect([await stateIn(first), await stateIn(second)]).toEqual(["running", "waiting"])
    const pool = (await limited.ask("GET", "/pool")).json
    expect(pool).toMatchObject({ requests: { waiting: 1, heldBack: 1 }, keys: 1 })
    expect(pool.limits).toEqual({
      gates: { concurrency: 1, rate: "none", paused: false, running: 1, heldBack: 1, started: 1, gates: 1 },
      all: {
        concurrency: "none",
        rate: { limit: 1000, period: 1000, burst: 1000 },
        paused: false,
        running: 1,
        heldBack: 0,
        started: 1,
        gates: 1
      }
    })
    expect((await limited.ask("GET", "/pool/gates")).json.gates).toContainEqual(
      expect.objectContaining({ kind: "limit", name: "gates", running: 1, heldBack: 1, opensInMillis: null })
    )
    const changed = await patch({ concurrency: 2, rate: { limit: 5, period: "1m", burst: 5 } })
    expect([changed.status, changed.json]).toEqual([
      200,
      expect.objectContaining({ concurrency: 2, rate: { limit: 5, period: 60_000, burst: 5 } })
    ])
    expect(await stateIn(second)).toBe("running")
    expect((await patch({ concurrency: "none", rate: changed.json.rate })).json).toMatchObject({ concurrency: "none" })
    open("limited 1")
    open("limited 2")
    expect(limited.logged).toContainEqual(
      expect.stringMatching(/^PATCH \/pool\/limits\/gates by \S+: \{"concurrency":2/)
    )
  })

  it("is paused, with all to which it applies", async () => {
    expect((await limited.ask("POST", "/pool/pause?limit=gates")).status).toBe(204)
    const id = await gate("paused")
    expect((await limited.submit("mail.send", null, 20)).json.state).toBe("succeeded")
    expect(await stateIn(id)).toBe("waiting")
    expect((await limited.ask("POST", "/pool/resume?limit=gates")).status).toBe(204)
    expect(await stateIn(id)).toBe("running")
    open("paused")
  })

  it.each<[unknown, string]>([
    [{ concurrency: 0 }, "concurrency"],
    [{ concurrency: "all" }, "concurrency"],
    [{ concurrency: 1.5 }, "concurrency"],
    [{ rate: { limit: 0, period: 1 } }, "rate.limit"],
    [{ rate: { limit: 1, period: 0 } }, "rate.period"],
    [{ rate: { limit: 1, period: "soon" } }, "rate.period"],
    [{ rate: { limit: 1, period: "1s", burst: 0 } }, "rate.burst"],
    [{ rate: { limit: 1 } }, "rate"],
    [{ concurency: 1 }, "concurency"]
  ])("is not changed by %j", async (body, field) => {
    const { json, status } = await patch(body)
    expect([status, String(json.field).startsWith(field)]).toEqual([400, true])
    expect(json.detail).not.toContain("limits.gates")
  })

  it("is told of by name to whoever asks for another", async () => {
    const { json, status } = await patch({ concurrency: 1 }, "other")
    expect([status, json.detail]).toEqual([404, 'No limit is called "other"; there are gates, all'])
  })
})

it("streams what is paused, changed and put off, and counts it each second", async () => {
  const limited = await startService({ limits: "name=gates,concurrency=1,tags=Gate" })
  try {
    const response = await fetch(`${limited.url}/events?only=point,paused,resumed,limitChanged,postponed`)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    const eventOf = async (name: string, isIt: (data: any) => boolean = () => true): Promise<any> => {
      for (;;) {
        const found = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)]
          .filter(([, event]) => event === name)
          .map(([, , data]) => JSON.parse(data!))
          .find(isIt)
        if (found !== undefined) return found
        text += (await reader.read()).value!.replaceAll(/^id: .*\n/gm, "")
      }
    }
    text += (await reader.read()).value!
    await limited.ask("POST", "/pool/pause?key=acme")
    expect(await eventOf("paused")).toEqual({ only: { key: "acme" } })
    await limited.ask("POST", "/pool/resume?key=acme")
    expect(await eventOf("resumed")).toEqual({ only: { key: "acme" } })
    await limited.ask("PATCH", "/pool/limits/gates", { body: { concurrency: 3 } })
    expect(await eventOf("limitChanged")).toEqual({ name: "gates" })
    const { id } = (await limited.ask("POST", "/requests/Later?key=acme", { body: { at: "key" } })).json
    const { millis, ...postponed } = await eventOf("postponed")
    expect([postponed, millis > 3_500_000]).toEqual([{ id, type: "Later", kind: "key", name: "acme" }, true])
    const { gates } = (await limited.ask("GET", "/pool/gates")).json
    const closed = gates.find(({ kind }: { kind: string }) => kind === "key")
    expect(closed).toMatchObject({ name: "acme", heldBack: 1, paused: false })
    expect(closed.opensInMillis).toBeGreaterThan(3_500_000)
    expect(await eventOf("point", ({ heldBack }) => heldBack === 1)).toMatchObject({
      waiting: 1,
      keys: 1,
      limits: { gates: { concurrency: 3, rate: "none", running: 0, heldBack: 0 } }
    })
    await reader.cancel()
  } finally {
    await limited.close()
  }
})

describe("the priority of a request", () => {
  it("can be changed while it waits, and decides", async () => {
    const running = await submit("Gate", { name: "first" })
    const behind = await submit("Gate", { name: "behind" })
    const ahead = await submit("Gate", { name: "ahead" })
    const changed = await service.ask("PATCH", `/requests/${ahead}`, { body: { priority: 5 } })
    expect([changed.status, changed.json]).toEqual([200, expect.objectContaining({ id: ahead, priority: 5 })])
    open("first")
    await service.ask("GET", `/requests/${running}`, { headers: { prefer: "wait=20" } })
    expect([await stateOf(behind), await stateOf(ahead)]).toEqual(["waiting", "running"])
    open("ahead")
    const { json } = await service.ask("GET", `/requests/${ahead}`, { headers: { prefer: "wait=20" } })
    expect(json).toMatchObject({ state: "succeeded", priority: 5 })

    for (const id of [running, behind]) {
      const late = await service.ask("PATCH", `/requests/${id}`, { body: { priority: 5 } })
      expect([late.status, late.json.type]).toEqual([409, expect.stringContaining("started")])
    }
    open("behind")
  })

  it.each([[{ priority: 11 }], [{ priority: 1.5 }], [{ priority: "1" }], [{ priority: 1, key: "x" }], [{}]])(
    "is refused as %j",
    async (body) => {
      const id = await submit("Echo", { message: "x" })
      const { json, status } = await service.ask("PATCH", `/requests/${id}`, { body })
      expect([status, json.field]).toEqual([400, "key" in body ? "key" : "priority"])
    }
  )
})

describe("all that fit", () => {
  it("are cancelled, and counted", async () => {
    const running = await submit("Gate", { name: "runs" })
    const [first, second] = [await submit("Echo", { message: "1" }), await submit("Echo", { message: "2" })]
    const other = await submit("mail.send", null)
    const { json } = await service.ask("DELETE", "/requests?type=Echo&state=waiting,delayed")
    expect(json).toEqual({ cancelled: 2 })
    expect([await stateOf(first), await stateOf(second), await stateOf(other), await stateOf(running)]).toEqual([
      "cancelled",
      "cancelled",
      "waiting",
      "running"
    ])
    expect((await service.ask("DELETE", "/requests?state=delayed,waiting")).json).toEqual({ cancelled: 1 })
    expect([await stateOf(other), await stateOf(running)]).toEqual(["cancelled", "running"])
    expect((await service.ask("DELETE", "/requests?key=")).json).toEqual({ cancelled: 1 })
    expect(await stateOf(running)).toBe("cancelled")
    open("runs")
  })

  it.each([
    ["", "query"],
    ["?state=failed", "state"],
    ["?phase=waiting", "phase"],
    [`?key=${"x".repeat(257)}`, "key"]
  ])("are not cancelled by the query '%s'", async (query, field) => {
    const { json, status } = await service.ask("DELETE", `/requests${query}`)
    expect([status, json.field]).toEqual([400, field])
  })
})
