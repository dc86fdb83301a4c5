/** What was started here and is not gone yet, for whoever ends this process. */
import { ChildProcess } from "node:child_process"
import type { Worker } from "node:worker_threads"

const threads = new Set<Worker>()
const processes = new Set<ChildProcess>()

/** Processes would go on: they compute, and hear nothing. */
const killProcesses = (): void => {
  for (const child of processes) child.kill("SIGKILL")
}

/** Why it can run no attempts for whoever has had it spawned. */
export const unfit = (spawned: Worker | ChildProcess): string | undefined => {
  // It would tell nobody of an end that it has told of before.
  if (isGone(spawned)) return "what was spawned is gone already"
  if (!threads.has(spawned as Worker) && !processes.has(spawned as ChildProcess)) return undefined
  return "what was spawned runs attempts already: each call of `spawn` must start another one"
}

/** Until it is gone. */
export const watched = <A extends Worker | ChildProcess>(spawned: A): A => {
  const living: Set<Worker | ChildProcess> = spawned instanceof ChildProcess ? processes : threads
  if (living === processes && processes.size === 0) process.on("exit", killProcesses)
  const forget = () => {
    living.delete(spawned)
    if (living === processes && processes.size === 0) process.off("exit", killProcesses)
  }
  spawned.once("exit", forget)
  living.add(spawned)
  // One that could never start has no other end.
  if (spawned instanceof ChildProcess) spawned.once("error", () => spawned.pid === undefined && forget())
  return spawned
}

const isGone = (spawned: Worker | ChildProcess): boolean =>
  spawned instanceof ChildProcess ? spawned.exitCode !== null || spawned.signalCode !== null : spawned?.threadId === -1

/** Whether there is a thread that `process.exit` would wait for: for as long as native code takes on it. */
export const hasThreads = (): boolean => threads.size > 0
