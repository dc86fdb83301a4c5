/** The servers as processes: the service as it is installed if it is built, else from its sources. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

export interface Running {
  readonly url: string
  readonly pid: number
  /** What the system counts as the process's memory, in megabytes. */
  readonly megabytes: () => number
  readonly stop: () => Promise<void>
}

export const builtOrSource = existsSync(join(root, "dist/main.js")) ? "dist/main.js" : "src/main.ts"

/** `worker-pool serve` over the handlers of the examples. */
export const startService = (...flags: ReadonlyArray<string>): Promise<Running> =>
  startServiceOf(join(root, "examples/handlers.ts"), ...flags)

export const startServiceOf = (handlers: string, ...flags: ReadonlyArray<string>): Promise<Running> => {
  const conditions = builtOrSource.startsWith("src") ? ["--conditions=effect-worker-pool-source"] : []
  return start([...conditions, join(root, builtOrSource), "serve", "--port", "0", "--handlers", handlers, ...flags])
}

export const startServer = (name: string): Promise<Running> => start([join(import.meta.dirname, "servers.ts"), name])

const start = (args: ReadonlyArray<string>): Promise<Running> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] })
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
    let output = ""
    let errors = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-10_000)))
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000)
      const url = /listening on (\S+)/.exec(output)?.[1]
      if (url !== undefined)
        resolve({ url, pid: child.pid!, megabytes: () => residentMegabytes(child), stop: () => stop(child, ended) })
    })
    child.once("error", reject)
    void ended.then(() => reject(new Error(`${args.join(" ")} ended\n${errors}`)))
  })

const stop = (child: ChildProcess, ended: Promise<void>): Promise<void> => {
  child.kill("SIGTERM")
  const hard = setTimeout(() => child.kill("SIGKILL"), 10_000)
  return ended.finally(() => clearTimeout(hard))
}

const residentMegabytes = ({ pid }: ChildProcess): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) / 1024
}

/** The counts of `GET /pool`. */
export const countsOf = async (url: string): Promise<Readonly<Record<string, number>>> => {
  const response = await fetch(`${url}/pool`)
  return ((await response.json()) as { readonly requests: Record<string, number> }).requests
}
