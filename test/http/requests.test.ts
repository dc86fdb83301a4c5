/** Requests over HTTP: what each call is answered, and what is kept of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { encoded, open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

let service: Started
beforeAll(async () => {
  service = await startService({ maxWorkers: "4", minWorkers: "4", policy: "fixed:4" })
})
afterAll(() => service.close())

const ended = (id: string) => service.ask("GET", `/requests/${id}`, { headers: { prefer: "wait=20" } })

describe("POST /requests/{type}", () => {
  it("answers 202 at once, with where the request can be seen, and then its end", async () => {
    const { headers, json, status } = await service.submit("Gate", { name: "at once" })
    expect(status).toBe(202)
    expect(json).toMatchObject({ type: "Gate", attempts: expect.any(Number), acceptedAt: expect.any(String) })
    expect(["waiting", "running"]).toContain(json.state)
    expect(headers.get("location")).toBe(`/requests/${json.id}`)
    expect(headers.get("preference-applied")).toBe(null)
    const path = headers.get("location")!
    expect((await service.ask("GET", path)).json.state).toBe("running")
    open("at once", "value")
    expect((await ended(json.id)).json).toMatchObject({ state: "succeeded", result: "value", attempts: 1 })
  })

  it("with `Prefer: wait` it answers the outcome", async () => {
    const { headers, json, status } = await service.submit("Echo", { message: "hello" }, 5)
    expect(status).toBe(200)
    expect(json).toMatchObject({ type: "Echo", state: "succeeded", result: "hello", attempts: 1 })
    expect(headers.get("preference-applied")).toBe("wait=5")
    expect(headers.get("content-type")).toBe("application/json")
  })

  it("when the wait runs out it answers 202, and the request goes on", async () => {
    const { headers, json, status } = await service.submit("Gate", { name: "too long" }, 0)
    expect([status, headers.get("preference-applied")]).toEqual([202, "wait=0"])
    expect(headers.get("location")).toBe(`/requests/${json.id}`)
    open("too long")
    expect((await ended(json.id)).json.state).toBe("succeeded")
  })

  it("a typed error is 422 and keeps its shape; a defect is 500 and says nothing", async () => {
    const failed = await service.submit("Fail", { why: "no" }, 5)
    expect(failed.status).toBe(422)
    expect(failed.headers.get("content-type")).toBe("application/problem+json")
    expect(failed.json.request.error).toEqual({ _tag: "Refusal", why: "no", at: "1970-01-01T00:00:00.000Z" })
    expect(failed.json).toMatchObject({ status: 422, instance: `/requests/${failed.json.request.id}` })

    const died = await service.submit("Die", { text: "the password is 1234" }, 5)
    expect([died.status, died.json.request.error._tag]).toEqual([500, "Defect"])
    expect(JSON.stringify(died.json)).not.toContain("1234")
    expect(JSON.stringify((await ended(died.json.request.id)).json)).not.toContain("1234")
    expect(service.logged.filter((line) => line.includes("the password is 1234"))).toEqual([
      expect.stringContaining(`the handler of "Die" died (request ${died.json.request.id})`)
    ])
  })

  it("a timeout and an expiry are 504, a cancelled one is 410", async () => {
    const late = await service.ask("POST", "/requests/Gate?timeout=20ms", {
      body: { name: "never 1" },
      headers: { prefer: "wait=5" }
    })
    expect([late.status, late.json.request.state, late.json.request.error._tag]).toEqual([
      504,
      "timedOut",
      "RequestTimeout"
    ])
    const expired = await service.ask("POST", "/requests/Gate?expiresIn=20ms", {
      body: { name: "never 2" },
      headers: { prefer: "wait=5" }
    })
    expect([expired.status, expired.json.request.state]).toEqual([504, "expired"])
    const waiting = service.submit("Gate", { name: "never 3" }, 20, { "idempotency-key": "cancelled" })
    const { json } = await until(
      () => service.ask("GET", "/requests?state=running"),
      ({ json }) => json.requests.length > 0
    )
    const cancel = await service.ask("DELETE", `/requests/${json.requests[0].id}`)
    expect([cancel.status, cancel.json.cancel]).toEqual([200, "interrupting"])
    expect((await waiting).status).toBe(410)
  })

  it("a payload or a result that throws is answered, keeps no key, and spoils no list", async () => {
    const key = { "idempotency-key": "throws" }
    expect((await service.submit("Throws", { when: "decoding" }, 5, key)).status).toBe(500)
    for (const when of ["encoding", "checking"]) {
      const encoding = await service.submit("Throws", { when }, 5, { "idempotency-key": when })
      expect([encoding.status, encoding.json.request.error._tag]).toEqual([500, "InvalidResult"])
      expect(JSON.stringify(encoding.json)).not.toContain("thrown while")
    }
    expect((await service.submit("Echo", { message: "with its key" }, 5, key)).status).toBe(200)
    expect((await service.ask("GET", "/requests")).status).toBe(200)
  })

  it("an error that does not fit its schema is a defect, of which nothing is told", async () => {
    const { json, status } = await service.submit("Misfit", null, 5)
    expect([status, json.request.error._tag]).toEqual([500, "InvalidError"])
    expect(JSON.stringify(json)).not.toContain("1234")
    await ended(json.request.id)
    expect(service.logged.filter((line) => line.includes(`request ${json.request.id})`))).toEqual([
      expect.stringMatching(/error of the handler of "Misfit" does not fit its schema .*: Error: the password is 1234/)
    ])
  })

  it("takes a type with a slash in its name, encoded as one part of the path", async () => {
    const { json, status } = await service.submit("images%2Fresize", null, 5)
    expect([status, json.type, json.result]).toEqual([200, "images/resize", "resized"])
    expect((await service.submit("images/resize", null, 5)).status).toBe(404)
  })

  it("takes a request without a body where its type needs none", async () => {
    const post = (type: string, headers = {}) =>
      service.ask("POST", `/requests/${type}`, { headers: { prefer: "wait=5", ...headers } })
    expect((await post("mail.send")).json.result).toBe("sent")
    const needed = await post("Echo")
    expect([needed.status, needed.json.field]).toEqual([400, "payload"])
    expect((await post("mail.send", { "content-type": "text/plain" })).json.result).toBe("sent")
  })

  it("takes types with any name, and payloads that JSON has no word for", async () => {
    expect((await service.submit("mail.send", null, 5)).json.result).toBe("sent")
    const on = "2026-01-02T03:04:05.000Z"
    expect((await service.submit("Nested", { list: [{ count: 1 }], on }, 5)).json.result).toBe(on)
  })
})

describe("Idempotency-Key", () => {
  const withKey = (key: string) => ({ "idempotency-key": key })

  it("a repeat gets the first answer, and nothing is run again", async () => {
    const first = await service.submit("Echo", { message: "once" }, 5, withKey("k1"))
    const again = await service.submit("Echo", { message: "once" }, undefined, withKey("k1"))
    expect([again.status, again.json]).toEqual([200, first.json])
    const accepted = await service.submit("Echo", { message: "x" }, undefined, withKey("k2"))
    await ended(accepted.json.id)
    const repeat = await service.submit("Echo", { message: "x" }, undefined, withKey("k2"))
    expect([repeat.status, repeat.json.id]).toEqual([202, accepted.json.id])
    expect((await service.submit("Echo", { message: "x" }, 5, withKey("k2"))).status).toBe(200)
    // The wait ran out: the first answer was no end, though it ended later.
    const waited = await service.submit("Gate", { name: "kept key" }, 0, withKey("waited"))
    expect([waited.status, waited.headers.get("preference-applied")]).toEqual([202, "wait=0"])
    open("kept key")
    await ended(waited.json.id)
    expect((await service.submit("Gate", { name: "kept key" }, undefined, withKey("waited"))).status).toBe(202)
  })

  it("another payload with the same key is 422, a repeat of one that runs 409", async () => {
    const { json } = await service.submit("Gate", { name: "keyed" }, undefined, withKey("k3"))
    const other = await service.submit("Gate", { name: "other" }, undefined, withKey("k3"))
    expect([other.status, other.json.field]).toEqual([422, "Idempotency-Key"])
    const running = await service.submit("Gate", { name: "keyed" }, 5, withKey("k3"))
    expect([running.status, running.json.request.id]).toEqual([409, json.id])
    open("keyed")
    await ended(json.id)
    expect((await service.submit("Gate", { name: "keyed" }, 5, withKey("k3"))).json.result).toBe("keyed")
  })

  it("a refused request gives its key back; two at once run once", async () => {
    expect((await service.submit("Echo", { message: 1 }, 5, withKey("k4"))).status).toBe(400)
    expect((await service.submit("Echo", { message: "1" }, 5, withKey("k4"))).status).toBe(200)
    const all = await Promise.all([1, 2, 3].map(() => service.submit("Echo", { message: "at once" }, 5, withKey("k5"))))
    const ids = all.map(({ json }) => json.id ?? json.request?.id).filter((id) => id !== undefined)
    expect(new Set(ids).size).toBe(1)
    expect((await service.submit("Echo", { message: "1" }, 5, withKey("has a space"))).json.field).toBe(
      "Idempotency-Key"
    )
  })
})

describe("what is known of requests", () => {
  it("lists them newest first, by state and type, in pages", async () => {
    const ids: Array<string> = []
    for (let n = 0; n < 5; n++) ids.unshift((await service.submit("mail.send", null, 5)).json.id)
    const page = async (after?: string) =>
      (await service.ask("GET", `/requests?type=mail.send&limit=2${after === undefined ? "" : `&after=${after}`}`)).json
    const first = await page()
    const second = await page(first.next)
    expect([...first.requests, ...second.requests].map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 4))
    const failed = (await service.ask("GET", "/requests?state=failed")).json.requests
    expect(failed.every(({ state }: { state: string }) => state === "failed")).toBe(true)
    const wrong = await service.ask("GET", "/requests?state=lost")
    expect([wrong.status, wrong.json.field]).toEqual([400, "state"])
    expect((await service.ask("GET", "/requests?limit=0")).json.field).toBe("limit")
  })

  it("shows no more than 1 MiB at once, or one that alone is more", async () => {
    const big = await startService({ maxBody: "3MiB", keepEnds: "9" })
    try {
      const ids: Array<string> = []
      const send = async (type: string, member: string, length: number) => {
        const { json } = await big.submit(type, { [member]: "x".repeat(length) }, 5)
        ids.unshift((json.request ?? json).id)
      }
      const pages = async (query: string) => {
        const found: Array<ReadonlyArray<string>> = []
        for (let after = ""; ;) {
          const { next, requests } = (await big.ask("GET", `/requests?${query}${after}`)).json
          found.push(requests.map(({ id }: { id: string }) => id))
          if (next === null) return found
          after = `&after=${next}`
        }
      }
      for (const length of [10, 400_000, 400_000, 2_000_000, 400_000, 10]) await send("Echo", "message", length)
      const inPages = [ids.slice(0, 2), ids.slice(2, 3), ids.slice(3)]
      expect(await pages("limit=500")).toEqual(inPages)
      ids.length = 0
      for (const length of [10, 400_000, 400_000, 2_000_000, 400_000, 10]) await send("Fail", "why", length)
      expect(await pages("state=deadLetter&limit=500")).toEqual([ids.slice(0, 2), ids.slice(2, 3), ids.slice(3)])
      // Those that are no longer kept otherwise.
      for (let n = 0; n < 9; n++) await big.submit("Echo", { message: "newer" }, 5)
      expect(await pages("state=deadLetter&limit=500")).toEqual([ids.slice(0, 2), ids.slice(2, 3), ids.slice(3)])
    } finally {
      await big.close()
    }
  })

  it("goes on from a cursor whose request has left the list", async () => {
    const ids: Array<string> = []
    for (let n = 0; n < 4; n++) ids.unshift((await service.submit("Gate", { name: `paged ${n}` })).json.id)
    const page = async (more: string) =>
      (await service.ask("GET", `/requests?state=waiting,running&type=Gate&limit=2${more}`)).json
    const { next } = await page("")
    expect(next).toBe(ids[1])
    await service.ask("DELETE", `/requests/${next}`)
    const rest = (await page(`&after=${next}`)).requests.map(({ id }: { id: string }) => id)
    expect(rest).toEqual(ids.slice(2))
    for (let n = 0; n < 4; n++) open(`paged ${n}`)
    expect((await service.ask("GET", "/requests?after=nonsense")).json.field).toBe("after")
  })

  it("sends a dead letter again, once, as a new request", async () => {
    const { json } = await service.submit("Fail", { why: "dead" }, 5)
    const { id } = json.request
    const again = await service.ask("POST", `/requests/${id}/retry`)
    expect([again.status, again.json.resubmittedFrom ?? id]).toEqual([202, id])
    expect(again.headers.get("location")).toBe(`/requests/${again.json.id}`)
    expect(again.json.id).not.toBe(id)
    expect((await ended(again.json.id)).json).toMatchObject({ state: "failed", resubmittedFrom: id })
    expect((await service.ask("POST", `/requests/${id}/retry`)).status).toBe(409)
    expect((await service.ask("POST", "/requests/nobody/retry")).status).toBe(404)
    const letters = (await service.ask("GET", "/requests?state=deadLetter&limit=1")).json.requests
    expect(letters[0].id).toBe(again.json.id)
  })

  it("discards a dead letter for good, and keeps its end", async () => {
    const { id } = (await service.submit("Fail", { why: "discarded" }, 5)).json.request
    const discard = (id: string) => service.ask("POST", `/requests/${id}/discard`)
    expect((await discard(id)).status).toBe(204)
    expect((await discard(id)).json.type).toBe("urn:effect-worker-pool:problem:no-dead-letter")
    expect((await service.ask("POST", `/requests/${id}/retry`)).status).toBe(409)
    expect((await service.ask("GET", `/requests/${id}`)).json.state).toBe("failed")
    expect((await discard("nobody")).status).toBe(404)
  })

  it("writes a result once, however often it is shown", async () => {
    encoded.times = 0
    for (let n = 0; n < 5; n++) await ended((await service.submit("Counted", null)).json.id)
    const { times } = encoded
    const page = (await service.ask("GET", "/requests?type=Counted")).json
    expect([page.requests.length, encoded.times]).toEqual([5, times])
    // Its check looks at it, too.
    expect(times).toBeLessThanOrEqual(2 * 5)
  })

  it("lists dead letters that are no longer kept otherwise, without the times that it has forgotten", async () => {
    const small = await startService({ keepEnds: "1" })
    try {
      for (const why of ["first", "second"]) await small.submit("Fail", { why }, 5)
      const [second, first] = (await small.ask("GET", "/requests?state=deadLetter")).json.requests
      expect([first.error.why, "acceptedAt" in first, "endedAt" in first]).toEqual(["first", false, false])
      expect(Date.parse(second.endedAt)).toBeGreaterThan(0)
      const page = (await small.ask("GET", "/requests?state=deadLetter&limit=1")).json
      const next = (await small.ask("GET", `/requests?state=deadLetter&limit=1&after=${page.next}`)).json
      expect([page.requests[0].id, next.requests[0].id, next.next]).toEqual([second.id, first.id, null])
    } finally {
      await small.close()
    }
  })

  it.each([
    ["PUT", "/pool", "GET, HEAD, PATCH"],
    ["PUT", "/requests/x?y=1", "DELETE, GET, HEAD, PATCH, POST"],
    ["OPTIONS", "/requests/Echo", "DELETE, GET, HEAD, PATCH, POST"],
    ["POST", "/metrics", "GET, HEAD"],
    ["DELETE", "/", "GET, HEAD"]
  ])("%s %s is 405, and says what it may be", async (method, path, allowed) => {
    const { headers, json, status } = await service.ask(method, path)
    expect([status, json.field, headers.get("allow")]).toEqual([405, "method", allowed])
    expect(json.detail).toContain(`got ${method}`)
  })

  it.each(["GET", "DELETE"])("%s of an id that cannot be decoded is 404 and no other method", async (method) => {
    const { headers, status } = await service.ask(method, "/requests/%E0%A4%A")
    expect([status, headers.get("allow")]).toEqual([404, null])
  })

  it("a wait longer than any is the longest that there is", async () => {
    const { headers, status } = await service.submit("Echo", { message: "x" }, 999_999_999_999)
    expect([status, headers.get("preference-applied")]).toEqual([200, "wait=60"])
  })

  it("an unknown id is 404, whether looked at, cancelled or sent again", async () => {
    for (const [method, path] of [
      ["GET", "/requests/x-1"],
      ["DELETE", "/requests/x-1"],
      ["GET", "/nothing"]
    ] as const) {
      const { headers, json, status } = await service.ask(method, path)
      expect([status, json.status, headers.get("content-type")]).toEqual([404, 404, "application/problem+json"])
    }
  })
})

describe("what is kept", () => {
  it("so many bytes of dead letters and no more, whichever way they came", async () => {
    const small = await startService({ keepBytes: "200KiB", keepEnds: "0" })
    const why = (n: number) => `${n}${"x".repeat(30 * 1024)}`
    const letters = async () =>
      (await small.ask("GET", "/requests?state=deadLetter")).json.requests.map(({ error }: any) => error.why[0])
    try {
      for (let n = 1; n <= 3; n++) await small.submit("Fail", { why: why(n) }, 5)
      expect(await letters()).toEqual(["3", "2", "1"])
      // Each is there as its payload and as its error: 60 KiB, and an eighth is left free.
      await small.submit("Fail", { why: why(4) }, 5)
      expect(await letters()).toEqual(["4", "3"])
      for (let n = 5; n <= 9; n++) {
        const message = { _tag: "Request", id: "1", tag: "Fail", payload: { why: why(n) }, headers: [] }
        await small.ask("POST", "/rpc", { text: `${JSON.stringify(message)}\n` })
      }
      const last = await letters()
      expect([last[0], last.length <= 3]).toEqual(["9", true])
      // Alone more than all may be: it is not kept, and drives no other out.
      await small.submit("Fail", { why: why(1).repeat(5) }, 5)
      expect(await letters()).toEqual(last.slice(0, 2))
    } finally {
      await small.close()
    }
  })

  it("so many bytes and no more, the oldest goes first; an answer is never kept back", async () => {
    const small = await startService({ keepBytes: "100KiB" })
    try {
      const message = "x".repeat(60 * 1024)
      const first = await small.submit("Echo", { message }, 5)
      const second = await small.submit("Echo", { message }, 5)
      expect([first.status, second.status]).toEqual([200, 200])
      expect((await small.ask("GET", `/requests/${first.json.id}`)).status).toBe(410)
      expect((await small.ask("GET", `/requests/${second.json.id}`)).json.result).toBe(message)
      const huge = await small.submit("Echo", { message: message + message }, 5)
      expect([huge.status, huge.json.result.length]).toEqual([200, 120 * 1024])
      expect((await small.ask("GET", `/requests/${huge.json.id}`)).status).toBe(410)
    } finally {
      await small.close()
    }
  })

  it("so many ends and no more; then 410, and the key is free", async () => {
    const small = await startService({ keepEnds: "2" })
    try {
      const first = await small.submit("Echo", { message: "1" }, 5, { "idempotency-key": "k" })
      await small.submit("Echo", { message: "2" }, 5)
      expect((await small.ask("GET", `/requests/${first.json.id}`)).status).toBe(200)
      await small.submit("Echo", { message: "3" }, 5)
      const gone = await small.ask("GET", `/requests/${first.json.id}`)
      expect([gone.status, gone.json.type]).toEqual([410, "urn:effect-worker-pool:problem:no-longer-kept"])
      const again = await small.submit("Echo", { message: "1" }, 5, { "idempotency-key": "k" })
      expect([again.status, again.json.id === first.json.id]).toEqual([200, false])
    } finally {
      await small.close()
    }
  })
})

/** Asks again until the answer is the one that is waited for. */
const until = async <A>(ask: () => Promise<A>, isIt: (answer: A) => boolean): Promise<A> => {
  for (;;) {
    const answer = await ask()
    if (isIt(answer)) return answer
  }
}
