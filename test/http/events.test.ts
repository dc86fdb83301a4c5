/** Streams of events whose clients do not read: they are closed, and nobody else waits for them. */
import { once } from "node:events"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { name } from "./longName.ts"
import { startService } from "./support.ts"

it("closes a stream that is not read, and tells the others everything", async () => {
  const service = await startService({ handlers: fileURLToPath(new URL("longName.ts", import.meta.url)) })
  const watch = async () => {
    const socket = connect(service.port, "127.0.0.1")
    const seen = { socket, events: 0, bytes: 0 }
    socket.write("GET /events?only=requestEnded HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await once(socket, "readable")
    return seen
  }
  const read = (seen: Awaited<ReturnType<typeof watch>>) =>
    seen.socket.setEncoding("latin1").on("data", (text: string) => {
      seen.bytes += text.length
      seen.events += text.split("event: requestEnded").length - 1
    })
  const deaf = await watch()
  const heeding = await watch()
  read(heeding)
  // More than the system buffers on both sides of a connection, and what the service keeps for it.
  const requests = 2500
  for (let asked = 50; asked <= requests; asked += 50) {
    await Promise.all(Array.from({ length: 50 }, () => service.submit(name, null, 5)))
    // Whoever reads has all of it, sooner or later.
    while (heeding.events < asked) await once(heeding.socket, "data")
  }
  const closed = once(
    deaf.socket.on("error", () => {}),
    "close"
  )
  read(deaf)
  await closed
  expect(deaf.events).toBeLessThan(requests)
  expect(heeding.events).toBe(requests)
  heeding.socket.destroy()
  await service.close()
})
