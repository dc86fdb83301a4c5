/** Which process wrote something into the folder, and whether it still lives: a process id alone is used again. */
import { readFileSync, readlinkSync } from "node:fs"

/** What Linux tells of a process. Elsewhere, and where others' processes are hidden, nothing. */
const statOf = (pid: number | "self") => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    const end = text.lastIndexOf(")")
    const [state = "", ...rest] = text.slice(end + 2).split(" ")
    // Field 22 of the line, in ticks since the machine was started.
    return { name: text.slice(text.indexOf("(") + 1, end), state, start: rest[18] ?? "" }
  } catch {
    return undefined
  }
}

/** Two containers may both have a process 7, and see nothing of each other. */
const numbersSpace = (): string => {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0"
  } catch {
    return "0"
  }
}

const isEnded = (state: string): boolean => state === "Z" || state === "X"

/** Whether anything has this number: also a zombie, which nobody has asked about yet, and another user's process. */
export const isTaken = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

let opened = 0

/** A new name for one that this process does: fits into a file name, and none is given twice on one machine. */
export const identify = (): string =>
  `${process.pid}-${statOf("self")?.start ?? "0"}-${numbersSpace()}-${(opened += 1)}`

/** `"elsewhere"`: in a container of its own, of which this process can see nothing. */
export const lifeOf = (identity: string): "alive" | "gone" | "elsewhere" => {
  const [pid = "", start, space] = identity.split("-")
  if (!/^[1-9]\d*$/.test(pid)) return "gone"
  if (space !== numbersSpace()) return "elsewhere"
  if (!isTaken(Number(pid))) return "gone"
  const stat = statOf(Number(pid))
  if (stat === undefined) return "alive"
  return isEnded(stat.state) || stat.start !== start ? "gone" : "alive"
}

/**
 * Whether the process is a PostgreSQL that runs on these data, and not one that got the number of a server that is gone, nor a
 * zombie, which nobody takes away in many containers.
 */
export const isServerOf = (pid: number, data: string): boolean => {
  if (!isTaken(pid)) return false
  const stat = statOf(pid)
  // Not Linux, or hidden: PostgreSQL itself asks no more than this.
  if (stat === undefined) return true
  if (stat.name !== "postgres" || isEnded(stat.state)) return false
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === data
  } catch {
    return true
  }
}
