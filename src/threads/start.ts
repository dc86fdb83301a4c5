/** Starts what runs attempts: the packaged runner with a module, or what the user spawns. */
import { ChildProcess, fork } from "node:child_process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import type { Host, Listener } from "./host.ts"
import { processHost } from "./processHost.ts"
import type { Settings } from "./settings.ts"
import { threadHost } from "./threadHost.ts"

/** What is on a thread: a module, which exports `group` and `layer`; or whatever is spawned, which calls `ThreadRunner.run`. */
export type Source =
  | { readonly module: URL | string; readonly spawn?: undefined }
  | { readonly spawn: () => Worker | ChildProcess; readonly module?: undefined }

/** What the packaged runner is told: which module, and what it exports. */
export interface Work {
  readonly module: string
  /** `"group"`: `group` and `layer`. `"functions"`: plain functions. */
  readonly exports: "group" | "functions"
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
  const { module } = source
  const work: Work = { module: String(typeof module === "string" ? pathToFileURL(module) : module), exports }
  const options = { ...(env && { env }), execArgv: [...(execArgv ?? inherited())] }
  return isolation === "thread"
    ? (listener) => threadHost(new Worker(runner, { ...options, name, workerData: work }), listener)
    : (listener) =>
        processHost(
          fork(fileURLToPath(runner), [JSON.stringify(work)], { ...options, serialization: "advanced" }),
          listener
        )
}

/** The options of this process, but for a program that is a text on its command line: a thread refuses what tells its type, and a process would run it. */
const inherited = (): ReadonlyArray<string> =>
  process.execArgv.filter((option, at, all) => !isOfText.test(option) && !takesText.test(all[at - 1] ?? ""))

const isOfText = /^(-e|-p|-pe|--eval|--print|--input-type)(=|$)/
const takesText = /^(-e|-p|-pe|--eval|--print|--input-type)$/

const hostOf = (spawned: Worker | ChildProcess, listener: Listener): Host =>
  spawned instanceof ChildProcess ? processHost(spawned, listener) : threadHost(spawned, listener)
