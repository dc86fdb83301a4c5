/** A Redis for tests, on a socket of its own, that can be stopped and started. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"

/** `TEST_REDIS_SERVER` names the program: then it has to be there. */
const program = process.env["TEST_REDIS_SERVER"] ?? "redis-server"

/** Where it is not installed, and nobody has said that it is, these tests are left out. */
export const isThere = process.env["TEST_REDIS_SERVER"] !== undefined || spawnSync(program, ["--version"]).status === 0

export class RedisServer {
  private readonly folder = mkdtempSync(join(tmpdir(), "worker-pool-redis-"))
  readonly path = join(this.folder, "socket")
  private process: ChildProcess | undefined

  async start(): Promise<void> {
    const options = ["--port", "0", "--unixsocket", this.path, "--save", "", "--appendonly", "no", "--dir", this.folder]
    this.process = spawn(program, options, { stdio: "ignore" })
    const failed = once(this.process, "exit").then(() => Promise.reject(new Error(`${program} has ended`)))
    // That it ends later is meant.
    failed.catch(() => {})
    await Promise.race([failed, this.answers()])
  }

  /** What it has counted is gone. */
  async stop(): Promise<void> {
    const ended = once(this.process!, "exit")
    this.process!.kill("SIGKILL")
    await ended
    rmSync(this.path, { force: true })
  }

  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true })
  }

  private async answers(): Promise<void> {
    for (;;) {
      const socket = connect(this.path)
      const isConnected = await once(socket, "connect").then(
        () => true,
        () => false
      )
      socket.destroy()
      if (isConnected) return
      await setTimeout(20)
    }
  }
}
