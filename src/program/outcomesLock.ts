/** `FILE.lock`: one run at a time writes outcomes to a file, or two `--resume` would give a line two of them. */
import { Effect } from "effect"
import { existsSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs"
import { BadUsage, codeOf, messageOf, OutcomesNotWritten } from "./errors.ts"

/** Held until the process ends. The lock of a process that was killed does not count: that process is not there. */
export const hold = (outcomes: string): Effect.Effect<void, BadUsage | OutcomesNotWritten> =>
  Effect.gen(function* () {
    const path = `${outcomes}.lock`
    const holder = yield* Effect.try({
      try: () => livingHolder(path),
      catch: (error) => new OutcomesNotWritten({ path, reason: messageOf(error) })
    })
    if (holder !== undefined) {
      return yield* new BadUsage({
        reason: `${outcomes} is being written by process ${holder}; if that is some other program, delete ${path}`
      })
    }
    yield* Effect.try({
      // Of two that come at once, or that find the same dead lock, one creates it.
      try: () => writeFileSync(path, String(process.pid), { flag: "wx" }),
      catch: (error) =>
        codeOf(error) === "EEXIST"
          ? new BadUsage({ reason: `${outcomes} is being written by another run that has just started` })
          : new OutcomesNotWritten({ path, reason: messageOf(error) })
    })
    process.on("exit", () => rmSync(path, { force: true }))
  })

/** Whoever holds the lock and is alive. A dead one's lock is removed. */
const livingHolder = (path: string): number | undefined => {
  if (!existsSync(path)) return undefined
  const holder = Number(readFileSync(path, "utf8"))
  if (holder > 0 && holder !== process.pid && isAlive(holder)) return holder
  unlinkSync(path)
  return undefined
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It is there, but not ours to signal.
    return codeOf(error) === "EPERM"
  }
}
