/** Who asks without reading the answers is not read either; what was asked is answered all the same, in its order. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
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

/** Requests on one connection, the numbers of those that are taken, and the end of one. */
const onOne = (many: number, request: Partial<IncomingMessage> = {}, answer: Partial<ServerResponse> = {}) => {
  const socket = { destroyed: false, pause: () => {}, resume: () => {}, on: () => {} }
  const taken: Array<number> = []
  const responses = Array.from(
    { length: many },
    () => ({ req: { socket, headers: {}, ...request }, writableLength: 0, ...answer }) as never as ServerResponse
  )
  responses.forEach((response, n) => Pipeline.enter(response, () => taken.push(n)))
  return { socket, taken, responses, leave: (n: number) => Pipeline.leave(responses[n]!) }
}

it("does not begin what a client has left before it was taken", () => {
  const { leave, socket, taken } = onOne(70)
  leave(0)
  expect(taken.length).toBe(65)
  socket.destroyed = true
  for (let n = 1; n < 64; n++) leave(n)
  expect(taken.length).toBe(65)
})

it("does not read on while requests are held, small ones neither", async () => {
  const begun: Array<string | undefined> = []
  const server = createServer((request, response) => {
    if (request.method === "GET") return void response.end("here")
    begun.push(request.url)
    Pipeline.enter(response, () => request.resume())
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const socket = connect(port, "127.0.0.1")
  const others = async () => {
    for (let n = 0; n < 20; n++) await (await fetch(`http://127.0.0.1:${port}`)).text()
  }
  const many = ask("/", "x").repeat(70)
  socket.write(many)
  while (begun.length < 70) await others()
  for (let n = 0; n < 10; n++) {
    socket.write(many)
    await others()
  }
  // What had been received before it stopped is there.
  expect(begun.length).toBeLessThanOrEqual(140)
  socket.destroy()
  server.close()
  server.closeAllConnections()
})

it("takes nothing more while a megabyte of answers has not left", () => {
  const { leave, responses, taken } = onOne(70)
  for (const response of responses.slice(0, 4)) Object.assign(response, { writableLength: 400_000 })
  leave(4)
  expect(taken.length).toBe(64)
  leave(0)
  expect(taken.length).toBe(64)
  leave(1)
  expect(taken.length).toBe(67)
})

it("takes bodies whose size is not told one at a time", () => {
  const { leave, taken } = onOne(3, { headers: { "transfer-encoding": "chunked" } })
  expect(taken).toEqual([0])
  leave(0)
  expect(taken).toEqual([0, 1])
})

it("looks up four answers at a time, and waits for as many as anything else", () => {
  const { leave, taken } = onOne(9, { method: "GET" })
  expect(taken.length).toBe(4)
  leave(0)
  expect(taken.length).toBe(5)
  expect(onOne(70, { method: "GET", headers: { prefer: "wait=9" } }).taken.length).toBe(64)
})

it("answers bodies in chunks and lists in their order, however many", async () => {
  const chunked = (n: number) => {
    const body = JSON.stringify({ message: `chunked ${n}` })
    const head = `POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=30\r\n`
    return `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  }
  const look = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
  const socket = connect(service.port, "127.0.0.1")
  socket.write(Array.from({ length: 50 }, (_, n) => look + chunked(n)).join(""))
  expect(await results(socket, 50)).toEqual(gates("chunked", 50))
  socket.destroy()
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
