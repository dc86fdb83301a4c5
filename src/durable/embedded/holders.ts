/**
 * Who uses the server of a folder. Who leaves last stops it, and who is last is decided by these files, one for each opening,
 * and not by the connections that the server counts: a process may have none for a while (its pool let them go, or the server has
 * just been started again), and needs the server all the same. A file of a process that is gone counts no more; one of a
 * container that cannot be seen from here does, as a server that nobody needs does less harm than one that is missing.
 */
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Folder } from "./folder.ts"
import { identify, lifeOf } from "./processIdentity.ts"

/** Answers the name of the new holder. */
export const enter = (folder: Folder): string => {
  const identity = identify()
  writeFileSync(join(folder.holders, identity), "", { mode: 0o600 })
  return identity
}

export const leave = (folder: Folder, identity: string): void => {
  rmSync(join(folder.holders, identity), { force: true })
}

/** Forgets those that are gone. */
export const anyIn = (folder: Folder): boolean => {
  const names = readdirSync(folder.holders)
  for (const name of names) if (lifeOf(name) === "gone") leave(folder, name)
  return names.some((name) => lifeOf(name) !== "gone")
}

/** When a server is started anew, those of containers that cannot be seen are of its past. */
export const forgetElsewhere = (folder: Folder): void => {
  for (const name of readdirSync(folder.holders)) if (lifeOf(name) === "elsewhere") leave(folder, name)
}
