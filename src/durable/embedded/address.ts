/** Where the server listens: on a socket that only its user can reach, and by TCP only where there can be none. */
import { Effect } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { chmodSync, lchownSync, lstatSync, mkdirSync, rmSync } from "node:fs"
import { createServer, type ListenOptions } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Folder } from "./folder.ts"

/** `socket` is the folder that it is in; the port is then but a part of its name. */
export type Address = { readonly port: number; readonly socket?: string }

/** With the port that a client takes unless told otherwise: `psql --host FOLDER/socket` finds it. Nobody listens to it by TCP. */
const socketPort = 5432

/** Linux takes 107 bytes for the path of a socket, macOS 103. */
const longestSocket = 103

/** Where the server makes it, and `pg` looks for it. */
export const socketFile = (folder: string, port: number): string => join(folder, `.s.PGSQL.${port}`)

/** Chooses for a server that is about to start. `before` is the TCP port of the last one: it is kept if it is free. */
export const choose = (folder: Folder, before: number | undefined): Effect.Effect<Address> =>
  Effect.gen(function* () {
    if (yield* isSocketPlace(folder.socket)) return { socket: folder.socket, port: socketPort }
    const temporary = yield* Effect.sync(() => privateTemporary(folder))
    if (temporary !== undefined && (yield* isSocketPlace(temporary))) return { socket: temporary, port: socketPort }
    const kept = before === undefined ? undefined : yield* listens({ host: "127.0.0.1", port: before })
    return { port: kept ?? (yield* listens({ host: "127.0.0.1", port: 0 })) ?? 0 }
  })

/**
 * For a folder whose own path is too long, or on a disk that takes no sockets, as some that are shared with a container do. Its
 * name follows from the folder's, and it is only used if nobody else has made it first.
 */
const privateTemporary = ({ data, user }: Folder): string | undefined => {
  const name = createHash("sha256").update(data).digest("hex").slice(0, 16)
  const path = join(tmpdir(), `worker-pool-${name}`)
  const uid = user?.uid ?? process.getuid?.()
  try {
    try {
      mkdirSync(path, { mode: 0o700 })
      if (user !== undefined) lchownSync(path, user.uid, user.gid)
    } catch {
      // It is there from an earlier start, or is somebody else's: what follows tells.
    }
    const stat = lstatSync(path)
    if (!stat.isDirectory() || stat.uid !== uid) return undefined
    chmodSync(path, 0o700)
    return path
  } catch {
    return undefined
  }
}

const isSocketPlace = (folder: string): Effect.Effect<boolean> => {
  // PostgreSQL makes a file `.lock` beside it, whose path may be longer.
  if (Buffer.byteLength(socketFile(folder, socketPort)) > longestSocket) return Effect.succeed(false)
  const path = join(folder, `.try.${randomBytes(4).toString("hex")}`)
  return Effect.map(listens({ path }), (port) => {
    rmSync(path, { force: true })
    return port !== undefined
  })
}

/** The port, 0 for a socket; `undefined`: it cannot be. */
const listens = (where: ListenOptions): Effect.Effect<number | undefined> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(undefined)))
    server.listen(where, () => {
      const address = server.address()
      const port = address !== null && typeof address === "object" ? address.port : 0
      server.close(() => resume(Effect.succeed(port)))
    })
  })

/** For `pg`, and whoever else reads addresses of PostgreSQL. It has the password in it: never for a log. */
export const urlOf = ({ socket, port }: Address, user: string, password: string): string => {
  const at =
    socket === undefined
      ? `127.0.0.1:${port}/postgres`
      : `localhost:${port}/postgres?host=${encodeURIComponent(socket)}`
  return `postgres://${user}:${password}@${at}`
}

/** What is left when the server is gone. */
export const cleared = ({ socket, port }: Address, folder: Folder): void => {
  if (socket === undefined) return
  for (const path of [socketFile(socket, port), `${socketFile(socket, port)}.lock`]) rmSync(path, { force: true })
  if (socket !== folder.socket) rmSync(socket, { recursive: true, force: true })
}
