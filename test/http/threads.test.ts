/** Threads over HTTP: their counts, what becomes of them, and that nobody can set how many there are by their gate. */
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

let service: Started
beforeAll(async () => {
  const handlers = fileURLToPath(new URL("../threads/modules/riskyService.ts", import.meta.url))
  service = await startService({ handlers, policy: "fixed:4" })
})
afterAll(() => service.close())

const threads = async () => (await service.ask("GET", "/pool")).json.limits.threads.threads

/** Every event of these names from now on. */
const listen = async (names: string) => {
  const response = await fetch(`${service.url}/events?only=${names}`)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader.read()).value!
  return {
    until: async (isIt: (data: any) => boolean): Promise<any> => {
      for (;;) {
        const found = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!)).find(isIt)
        if (found !== undefined) return found
        text += (await reader.read()).value!
      }
    },
    stop: () => reader.cancel()
  }
}

it("tells how many there are, streams what becomes of them, and counts it", async () => {
  const { startMillis, ...before } = await threads()
  expect(before).toEqual({
    now: { starting: 0, idle: 2, busy: 0, dying: 0, stuck: 0 },
    total: { started: 2, killed: 0, crashed: 0 }
  })
  expect(startMillis).toBeGreaterThan(0)
  const events = await listen("threadChanged")
  const points = await listen("point")

  expect((await service.submit("Crash", { message: "boom" }, 20)).json.request.error._tag).toBe("ThreadCrashed")
  const crashed = await events.until(({ change }) => change === "crashed")
  expect(crashed).toEqual({
    name: "threads",
    thread: crashed.thread,
    change: "crashed",
    type: "Crash",
    detail: "uncaught: boom"
  })
  await events.until(({ change, thread }) => change === "ready" && thread === 3)

  const { id } = (await service.submit("Spin", null)).json
  await points.until(({ limits }) => limits?.threads.threads.now.busy === 1)
  await service.ask("DELETE", `/requests/${id}`)
  const killed = await events.until(({ change }) => change === "killed")
  expect(killed).toEqual({ name: "threads", thread: killed.thread, change: "killed", type: "Spin" })
  await events.until(({ change, thread }) => change === "ended" && thread === killed.thread)
  await events.until(({ change, thread }) => change === "ready" && thread === 4)
  expect(await threads()).toMatchObject({
    now: { starting: 0, idle: 2, busy: 0, dying: 0, stuck: 0 },
    total: { started: 4, killed: 1, crashed: 1 }
  })
  await Promise.all([events.stop(), points.stop()])
})

it("has its gate among the others, which cannot be set from outside", async () => {
  const { id } = (await service.submit("Wait", null)).json
  const { gates } = (await service.ask("GET", "/pool/gates")).json
  expect(gates).toContainEqual(expect.objectContaining({ kind: "limit", name: "threads", running: 1 }))
  await service.ask("DELETE", `/requests/${id}`)
  const { json, status } = await service.ask("PATCH", "/pool/limits/threads", { body: { concurrency: 9 } })
  expect([status, json.detail]).toEqual([
    409,
    '"threads" is no limit of the pool: whoever runs the handlers says how many run at once'
  ])
})

it("describes them, and exports them", async () => {
  const { components } = (await service.ask("GET", "/openapi.json")).json
  expect(Object.keys(components.schemas.Threads.properties)).toEqual(["now", "total", "startMillis"])
  expect(components.schemas.Limit.required).not.toContain("threads")
  const text: string = (await service.ask("GET", "/metrics")).json
  expect(text).toMatch(/^worker_pool_threads\{.*name="threads".*state="idle".*\} \d/m)
  expect(text).toMatch(/^worker_pool_threads_started_total\{.*name="threads".*\} \d/m)
})
