/**
 * One at a time opens or closes the server of a folder, over all processes; one that is killed meanwhile holds up nobody.
 *
 * Node has no lock that the system takes back when a process dies, so that a dead one's must be taken over, and two who do so at
 * once must not both have it. Each taking is a file with the next number, made by `link`, which one alone can do, and whole at
 * once; the highest number that stands is the lock. It is never removed but by who has a higher one: letting go empties it.
 * Whoever was slow, and made a number that was long taken and cleared away, finds a higher one when it looks again.
 */
import { Clock, Effect } from "effect"
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { attempt, codeOf, EmbeddedPostgresError, raise } from "./error.ts"
import type { Folder } from "./folder.ts"
import { identify, lifeOf } from "./processIdentity.ts"

const lookEachMillis = 20
/** Longer than a start with recovery may take. */
const usualPatience = 180_000
/** Who cannot be seen from here has finished by then, or is gone. */
const elsewhereMillis = 300_000

/** Runs the effect while no other process opens or closes the folder. Fails with `Busy` after three minutes, or `patienceMillis`. */
export const locked = <A, E, R>(
  folder: Folder,
  effect: Effect.Effect<A, E, R>,
  patienceMillis: number = usualPatience
): Effect.Effect<A, E | EmbeddedPostgresError, R> =>
  Effect.uninterruptibleMask((restore) => {
    const take = (waited: number): Effect.Effect<Taken, EmbeddedPostgresError> =>
      Effect.flatMap(
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          attempt(folder.directory, "FolderUnusable", "lock the folder", () => tryTake(folder.locks, now))
        ),
        (tried) => {
          if ("number" in tried) return Effect.succeed(tried)
          if (waited >= patienceMillis) return Effect.fail(busy(folder, tried.holder))
          const pause = restore(Effect.sleep(lookEachMillis))
          return Effect.flatMap(pause, () => take(waited + lookEachMillis))
        }
      )
    return Effect.flatMap(take(0), (taken) =>
      Effect.ensuring(
        restore(effect),
        Effect.ignore(attempt(folder.directory, "FolderUnusable", "unlock it", () => letGo(folder.locks, taken)))
      )
    )
  })

interface Taken {
  readonly number: number
  readonly identity: string
}

const busy = ({ directory }: Folder, holder: string): EmbeddedPostgresError => {
  const who = /^\d+/.exec(holder)?.[0]
  return new EmbeddedPostgresError({
    reason: "Busy",
    directory,
    detail: `${who === undefined ? "another process" : `the process ${who}`} opens or closes it, and takes too long`
  })
}

const tryTake = (locks: string, now: number): Taken | { readonly holder: string } => {
  const last = highest(locks)
  const holder = last === 0 ? "" : holderOf(join(locks, String(last)), now)
  if (holder !== "") return { holder }
  const number = last + 1
  const identity = identify()
  const draft = join(locks, `draft-${identity}`)
  writeFileSync(draft, identity, { mode: 0o644 })
  try {
    linkSync(draft, join(locks, String(number)))
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return { holder: "another" }
    return raise(thrown)
  } finally {
    rmSync(draft, { force: true })
  }
  if (highest(locks) > number) {
    rmSync(join(locks, String(number)), { force: true })
    return { holder: "another" }
  }
  for (const below of numbersIn(locks)) if (below < number) rmSync(join(locks, String(below)), { force: true })
  return { number, identity }
}

const letGo = (locks: string, { number, identity }: Taken): void => {
  const draft = join(locks, `draft-${identity}`)
  writeFileSync(draft, "", { mode: 0o644 })
  renameSync(draft, join(locks, String(number)))
}

const numbersIn = (locks: string): ReadonlyArray<number> =>
  readdirSync(locks)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

const highest = (locks: string): number => Math.max(0, ...numbersIn(locks))

/** Empty: nobody has it, as who had has let go or is gone. */
const holderOf = (lock: string, now: number): string => {
  try {
    const identity = readFileSync(lock, "utf8")
    if (identity === "") return ""
    const life = lifeOf(identity)
    if (life === "gone") return ""
    return life === "elsewhere" && statSync(lock).mtimeMs < now - elsewhereMillis ? "" : identity
  } catch (thrown) {
    // Cleared away meanwhile by who has a higher one.
    if (codeOf(thrown) === "ENOENT") return "another"
    return raise(thrown)
  }
}
