/** Runs one of the programs of PostgreSQL to its end. */
import { Effect } from "effect"
import { spawn } from "node:child_process"

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface Finished {
  readonly code: number | null
  /** Both outputs, the last 4,000 characters. */
  readonly output: string
}

export interface Options {
  /** Nothing else of this process's environment is handed on: a `PGDATA` or `PGPORT` there is not meant for us. */
  readonly environment?: Readonly<Record<string, string>>
  /** Whom to run as. Only `root` may give one. */
  readonly user?: SystemUser | undefined
}

/**
 * In a session of its own, so that a Ctrl-C of the terminal, which is for this program, ends neither it nor what it starts. It
 * is ended when the effect is interrupted. Fails with what `spawn` says.
 */
export const run = (
  file: string,
  args: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<Finished, NodeJS.ErrnoException> =>
  Effect.callback((resume) => {
    const child = spawn(file, args, {
      // Where everybody may be.
      cwd: "/",
      detached: true,
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      ...(options.user === undefined ? undefined : { uid: options.user.uid, gid: options.user.gid })
    })
    let output = ""
    const hear = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000)
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    child.once("error", (error) => resume(Effect.fail(error)))
    child.once("close", (code) => resume(Effect.succeed({ code, output: output.trim() })))
    return Effect.sync(() => void child.kill("SIGTERM"))
  })
