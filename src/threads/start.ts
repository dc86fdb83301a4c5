/** Starts what runs attempts: the packaged runner with a module, or what the user spawns. */
import { ChildProcess, fork } from "node:child_process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import type { Host, Listener } from "./host.ts"
import { watched } from "./living.ts"
import { processHost } from "./processHost.ts"
import type { Settings, Source } from "./settings.ts"
import { threadHost } from "./threadHost.ts"

/** What the packaged runner is told: which module, and what it exports. */
export interface Work {
  readonly module: string
  /** `"group"`: `group` and `layer`. `"functions"`: plain functions. */
  readonly exports: "group" | "functions"
  /** Whether the layer is given the services of Node. */
  readonly services: boolean
}

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
const runner = new URL(`./runner/main.${extension}`, import.meta.url)

/** Each call starts one. It throws where that cannot be. */
export const starter = (
  source: Source,
  exports: Work["exports"],
  { env, execArgv, isolation, name }: Settings
): ((listener: Listener) => Host) => {
  const { spawn } = source
  if (spawn !== undefined) return (listener) => hostOf(spawn(), listener)
  const { module, program } = source
  const work: Work = { module: urlOf(module), exports, services: program !== undefined }
  const print = program?.print
  const options = { ...(env && { env }), ...(execArgv && { execArgv: [...execArgv] }) }
  const isHeard = print !== undefined
  return isolation === "thread"
    ? (listener) => {
        const outputs = { stdout: isHeard, stderr: isHeard }
        const worker = new Worker(runner, { ...options, ...outputs, name, workerData: work })
        return hostOf(heard(worker, print), listener)
      }
    : (listener) => {
        const child = fork(fileURLToPath(runner), [JSON.stringify(work)], {
          ...options,
          silent: isHeard,
          serialization: "advanced"
        })
        return hostOf(heard(child, print), listener)
      }
}

const urlOf = (module: URL | string): string =>
  typeof module === "string" && !module.startsWith("file:") ? pathToFileURL(module).href : String(module)

/** With what it prints told to `print`. */
const heard = <A extends Worker | ChildProcess>(spawned: A, print: ((text: string) => void) | undefined): A => {
  if (print !== undefined) {
    for (const output of [spawned.stdout, spawned.stderr]) output?.setEncoding("utf8").on("data", print)
  }
  return spawned
}

const hostOf = (spawned: Worker | ChildProcess, listener: Listener): Host => {
  watched(spawned)
  return spawned instanceof ChildProcess ? processHost(spawned, listener) : threadHost(spawned, listener)
}
