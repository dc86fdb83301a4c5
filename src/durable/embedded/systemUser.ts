/** Whom the server runs as: PostgreSQL refuses to be `root`. */
import { Effect } from "effect"
import { run, type SystemUser } from "./command.ts"
import { EmbeddedPostgresError } from "./error.ts"

/** `postgres` is there where Debian's or another package was; `nobody` nearly everywhere, but others may run as it, too. */
const usual = ["postgres", "nobody"]

/**
 * `undefined`: as whoever runs this process, who is not `root`. For `root`: the one asked for, else whoever the data belong to
 * already, else the first of the usual ones that there is.
 */
export const choose = (
  directory: string,
  owner: { readonly uid: number; readonly gid: number } | undefined,
  asked: string | undefined
): Effect.Effect<SystemUser | undefined, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    if (process.getuid?.() !== 0) return undefined
    if (asked === undefined && owner !== undefined && owner.uid !== 0) return { name: `uid ${owner.uid}`, ...owner }
    for (const name of asked === undefined ? usual : [asked]) {
      const found = yield* find(name)
      if (found !== undefined && found.uid !== 0) return found
    }
    const names =
      asked === undefined ? `neither ${usual.join(" nor ")} is there` : `"${asked}" is not there, or is root`
    return yield* new EmbeddedPostgresError({
      reason: "NoSystemUser",
      directory,
      detail: `root may not run PostgreSQL, and as a system user to run it as, ${names}: name one by \`user\`, or do not run as root`
    })
  })

/** By `id`, which also knows users who are in no file of this machine. */
const find = (name: string): Effect.Effect<SystemUser | undefined> =>
  Effect.all([run("id", ["-u", "--", name]), run("id", ["-g", "--", name])]).pipe(
    Effect.map(([uid, gid]) =>
      uid.code === 0 && gid.code === 0 ? { name, uid: Number(uid.output), gid: Number(gid.output) } : undefined
    ),
    Effect.orElseSucceed(() => undefined)
  )
