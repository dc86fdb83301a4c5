/** Starts and stops the server of a folder that is locked. */
import { Effect } from "effect"
import { renameSync, readFileSync, statSync } from "node:fs"
import { createConnection } from "node:net"
import { join } from "node:path"
import * as address from "./address.ts"
import { run } from "./command.ts"
import { attempt, EmbeddedPostgresError } from "./error.ts"
import { type Folder, ownAll } from "./folder.ts"
import { forgetElsewhere } from "./holders.ts"
import * as initialise from "./initialise.ts"
import * as postmaster from "./postmaster.ts"
import type { Programs } from "./programs.ts"
import * as settings from "./settings.ts"

/** A start may have to recover what was written since the last checkpoint. */
const startSeconds = 120
const stopSeconds = 30
const lookEachMillis = 50
/** For as long as children of a lost server may still be at work. */
const retries = 75
const longestLog = 1_000_000

const failed = ({ directory }: Folder, detail: string): EmbeddedPostgresError =>
  new EmbeddedPostgresError({ reason: "NotStarted", directory, detail })

const look = (folder: Folder) =>
  attempt(folder.directory, "FolderUnusable", "read postmaster.pid", () => postmaster.read(folder))

/** Waits for a server that starts or stops; `undefined`: none runs now. Whatever a lost one has left is cleared away. */
const settled = (folder: Folder): Effect.Effect<postmaster.Postmaster | undefined, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    for (let waited = 0; ; waited += lookEachMillis) {
      const found = yield* look(folder)
      if (found === undefined) return undefined
      if (found.status === "ready" && (yield* answers(found))) return found
      if (!found.lives) {
        yield* attempt(folder.directory, "FolderUnusable", "write postmaster.pid", () =>
          postmaster.disown(folder, found)
        )
        return undefined
      }
      if (waited >= startSeconds * 1000) {
        const what = found.status === "ready" ? "does not answer at its address" : `is "${found.status}"`
        return yield* failed(folder, `its server, the process ${found.pid}, ${what}, for ${startSeconds} seconds now`)
      }
      yield* Effect.sleep(lookEachMillis)
    }
  })

/**
 * Whether anybody takes connections there. In a private folder that can only be the server, even one in another container, whose
 * process cannot be seen from here: a second one on the same data would destroy them. A TCP port may be anybody's by now.
 */
const answers = ({ address: { socket, port }, lives }: postmaster.Postmaster): Effect.Effect<boolean> => {
  if (socket === undefined && !lives) return Effect.succeed(false)
  return Effect.callback((resume) => {
    const connection = createConnection(
      socket === undefined ? { host: "127.0.0.1", port } : { path: address.socketFile(socket, port) }
    )
    connection.once("connect", () => {
      connection.destroy()
      resume(Effect.succeed(true))
    })
    connection.once("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => connection.destroy())
  })
}

export interface Running {
  readonly address: address.Address
  readonly startedHere: boolean
}

/** Joins the server that runs, or starts one, with new data if there are none. */
export const start = (folder: Folder, programs: Programs): Effect.Effect<Running, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const running = yield* settled(folder)
    if (running !== undefined) return { address: running.address, startedHere: false }
    if (!initialise.isInitialised(folder)) yield* initialise.initialise(folder, programs)
    const log = join(folder.log, "server.log")
    for (let tried = 1; ; tried += 1) {
      const where = yield* address.choose(folder, settings.tcpPort(folder))
      const from = yield* attempt(folder.directory, "FolderUnusable", "prepare the start", () => {
        ownAll(folder)
        forgetElsewhere(folder)
        settings.write(folder, where)
        return makeRoom(log)
      })
      const args = ["start", "-D", folder.data, "-l", log, "-w", "-t", `${startSeconds}`]
      const { code, output } = yield* control(folder, programs, args)
      if (code === 0) return { address: where, startedHere: true }
      const told = yield* attempt(folder.directory, "NotStarted", "read the log", () => tail(log, from))
      if (tried >= retries || !passing.test(told)) {
        const why = initialise.lastLines(told === "" ? output : told)
        return yield* failed(folder, `the server did not start: ${why}${initialise.whoseFolders(folder)}`)
      }
      yield* Effect.sleep("200 millis")
    }
  })

/** What goes by: children of a server that was killed are not all gone yet, or the TCP port was taken meanwhile. */
const passing = /pre-existing shared memory block|Address already in use/

/** Disconnects all clients and ends the server, with a checkpoint; at once if that takes too long: the next start recovers. */
export const stop = (folder: Folder, programs: Programs): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const found = yield* look(folder)
    if (found === undefined || !found.lives) return
    const args = (mode: string) => ["stop", "-D", folder.data, "-m", mode, "-w", "-t", `${stopSeconds}`]
    const fast = yield* control(folder, programs, args("fast"))
    const ended = fast.code === 0 ? fast : yield* control(folder, programs, args("immediate"))
    if (ended.code !== 0)
      return yield* failed(folder, `the server does not stop: ${initialise.lastLines(ended.output)}`)
    address.cleared(found.address, folder)
  })

const control = (folder: Folder, programs: Programs, args: ReadonlyArray<string>) =>
  run(programs.pg_ctl, args, { user: folder.user, environment: programs.environment }).pipe(
    Effect.mapError((error) => failed(folder, `pg_ctl cannot be run: ${error.message}`))
  )

/** One log before this one is kept. Answers where in it the next start will be told of. */
const makeRoom = (log: string): number => {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (size <= longestLog) return size
  renameSync(log, `${log}.1`)
  return 0
}

const tail = (log: string, from: number): string =>
  statSync(log, { throwIfNoEntry: false }) === undefined ? "" : readFileSync(log).subarray(from).toString()
