/** What was started here and is not gone yet, for whoever ends this process. */
import { ChildProcess } from "node:child_process"
import type { Worker } from "node:worker_threads"

const threads = new Set<Worker>()
const processes = new Set<ChildProcess>()

/** Processes would go on: they compute, and hear nothing. */
const killProcesses = (): void => {
  for (const child of processes) child.kill("SIGKILL")
}

/** Until it is gone. */
export const watched = <A extends Worker | ChildProcess>(spawned: A): A => {
  const living: Set<Worker | ChildProcess> = spawned instanceof ChildProcess ? processes : threads
  if (living === processes && processes.size === 0) process.on("exit", killProcesses)
  living.add(spawned)
  const forget = () => {
    living.delete(spawned)
    if (living === processes && processes.size === 0) process.off("exit", killProcesses)
  }
  spawned.once("exit", forget)
  // One that could never start has no other end.
  if (spawned instanceof ChildProcess) spawned.once("error", () => spawned.pid === undefined && forget())
  return spawned
}

/** Whether there is a thread that `process.exit` would wait for: for as long as native code takes on it. */
export const hasThreads = (): boolean => threads.size > 0
