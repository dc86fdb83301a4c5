/** Who asks without reading the answers is not read either; what was asked is answered all the same, in its order. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { connect, type Socket } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Pipeline from "../../src/http/pipeline.ts"
import { open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

let service: Started
beforeAll(async () => {
  service = await startService({ maxWorkers: "200", policy: "fixed:200" })
})
afterAll(() => service.close())

const ask = (path: string, payload: unknown) => {
  const body = JSON.stringify(payload)
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=30\r\n`
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
const gates = (name: string, many: number) => Array.from({ length: many }, (_, n) => `${name} ${n}`)

const send = (names: ReadonlyArray<string>): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect(service.port, "127.0.0.1", () => resolve(socket))
    socket.write(names.map((name) => ask("/requests/Gate", { name })).join(""))
  })

/** How many requests run, once they are that many; and still are after the service has answered others. */
const running = async (many: number): Promise<number> => {
  const now = async () => (await service.ask("GET", "/pool")).json.requests.running
  while ((await now()) < many);
  for (let n = 0; n < 20; n++) await service.submit("Echo", { message: "in between" }, 5)
  return now()
}

const results = (socket: Socket, many: number): Promise<ReadonlyArray<string>> =>
  new Promise((resolve) => {
    let text = ""
    socket.setEncoding("utf8").on("data", (more: string) => {
      text += more
      const found = [...text.matchAll(/"result":"([^"]*)"}/g)].map(([, result]) => result!.slice(0, 20))
      if (found.length === many) resolve(found)
    })
  })

it("takes 64 requests of a connection at once, and the others as those are answered", async () => {
  const names = gates("many", 200)
  const socket = await send(names)
  expect(await running(64)).toBe(64)
  for (const name of names) open(name)
  expect(await results(socket, 200)).toEqual(names)
  socket.destroy()
})

it("takes a megabyte of bodies of a connection at once, and one that alone is more", async () => {
  const names = gates("x".repeat(200_000), 9)
  const other = await startService({ maxBody: "3MiB" })
  const socket = await send(names)
  expect(await running(5)).toBe(5)
  for (const name of names) open(name)
  expect(await results(socket, 9)).toEqual(names.map((name) => name.slice(0, 20)))
  socket.destroy()
  const { json } = await other.submit("Echo", { message: "x".repeat(2_000_000) }, 5)
  expect(json.result.length).toBe(2_000_000)
  await other.close()
})

it("does not begin what a client has left before it was taken", () => {
  const socket = { destroyed: false, pause: () => {}, resume: () => {} }
  const taken: Array<number> = []
  const requests = Array.from({ length: 70 }, () => ({ socket, headers: {} }) as never as IncomingMessage)
  requests.forEach((request, n) => Pipeline.enter(request, () => taken.push(n)))
  const leave = (n: number) => Pipeline.leave({ req: requests[n]! } as ServerResponse)
  leave(0)
  expect(taken.length).toBe(65)
  socket.destroyed = true
  for (let n = 1; n < 64; n++) leave(n)
  expect(taken.length).toBe(65)
})

it("holds nobody up who asks on a connection of their own", async () => {
  const names = gates("deaf", 100)
  const socket = await send(names)
  expect(await running(64)).toBe(64)
  expect((await service.submit("Echo", { message: "heard" }, 5)).json.result).toBe("heard")
  for (const name of names) open(name)
  expect((await results(socket, 100)).length).toBe(100)
  socket.destroy()
})
