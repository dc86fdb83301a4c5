/** What `postmaster.pid` says of the server of a folder, and whether it is true: after a crash it stays. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Address, cleared } from "./address.ts"
import { codeOf, raise } from "./error.ts"
import type { Folder } from "./folder.ts"
import { isServerOf, isTaken } from "./processIdentity.ts"

export interface Postmaster {
  readonly pid: number
  readonly address: Address
  /** As PostgreSQL writes it: `starting`, `ready`, `stopping`; empty at the very first. */
  readonly status: string
  /** Whether the process is there, and is a server of these data. */
  readonly lives: boolean
}

const fileOf = (folder: Folder): string => join(folder.data, "postmaster.pid")

/** `undefined`: none runs, and the last one has ended as it should. */
export const read = (folder: Folder): Postmaster | undefined => {
  const lines = linesOf(folder)
  if (lines === undefined) return undefined
  // 1 process, 2 data, 3 since when, 4 port, 5 folder of the socket, 6 host, 7 shared memory, 8 status
  const pid = Number(lines[0])
  const port = Number(lines[3])
  const socket = lines[4]
  return {
    pid,
    address: { port: Number.isInteger(port) ? port : 0, ...(socket ? { socket } : undefined) },
    status: lines[7]?.trim() ?? "",
    lives: Number.isInteger(pid) && pid > 0 && isServerOf(pid, folder.data)
  }
}

const linesOf = (folder: Folder): Array<string> | undefined => {
  try {
    return readFileSync(fileOf(folder), "utf8").split("\n")
  } catch (thrown) {
    return codeOf(thrown) === "ENOENT" ? undefined : raise(thrown)
  }
}

/** No system gives this number to a process. */
const nobody = 2 ** 30

/**
 * PostgreSQL starts over the file of a server that is gone, but not while anything has its number: a zombie, or a program that
 * got it since. That number is then replaced and the file is kept, as PostgreSQL finds by its other lines whether children of the
 * lost server still use the data.
 */
export const disown = (folder: Folder, { pid, address }: Postmaster): void => {
  cleared(address, folder)
  const lines = linesOf(folder)
  if (lines === undefined || !isTaken(pid)) return
  writeFileSync(fileOf(folder), [nobody, ...lines.slice(1)].join("\n"))
}
