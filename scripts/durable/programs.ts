/** `worker-pool serve` and `work` as processes, from the sources. */
import { spawn } from "node:child_process"
import { join } from "node:path"

export interface Program {
  /** Where it listens. */
  readonly url: string
  readonly pid: number
  readonly signal: (signal: NodeJS.Signals) => void
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>
  readonly said: () => string
}

const main = join(import.meta.dirname, "../../src/main.ts")

export const startProgram = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
): Promise<Program> => {
  const child = spawn(process.execPath, ["--conditions=effect-worker-pool-source", main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // A Ctrl-C of the terminal is for who has started it, and stops it in order.
    detached: true,
    env: { ...process.env, ...environment }
  })
  const kill = () => void child.kill("SIGKILL")
  process.on("exit", kill)
  let said = ""
  const ended = new Promise<number | null>((resolve) =>
    child.once("close", (code) => {
      process.off("exit", kill)
      resolve(code)
    })
  )
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-50_000)
        const url = /(?:listening on|metrics on) (http:\S+)/.exec(said)?.[1]
        if (url !== undefined)
          resolve({ url, pid: child.pid!, ended, said: () => said, signal: (signal) => void child.kill(signal) })
      })
    }
    void ended.then(() => reject(new Error(`${args.join(" ")} has ended\n${said}`)))
  })
}
