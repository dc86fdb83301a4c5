/** A PostgreSQL for a script: one of its own in a temporary folder, which can be hurt, and is gone with the script. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Effect, Exit, Scope } from "effect"
import { open } from "../../src/durable/embedded/cluster.ts"

export interface Server {
  /** For `pg`. */
  readonly url: string
  /** Ends it as `pg_ctl stop -m immediate` does, and starts it again after so long. */
  readonly away: (millis: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** The process of the server of this folder. */
export const postmasterOf = (directory: string): number =>
  Number(readFileSync(join(directory, "data/postmaster.pid"), "utf8").split("\n", 1)[0])

/** It is gone with this process, unless that is killed. */
export const temporaryFolder = (name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), `worker-pool-${name}-`))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const startServer = async (): Promise<Server> => {
  const directory = temporaryFolder("server")
  const scope = Effect.runSync(Scope.make())
  const server = await Effect.runPromise(Effect.provideService(open({ directory }), Scope.Scope, scope))
  return {
    url: server.url,
    away: async (millis) => {
      const pid = postmasterOf(directory)
      process.kill(pid, "SIGQUIT")
      while (isThere(pid)) await sleep(5)
      await sleep(millis)
      await Effect.runPromise(server.ensureRunning)
    },
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

/** A server of somebody else's, which can be hurt by the commands of `WORKER_POOL_STOP` and `WORKER_POOL_START` alone. */
export const givenServer = (url: string): Server => {
  const { WORKER_POOL_START: start, WORKER_POOL_STOP: stop } = process.env
  const shell = (command: string) => {
    const { status } = spawnSync(command, { shell: true, stdio: "ignore" })
    if (status !== 0) throw new Error(`expected the command to succeed: ${command}`)
  }
  return {
    url,
    away: async (millis) => {
      if (start === undefined || stop === undefined) return
      shell(stop)
      await sleep(millis)
      shell(start)
    },
    close: () => Promise.resolve()
  }
}

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2] !== "Z"
  } catch {
    return false
  }
}
