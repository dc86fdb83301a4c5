/** What is told of a change that one process does not answer: its sockets are real, and the time is the test's. */
import { describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { All } from "../../../src/program/processes/all/all.ts"
import { ask, type Asked } from "../../../src/program/processes/ask.ts"
import type { Crew } from "../../../src/program/processes/crew.ts"
import { listenOn, sessionsPath } from "../../../src/program/processes/gate.ts"
import type { Member } from "../../../src/program/processes/member.ts"
import { socketOf, socketOfAll } from "../../../src/program/processes/messages.ts"

const pool = JSON.stringify({
  bounds: { minWorkers: 2, maxWorkers: 4 },
  capacity: 10,
  explain: "",
  held: null,
  keys: 0,
  limits: {},
  paused: false,
  requests: {},
  state: "open",
  workers: {}
})
const limit = JSON.stringify({ concurrency: 3, rate: "none", paused: false, running: 0, heldBack: 0, started: 0 })

/** Two processes, of which the second, or each, hears each change and says nothing; it answers who looks. */
const serviceOf = (isSilent: (at: number) => boolean) =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "worker-pool-test-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    const heard: Array<string> = []
    let hears = yield* Deferred.make<void>()
    const members = [0, 1].map((at) => ({ at, prefix: `p${at}`, pid: 100 + at }) as Member)
    for (const { at, prefix } of members) {
      yield* listenOn(socketOf(folder, prefix), ({ method, url }: IncomingMessage, response: ServerResponse) => {
        if (method === "GET") return void response.end(url === "/pool" ? pool : "{}")
        heard.push(`${at} ${method} ${url}`)
        if (isSilent(at) && url !== sessionsPath) return Deferred.doneUnsafe(hears, Effect.void)
        response.end(url!.startsWith("/pool/limits/") ? limit : url!.startsWith("/requests") ? '{"cancelled":3}' : pool)
      })
    }
    const all = new All({ keepBytes: 0, keepEnds: 0, keepForMillis: 0, maxBodyBytes: 100, policy: { text: "fixed:2" } })
    yield* all.listen({
      options: { folder, of: 2 },
      members: new Set(members),
      serving: members,
      there: members
    } as never as Crew)
    const change = (asked: Asked) =>
      Effect.gen(function* () {
        hears = yield* Deferred.make<void>()
        const asking = yield* Effect.forkChild(ask(socketOfAll(folder), asked, 60_000))
        yield* Deferred.await(hears)
        yield* TestClock.adjust(5000)
        const { status, text } = yield* Fiber.join(asking)
        return { status, json: JSON.parse(text) }
      })
    return { all, change, heard, members }
  })

const service = serviceOf((at) => at === 1)

const asJson = { "content-type": "application/json" }
const patch = (url: string, body: unknown): Asked => ({
  method: "PATCH",
  url,
  headers: asJson,
  body: JSON.stringify(body)
})

const changes: ReadonlyArray<readonly [string, Asked]> = [
  ["PATCH /pool", patch("/pool", { maxWorkers: 6 })],
  ["PATCH /pool/limits/all", patch("/pool/limits/all", { concurrency: 3 })],
  ["POST /pool/pause", { method: "POST", url: "/pool/pause?tag=Mail" }],
  ["DELETE /requests", { method: "DELETE", url: "/requests?group=g" }],
  ["DELETE /session", { method: "DELETE", url: "/session" }]
]

describe("a change that a process does not answer", () => {
  it.effect.each(changes)("is not told as done: %s", ([what, asked], { expect }) =>
    Effect.gen(function* () {
      const { change, heard } = yield* service
      const { json, status } = yield* change(asked)
      expect(status).toBe(504)
      expect(json).toMatchObject({
        type: "urn:effect-worker-pool:problem:process-silent",
        done: [{ process: 1, pid: 100 }],
        silent: [{ process: 2, pid: 101 }]
      })
      expect(json.detail).toContain(`${what}: 1 of 2 processes have done it; process 2 has not answered in 5000 ms`)
      expect(heard.toSorted()).toEqual([0, 1].map((at) => `${at} ${asked.method} ${asked.url}`))
    })
  )

  it.effect.each(changes)(
    "nor where no other has answered, and then it is kept for none: %s",
    ([what, asked], { expect }) =>
      Effect.gen(function* () {
        const { all, change, heard, members } = yield* serviceOf(() => true)
        const { json, status } = yield* change(asked)
        expect(status).toBe(504)
        expect(json).toMatchObject({ done: [], silent: [{ process: 1 }, { process: 2 }] })
        expect(json.detail).toContain(
          `${what}: 0 of 2 processes have done it; process 1, 2 has not answered in 5000 ms`
        )
        expect(json.detail).toMatch(/may or may not\. Ask again$/)
        heard.length = 0
        yield* all.prepare({ ...members[0]! })
        expect(heard).toEqual([`0 POST ${sessionsPath}`])
      })
  )

  it.effect("is told to the one that takes its place", ({ expect }) =>
    Effect.gen(function* () {
      const { all, change, heard, members } = yield* service
      yield* change(patch("/pool", { maxWorkers: 6 }))
      yield* change({ method: "POST", url: "/pool/pause?tag=Mail" })
      heard.length = 0
      yield* all.prepare({ ...members[0]! })
      expect(heard.slice(0, 2)).toEqual(["0 PATCH /pool", "0 POST /pool/pause?tag=Mail"])
    })
  )
})
