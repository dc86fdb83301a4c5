/** The last things that a command does: it hands its output over, and ends the process with its code. */
import { Effect } from "effect"
import { hasThreads } from "../../threads/living.ts"
import { codeOf, messageOf } from "../errors.ts"

/** Why standard output could not be written, when somebody waits for it: a full disk, and not a reader that went away. */
let lost: unknown
let ending = false

const lose = (error: unknown): void => {
  const isUnread = ["EPIPE", "ERR_STREAM_DESTROYED"].includes(codeOf(error) ?? "")
  if (!isUnread) lost ??= error
}

/** A reader that went away is no reason to crash, nor to stop the work. */
export const watchOutputs = (): void => {
  process.stderr.on("error", () => undefined)
  process.stdout.on("error", lose)
}

const handOver = (text: string, then: () => void): void => {
  process.stdout.write(text, (error) => {
    if (error) lose(error)
    then()
  })
}

/** Waits until the text is handed over, or nobody takes it any more. */
export const print = (text: string): Effect.Effect<void> =>
  Effect.callback((resume) => handOver(text, () => resume(Effect.void)))

/** Ends the process with the code; with 1 in place of 0 if its output is not where it was meant to be. */
export const end = (code: number): never => {
  ending = true
  if (lost === undefined) return leave(code)
  process.stderr.write(`worker-pool: cannot write to standard output: ${messageOf(lost)}\n`)
  return leave(code === 0 ? 1 : code)
}

/**
 * `process.exit` waits for the threads in which Node uses files, and one that a handler lets read from a pipe that nobody
 * writes to never ends; it also waits for a thread of handlers, for as long as native code takes on it. A process with such a
 * thread is replaced by one that exits at once: nothing else ends it then and keeps its code.
 */
const leave = (code: number): never => {
  const { execPath, execve } = process
  const isHeld = hasThreads() || process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"))
  if (!isHeld || execve === undefined || process.platform === "win32") return process.exit(code)
  process.emit("exit", code)
  // It says that it is experimental.
  process.emitWarning = () => undefined
  return execve.call(process, execPath, [execPath, "-e", `process.exit(${code})`], { ...process.env, NODE_OPTIONS: "" })
}

/** The same, once everything that was printed is handed over. */
export const endPrinted = (code: number): void => handOver("", () => end(code))

export const exit = (code: number) => Effect.sync(() => end(code))

/** Whether it is the program itself that ends the process. */
export const isEnding = (): boolean => ending
