/** Values that cannot be told, through every door: one request ends badly, and nobody else hears of it. */
import { once } from "node:events"
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hostile, untouchable } from "../support/hostileValues.ts"
import { type Started, startService } from "./support.ts"

let service: Started
let events = ""
beforeAll(async () => {
  service = await startService({ maxWorkers: "4", minWorkers: "4", policy: "fixed:4" })
  const socket = connect(service.port, "127.0.0.1")
  socket.setEncoding("utf8").on("data", (text: string) => (events += text))
  const opened = once(socket, "data")
  socket.write("GET /events?only=requestEnded HTTP/1.1\r\nHost: localhost\r\n\r\n")
  await opened
  expect(events).toContain("text/event-stream")
})
afterAll(() => service.close())

const hows = ["succeed", "fail", "die"] as const
const tags = { succeed: "InvalidResult", fail: "InvalidError", die: "Defect" }

const rpc = async (payload: unknown) => {
  const message = { _tag: "Request", id: "1", tag: "Hostile", payload, headers: [] }
  const response = await fetch(`${service.url}/rpc`, { method: "POST", body: `${JSON.stringify(message)}\n` })
  return { status: response.status, text: await response.text() }
}

const cases = hows.flatMap((how) =>
  Object.keys(hostile).flatMap((name) => [false, true].map((isSlow) => ({ how, name, isSlow })))
)

describe("whatever a handler gives", () => {
  it.each(cases)("$how with $name, slow: $isSlow", async (payload) => {
    const isDefect = payload.how === "succeed" && untouchable.has(payload.name)
    const waited = await service.submit("Hostile", payload, 20)
    expect([200, 422, 500]).toContain(waited.status)
    const { id, state } = waited.json.request ?? waited.json
    const error = (waited.json.request ?? waited.json).error
    if (waited.status === 500) {
      expect(error._tag).toBe(isDefect ? "Defect" : tags[payload.how])
      expect(service.logged.filter((line) => line.includes(`(request ${id})`)).length).toBe(1)
    }
    const accepted = await service.submit("Hostile", payload)
    expect(accepted.status).toBe(202)
    const shown = await service.ask("GET", `/requests/${accepted.json.id}`, { headers: { prefer: "wait=20" } })
    expect([shown.status, shown.json.state, shown.json.error?._tag]).toEqual([200, state, error?._tag])

    const list = await service.ask("GET", "/requests?limit=2")
    expect(list.json.requests.map(({ id }: { id: string }) => id)).toEqual([accepted.json.id, id])
    const letters = await service.ask("GET", "/requests?state=deadLetter&limit=1")
    expect(letters.status).toBe(200)
    const again = await service.ask("POST", `/requests/${id}/retry`)
    expect(again.status).toBe(payload.how === "succeed" && !isDefect ? 409 : 202)

    const called = await rpc(payload)
    expect(called.status).toBe(200)
    expect(JSON.parse(called.text)).toMatchObject({ _tag: "Exit", requestId: "1" })
    for (const text of [JSON.stringify([waited.json, shown.json, list.json, letters.json]), called.text]) {
      expect(text).not.toContain("1234")
    }
    await expect.poll(() => events).toContain(`"id":"${accepted.json.id}","type":"Hostile","state":"${state}"`)
    expect((await service.submit("Echo", { message: "still here" }, 20)).json.result).toBe("still here")
  })
})

it("a remote call is not told which schema its answer does not fit: the log is", async () => {
  const message = { _tag: "Request", id: "77", tag: "Misfit", payload: null, headers: [] }
  const response = await fetch(`${service.url}/rpc`, { method: "POST", body: `${JSON.stringify(message)}\n` })
  const text = await response.text()
  const cause = [{ _tag: "Die", defect: "what the handler gave does not fit its schema" }]
  expect(JSON.parse(text)).toMatchObject({ requestId: "77", exit: { _tag: "Failure", cause } })
  const lines = service.logged.filter((line) => line.includes("(request 77 of its client)"))
  expect(lines).toEqual([expect.stringContaining(`cannot be written: Failed to encode response for RPC "Misfit": `)])
})

describe("whatever a client sends", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)

  it("a body that nests as deep as it may is taken, and one level more is 400", async () => {
    const post = (path: string, text: string, method = "POST") =>
      service.ask(method, path, { text, headers: { prefer: "wait=20" } })
    const echoed = await post("/requests/Any", nested(256))
    expect([echoed.status, JSON.stringify(echoed.json.result)]).toEqual([200, nested(256)])
    for (const levels of [257, 5000, 100_000]) {
      const { json, status } = await post("/requests/Any", nested(levels))
      expect([status, json.detail]).toEqual([400, "Expected the body to nest at most 256 deep, got deeper"])
      const message = `{"_tag":"Request","id":"1","tag":"Any","headers":[],"payload":${nested(levels)}}\n`
      expect((await post("/rpc", message)).status).toBe(400)
      for (const [method, path] of [
        ["PATCH", "/pool"],
        ["POST", "/pool/drain"],
        ["POST", "/session"]
      ] as const) {
        expect((await post(path, nested(levels), method)).status).toBe(400)
        expect((await post(path, `{"paused":${nested(levels)}}`, method)).status).toBe(400)
      }
    }
  })

  it("a text of many spaces or brackets is refused as fast as any", async () => {
    for (const text of [" ".repeat(150_000), '["'.repeat(60_000), "\n ".repeat(60_000), ' at ["'.repeat(20_000)]) {
      for (const body of [{ message: { [text]: text } }, { message: [text] }, { [text]: 1 }]) {
        expect((await service.submit("Echo", body, 5)).status).toBe(400)
      }
    }
  })
})
