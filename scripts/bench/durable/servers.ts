/** The servers that keep the requests, each of a run's own: a PostgreSQL of the packages, and Debian's Redis. */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { Redis } from "ioredis"
import { startServer, temporaryFolder } from "../../durable/server.ts"

export interface Keeper {
  readonly url: string
  readonly close: () => Promise<void>
}

/** It says on the disk what it has accepted before it answers. */
export const postgres: () => Promise<Keeper> = startServer

/** With a file that it appends to, and makes sure of once a second: what it accepted last may be lost with the machine. */
export const redis = async (): Promise<Keeper> => {
  const folder = temporaryFolder("redis")
  const port = await freePort()
  const flags = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
  const child = spawn("redis-server", [...flags, "--appendonly", "yes", "--appendfsync", "everysec"], {
    stdio: "ignore"
  })
  process.on("exit", () => child.kill("SIGKILL"))
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const url = `redis://127.0.0.1:${port}`
  const client = new Redis(url, { retryStrategy: () => 50 })
  client.on("error", () => {})
  await client.ping()
  client.disconnect()
  return {
    url,
    close: async () => {
      child.kill("SIGTERM")
      await ended
    }
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address() as { readonly port: number }
      server.close(() => resolve(address.port))
    })
  })
