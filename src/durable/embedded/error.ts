/** Why the PostgreSQL of a folder cannot be had. */
import { Effect, Schema } from "effect"

export const Reason = Schema.Literals([
  /** The npm package of this platform is not installed. */
  "PackageMissing",
  /** There is no package for this platform. */
  "UnsupportedPlatform",
  /** What the package holds does not run here. */
  "ProgramsUnusable",
  /** The folder is none, cannot be written to, belongs to somebody else, or holds something else. */
  "FolderUnusable",
  /** The data in the folder is of another major version of PostgreSQL. */
  "OtherVersion",
  /** `root` may not run PostgreSQL, and there is nobody else to run it as. */
  "NoSystemUser",
  /** `initdb` failed. */
  "NotInitialised",
  /** The server did not start, or nobody can reach it. */
  "NotStarted",
  /** Another process has held the folder for too long, opening or closing it. */
  "Busy"
])
export type Reason = typeof Reason.Type

/** The PostgreSQL of a folder could not be opened. Nothing of the folder's data was changed. */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  reason: Reason,
  directory: Schema.String,
  /** A sentence for a person: what was expected, what came, what to do. Never a password. */
  detail: Schema.String
}) {
  override get message() {
    return `The embedded PostgreSQL of ${this.directory} is not available: ${this.detail}`
  }
}

/** The code of a system error, such as `ENOENT`. */
export const codeOf = (thrown: unknown): string | undefined =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : undefined

export const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** For the plain functions that run within one `attempt`. */
export const raise = (thrown: unknown): never => {
  throw thrown
}

/** A few calls of the file system in one synchronous step: small files on a local disk. */
export const attempt = <A>(
  directory: string,
  reason: Reason,
  doing: string,
  what: () => A
): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.try({
    try: what,
    catch: (thrown) => new EmbeddedPostgresError({ reason, directory, detail: `cannot ${doing}: ${textOf(thrown)}` })
  })
