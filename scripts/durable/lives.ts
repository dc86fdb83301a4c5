/** Processes that are started, frozen, killed and started again. */
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { environmentOf } from "./log.ts"

export interface Life {
  readonly name: string
  readonly pid: number
  /** When it was ready: milliseconds since 1970. */
  readonly since: number
  readonly signal: (signal: NodeJS.Signals) => void
  readonly send: (message: string) => void
  readonly ended: Promise<void>
  /** What it has said so far. */
  readonly said: () => string
}

export interface Place {
  /** For what is written down. */
  readonly folder: string
  readonly store: string
}

/** Runs one of the files beside this one, until it says that it is ready. */
export const start = (file: string, name: string, { folder, store }: Place): Promise<Life> => {
  const child = fork(join(import.meta.dirname, file), {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, ...environmentOf(folder, name), TRIAL_STORE: store }
  })
  let said = ""
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-100_000)))
  }
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  leaveNone(child)
  return new Promise((resolve, reject) => {
    child.once("message", () =>
      resolve({
        name,
        pid: child.pid!,
        since: Date.now(),
        ended,
        said: () => said,
        signal: (signal) => void child.kill(signal),
        send: (message) => void child.send(message)
      })
    )
    void ended.then(() => reject(new Error(`${name} ended before it was ready\n${said}`)))
  })
}

/** As whoever keeps processes running does it: one that cannot begin, because the server is away, is started again. */
export const startAnyhow = async (file: string, name: string, place: Place): Promise<Life> => {
  for (;;) {
    try {
      return await start(file, name, place)
    } catch (error) {
      if (!String(error).includes("StoreUnavailable")) throw error
      await sleep(500)
    }
  }
}

const living = new Set<ChildProcess>()
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL")
})

const leaveNone = (child: ChildProcess): void => {
  living.add(child)
  child.once("close", () => living.delete(child))
}
