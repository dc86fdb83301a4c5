/** One run at a time writes outcomes to a file, or two `--resume` would give a line two of them. */
import { Effect } from "effect"
import { constants, openSync, type promises, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { hostname } from "node:os"
import { BadUsage, codeOf, messageOf, OutcomesNotWritten } from "../errors.ts"

/**
 * Held until the process ends, however it ends: the kernel holds it, by the file's device and inode, and lets go of it with
 * the process. So it is taken in one step and never taken over. It is seen by the processes of this machine, and of this
 * container where there are some; a run elsewhere that has left its note in `FILE.lock` is warned of.
 */
export const hold = (outcomes: string, file: promises.FileHandle): Effect.Effect<void, BadUsage | OutcomesNotWritten> =>
  Effect.gen(function* () {
    const path = `${outcomes}.lock`
    const { dev, ino } = yield* Effect.promise(() => file.stat({ bigint: true }))
    const taken = yield* isFlocked ? flock(outcomes) : listen(`effect-worker-pool:outcomes:${dev}:${ino}`)
    const note = readNote(path)
    if (taken === "by another") {
      const holder = note?.host === hostname() ? `process ${note.pid}` : "another run"
      return yield* new BadUsage({ reason: `${outcomes} is being written by ${holder}` })
    }
    if (taken !== "by us") {
      yield* Effect.logWarning(`cannot make sure that no other run writes to ${outcomes}: ${messageOf(taken)}`)
    }
    if (note?.host !== undefined && note.host !== hostname()) {
      yield* Effect.logWarning(
        `${path} was left by process ${note.pid} on ${note.host}, which cannot be seen from here: make sure that it has ended`
      )
    }
    yield* Effect.try({
      try: () => writeFileSync(path, `${process.pid} ${hostname()}\n`),
      catch: (error) => new OutcomesNotWritten({ path, reason: messageOf(error) })
    })
    process.on("exit", () => rmSync(path, { force: true }))
  })

/** Or else why that is not known. */
type Taken = "by us" | "by another" | Error

/** Where there are neither abstract sockets nor named pipes, a file can be locked as it is opened. */
const isFlocked = ["darwin", "freebsd", "openbsd"].includes(process.platform)
const exclusiveLock = 0x20

const flock = (outcomes: string): Effect.Effect<Taken> =>
  Effect.sync(() => {
    try {
      openSync(outcomes, constants.O_RDONLY | constants.O_NONBLOCK | exclusiveLock)
      return "by us"
    } catch (error) {
      return codeOf(error) === "EAGAIN" ? "by another" : (error as Error)
    }
  })

/** Of all who listen on a name, one does. */
const listen = (name: string): Effect.Effect<Taken> =>
  Effect.callback((resume) => {
    const path = process.platform === "win32" ? `\\\\.\\pipe\\${name.replaceAll(":", "-")}` : `\0${name}`
    createServer((socket) => socket.destroy())
      .on("error", (error) => resume(Effect.succeed(codeOf(error) === "EADDRINUSE" ? "by another" : error)))
      .listen({ path }, () => resume(Effect.succeed("by us")))
      .unref()
  })

/** For people alone: which process, and where. */
const readNote = (path: string): { readonly pid: string; readonly host: string | undefined } | undefined => {
  try {
    const [pid = "", host] = readFileSync(path, "utf8").trim().split(" ")
    return { pid, host }
  } catch {
    return undefined
  }
}
