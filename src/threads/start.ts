/** Starts what runs attempts: the packaged runner with a module, or what the user spawns. */
import { Result } from "effect"
import { ChildProcess, fork } from "node:child_process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import type { PoolError } from "../index.ts"
import * as checks from "../internal/checks.ts"
import type { Host, Listener } from "./host.ts"
import { unfit, watched } from "./living.ts"
import { processHost } from "./processHost.ts"
import type { Settings } from "./settings.ts"
import { threadHost } from "./threadHost.ts"
import { refusal, within } from "./within.ts"

/**
 * What is on a thread: a module, which exports `group` and `layer`, by its URL (or its text, `file:...`) or its path; or whatever is spawned,
 * which calls `ThreadRunner.run`. A `ChildProcess` must come from `fork`, with `serialization: "advanced"`.
 */
export type Source =
  | {
      readonly module: URL | string
      readonly spawn?: undefined
      /** @internal */
      readonly program?: ForProgram | undefined
    }
  | {
      /** Starts one, and is called for each. */
      readonly spawn: () => Worker | ChildProcess
      readonly module?: undefined
    }

/** What the program gives to handlers wherever they run. */
export interface ForProgram {
  /** Hears what they print, where that must not go to standard output. Default: it goes there. */
  readonly print: ((text: string) => void) | undefined
}

/** What the packaged runner is told: which module, and what it exports. */
export interface Work {
  readonly module: string
  /** `"group"`: `group` and `layer`. `"functions"`: plain functions. */
  readonly exports: "group" | "functions"
  /** The modules for which the threads around it were started, and itself. */
  readonly within: ReadonlyArray<string>
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
  const url = urlOf(module)
  const refused = refusal(url)
  if (refused !== undefined) return (listener) => notStarted(listener, refused)
  const work: Work = { module: url, exports, within: [...within(), url], services: program !== undefined }
  const print = program?.print
  const given = execArgv ?? withoutText(isolation)
  const options = { ...(env && { env: withoutAbsent(env) }), ...(given && { execArgv: [...given] }) }
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
          // What is typed, or piped in, is this process's own.
          stdio: ["ignore", isHeard ? "pipe" : "inherit", isHeard ? "pipe" : "inherit", "ipc"],
          serialization: "advanced"
        })
        return hostOf(heard(child, print), listener)
      }
}

/** What is there instead, and is gone already. */
const notStarted = (listener: Listener, detail: string): Host => {
  listener.onExit({ reason: "start", detail })
  return { sharesMemory: false, post: () => {}, kill: () => {}, keepAlive: () => {}, usedBytes: async () => undefined }
}

const urlOf = (module: URL | string): string =>
  typeof module === "string" && !module.startsWith("file:") ? pathToFileURL(module).href : String(module)

/** A thread would have a text, `"undefined"`, of what is not there. */
const withoutAbsent = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))

/**
 * Where this process runs a text of its command line: its options without that. A thread refuses what tells the type of the text, and a process
 * would run it. `undefined`: there is none, and all options are inherited as Node does it; said aloud, a thread refuses those of V8.
 */
const withoutText = (isolation: Settings["isolation"]): ReadonlyArray<string> | undefined => {
  const all = process.execArgv
  if (!all.some((option) => isOfText.test(option))) return undefined
  const others = all.filter((option, at) => !isOfText.test(option) && !takesText.test(all[at - 1] ?? ""))
  if (isolation === "process") return others
  return others.filter((option, at) => isOfThread.test(option) || takesName.test(others[at - 1] ?? ""))
}

/** What a thread imports, and how. */
const isOfThread = /^(-C|--conditions|-r|--require|--import|--loader|--experimental-loader)(=|$)/
const takesName = /^(-C|--conditions|-r|--require|--import|--loader|--experimental-loader)$/
const isOfText = /^(-e|-p|-pe|--eval|--print|--input-type)(=|$)/
const takesText = /^(-e|-p|-pe|--eval|--print|--input-type)$/

/** With what it prints told to `print`. */
const heard = <A extends Worker | ChildProcess>(spawned: A, print: ((text: string) => void) | undefined): A => {
  if (print !== undefined) {
    for (const output of [spawned.stdout, spawned.stderr]) output?.setEncoding("utf8").on("data", print)
  }
  return spawned
}

const hostOf = (spawned: Worker | ChildProcess, listener: Listener): Host => {
  const reason = unfit(spawned)
  if (reason !== undefined) return notStarted(listener, reason)
  watched(spawned)
  return spawned instanceof ChildProcess ? processHost(spawned, listener) : threadHost(spawned, listener)
}

/** What is on a thread, where nobody checked the types. */
export const checkSource = ({ module, spawn }: Source): Result.Result<void, PoolError.InvalidPoolConfig> => {
  if (spawn === undefined) {
    return module instanceof URL || (typeof module === "string" && module !== "")
      ? Result.void
      : wrong("threads.module", "a URL or a path, or else `spawn`", module)
  }
  if (typeof spawn !== "function") return wrong("threads.spawn", "a function that starts a thread or a process", spawn)
  return module === undefined ? Result.void : wrong("threads.module", "nothing beside `spawn`", String(module))
}

const wrong = (field: string, expected: string, actual: unknown) => Result.fail(checks.wrong(field, expected, actual))
