/** Makes the data of a folder that has none yet. */
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync
} from "node:fs"
import { dirname, join } from "node:path"
import { run, type SystemUser } from "./command.ts"
import { attempt, EmbeddedPostgresError } from "./error.ts"
import { type Folder, makeOwned, writeOwned } from "./folder.ts"
import type { Programs } from "./programs.ts"
import * as settings from "./settings.ts"

/** Who is let in, with a password: of the system's users only who can read the data, and `root`. */
export const role = "worker_pool"
const passwordFile = "worker_pool.password"

/** Beside the data until they are whole. */
const unfinished = "data.new-"
const limit = "2 minutes"

/**
 * To be called by one at a time. The data appear in one step, whole and with their password, so that whoever is killed here leaves
 * nothing that looks like data; what is left is removed by the next.
 */
export const initialise = (folder: Folder, programs: Programs): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const failure = (detail: string) =>
      new EmbeddedPostgresError({ reason: "NotInitialised", directory: folder.directory, detail })
    const fresh = join(folder.directory, `${unfinished}${randomBytes(4).toString("hex")}`)
    const password = `${fresh}.password`
    yield* attempt(folder.directory, "FolderUnusable", "make the folder of the data", () => {
      removeUnfinished(folder)
      makeOwned(folder, fresh)
      writeOwned(folder, password, randomBytes(24).toString("hex"))
    })
    const options = [
      "--auth=scram-sha-256",
      `--pwfile=${password}`,
      "--encoding=UTF8",
      "--no-locale",
      "--no-instructions"
    ]
    const { code, output } = yield* run(programs.initdb, ["-D", fresh, "-U", role, ...options], {
      user: folder.user,
      environment: programs.environment
    }).pipe(
      Effect.mapError((error) => failure(`initdb cannot be run: ${error.message}`)),
      Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.fail(failure(`initdb was not done in ${limit}`)) })
    )
    if (code !== 0) return yield* failure(`initdb failed: ${lastLines(output)}${whoseFolders(folder)}`)
    yield* attempt(folder.directory, "NotInitialised", "put the data in their place", () => {
      renameSync(password, join(fresh, passwordFile))
      appendFileSync(join(fresh, "postgresql.conf"), `\ninclude_if_exists = '${settings.fileName}'\n`)
      renameSync(fresh, folder.data)
      sync(folder.directory)
    })
  }).pipe(Effect.onError(() => Effect.ignore(Effect.sync(() => removeUnfinished(folder)))))

/** For the text of an error: what a program of PostgreSQL said at last; of `initdb` what it complains of. */
export const lastLines = (output: string): string => {
  const lines = output.trim().split("\n")
  const complaint = lines.findIndex((line) => line.startsWith("initdb: error:"))
  return lines.slice(Math.max(0, complaint, lines.length - 6)).join("\n")
}

/** What keeps another user out most often, where it is known to. */
export const whoseFolders = ({ directory, user }: Folder): string => {
  if (user === undefined) return ""
  const closed = foldersAbove(directory).find((path) => !mayEnter(user, statSync(path)))
  const must = closed === undefined ? "must be able to enter every folder above" : `cannot enter ${closed}`
  return `\nIt runs as the system user ${user.name}, who ${must}`
}

const foldersAbove = (path: string): ReadonlyArray<string> =>
  dirname(path) === path ? [] : [...foldersAbove(dirname(path)), dirname(path)]

const mayEnter = ({ gid, uid }: SystemUser, folder: Stats): boolean =>
  (folder.mode & (folder.uid === uid ? 0o100 : folder.gid === gid ? 0o010 : 0o001)) !== 0

/** What a killed one has left. Its `initdb` may still write there, in vain: whatever remains goes the next time. */
const removeUnfinished = (folder: Folder): void => {
  for (const name of readdirSync(folder.directory)) {
    if (name.startsWith(unfinished))
      rmSync(join(folder.directory, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A name stands on the disk when its folder does. */
const sync = (directory: string): void => {
  const descriptor = openSync(directory, "r")
  fsyncSync(descriptor)
  closeSync(descriptor)
}

export const isInitialised = (folder: Folder): boolean => existsSync(join(folder.data, "PG_VERSION"))

export const majorOf = (folder: Folder): string => readFileSync(join(folder.data, "PG_VERSION"), "utf8").trim()

export const passwordOf = (folder: Folder): string => readFileSync(join(folder.data, passwordFile), "utf8").trim()
