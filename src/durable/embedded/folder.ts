/** What is where in the folder, and whose it is. */
import { Effect } from "effect"
import {
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
  writeFileSync
} from "node:fs"
import { dirname, join, resolve } from "node:path"
import type { SystemUser } from "./command.ts"
import { attempt, codeOf, EmbeddedPostgresError, raise, textOf } from "./error.ts"
import { choose } from "./systemUser.ts"

export interface Folder {
  readonly directory: string
  /** PostgreSQL's own, with our settings and the password in it: whoever copies it has all. */
  readonly data: string
  readonly socket: string
  /** Who uses the server now: `holders.ts`. */
  readonly holders: string
  /** Who opens or closes it now: `lock.ts`. */
  readonly locks: string
  readonly log: string
  readonly libraries: string
  /** Whom the server runs as, where that is not whoever runs this process. */
  readonly user: SystemUser | undefined
}

/**
 * Makes the folder if there is none, with mode 0700. For `root` what the server writes to is given to the system user that it
 * runs as: its own subfolders, whatever data are in them, and the folder itself where it was made here, was empty, or
 * lets nobody in. One that was there before, with something else in it, stays as it is.
 */
export const prepare = (path: string, asked: string | undefined): Effect.Effect<Folder, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const isNew = yield* Effect.try({
      try: () => make(resolve(path)),
      catch: (thrown) => notMade(resolve(path), thrown)
    })
    const directory = realpathSync(path)
    const at = (name: string) => join(directory, name)
    const data = at("data")
    const unusable = (detail: string) => new EmbeddedPostgresError({ reason: "FolderUnusable", directory, detail })
    const look = <A>(what: () => A) => attempt(directory, "FolderUnusable", "read the folder", what)

    const owner = yield* look(() => (existsSync(data) ? statSync(data) : undefined))
    if (owner !== undefined && !(yield* look(() => isOurs(data))))
      return yield* unusable(`${data} is there, but holds no data of PostgreSQL: give it a folder of its own`)
    const user = yield* choose(directory, owner && { uid: owner.uid, gid: owner.gid }, asked)
    const myself = process.getuid?.()
    if (owner !== undefined && myself !== undefined && myself !== 0 && owner.uid !== myself)
      return yield* unusable(`its data belong to the user ${owner.uid}, but this process runs as the user ${myself}`)

    const folder: Folder = {
      directory,
      data,
      user,
      socket: at("socket"),
      holders: at("holders"),
      locks: at("locks"),
      log: at("log"),
      libraries: at("libraries")
    }
    yield* Effect.try({
      try: () => {
        if (isNew || readdirSync(directory).length === 0 || isClosed(directory, owner)) own(folder, directory)
        for (const name of [folder.socket, folder.holders, folder.locks, folder.log]) makeOwned(folder, name)
        if (!existsSync(at("about.txt"))) writeOwned(folder, at("about.txt"), about)
      },
      catch: (thrown) => unusable(`it cannot be written to: ${textOf(thrown)}`)
    })
    return folder
  })

const about = `This folder holds a PostgreSQL that the npm package effect-worker-pool starts and stops.
data    what is stored: copy it only while no server runs, and with all that is in it
log     what the server had to tell
`

/**
 * Whether it was made now. Only the last one is private: what is above it must stay open to the server. One by one, as Node's own
 * way to make those above never ends on a file system that has no place for them, such as `/proc`.
 */
const make = (directory: string, mode = 0o700): boolean => {
  if (isFolder(directory)) return false
  if (dirname(directory) !== directory) make(dirname(directory), 0o777)
  try {
    mkdirSync(directory, { mode })
    return true
  } catch (thrown) {
    return codeOf(thrown) === "EEXIST" && isFolder(directory) ? false : raise(thrown)
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

const notMade = (directory: string, thrown: unknown): EmbeddedPostgresError => {
  const isFile = ["EEXIST", "ENOTDIR"].includes(codeOf(thrown) ?? "")
  const detail = isFile
    ? "it is, or is in, something that is no folder"
    : `the folder cannot be made: ${textOf(thrown)}`
  return new EmbeddedPostgresError({ reason: "FolderUnusable", directory, detail })
}

/** A folder of ours that `root` has copied, so that nobody else can enter it. */
const isClosed = (directory: string, data: Stats | undefined): boolean => {
  const { mode, uid } = statSync(directory)
  return data !== undefined && uid === 0 && (mode & 0o001) === 0
}

/** Whether there are data in it, or something that whoever opens it has to tell of. */
export const exists = (directory: string): boolean => {
  try {
    return statSync(join(directory, "data", "PG_VERSION"), { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

const isOurs = (data: string): boolean => existsSync(join(data, "PG_VERSION"))

/** A private folder of the server's user. */
export const makeOwned = (folder: Folder, path: string): void => {
  make(path)
  own(folder, path)
}

/** A private file that the server can read. */
export const writeOwned = (folder: Folder, path: string, text: string): void => {
  writeFileSync(path, text, { mode: 0o600 })
  own(folder, path)
}

const own = ({ user }: Folder, path: string): void => {
  if (user !== undefined) lchownSync(path, user.uid, user.gid)
}

/** Gives data and log to the server's user, as after they were copied back by `root`. Only while no server runs. */
export const ownAll = (folder: Folder): void => {
  const { data, log, user } = folder
  if (user === undefined) return
  for (const name of readdirSync(log)) own(folder, join(log, name))
  if (lstatSync(data).uid === user.uid) return
  // The data's own folder last: it shows that all is done.
  for (const name of readdirSync(data, { recursive: true })) own(folder, join(data, String(name)))
  own(folder, data)
}
