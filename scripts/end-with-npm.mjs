// Imported by what npm runs: ends this process, by the signal that lets it finish, when npm has ended. npm does not see to
// it itself: killed, it leaves its children, and what it passes a signal on to is the shell between them.
import { readFileSync } from "node:fs"

/** Who started a process, where the system tells. */
const parentOf = (pid) => {
  try {
    // The name before it, in parentheses, may have spaces.
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ")[1]
  } catch {
    return undefined
  }
}

if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid
  const grandparent = parentOf(parent)
  const watch = setInterval(() => {
    if (process.ppid === parent && parentOf(parent) === grandparent) return
    clearInterval(watch)
    process.kill(process.pid, "SIGTERM")
  }, 500)
  watch.unref()
}
