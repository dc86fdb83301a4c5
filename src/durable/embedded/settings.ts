/** The settings of the server, in a file of their own in its data: they hold however it is started. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Address } from "./address.ts"
import { type Folder, writeOwned } from "./folder.ts"

/** The file that PostgreSQL reads last of all but what `ALTER SYSTEM` has written. */
export const fileName = "worker_pool.conf"

/** Written at each start, so that a newer version of this package brings its own. */
export const write = (folder: Folder, address: Address): void => {
  const { port, socket } = address
  const settings: Record<string, string | number> = {
    port,
    listen_addresses: socket === undefined ? "127.0.0.1" : "",
    // A list, in which a name with a comma wants quotes of its own.
    unix_socket_directories: socket === undefined ? "" : `"${socket.replaceAll('"', '""')}"`,
    unix_socket_permissions: "0700",
    max_connections: 200,
    // Small beside the programs that use it: requests that wait are few bytes, and gone soon.
    shared_buffers: "64MB",
    max_wal_size: "512MB",
    // A container often has little of the memory that parallel queries share; none of a queue's gains by them.
    max_parallel_workers_per_gather: 0,
    max_parallel_maintenance_workers: 0,
    jit: "off",
    // What was accepted is on the disk.
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    // What the server does, a few lines a day. Errors of a statement go to who sent it: their text would hold what is stored.
    log_min_messages: "log",
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_checkpoints: "off",
    checkpoint_warning: 0,
    timezone: "UTC",
    log_timezone: "UTC",
    cluster_name: "worker-pool"
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quoted(value)}\n`)
  writeOwned(
    folder,
    join(folder.data, fileName),
    `# Written at each start: put your own settings into postgresql.auto.conf.\n${lines.join("")}`
  )
}

const quoted = (value: string | number): string =>
  typeof value === "number" ? `${value}` : `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`

/** By which TCP port the last server was reached, if by any. */
export const tcpPort = (folder: Folder): number | undefined => {
  try {
    const text = readFileSync(join(folder.data, fileName), "utf8")
    if (!text.includes("listen_addresses = '127.0.0.1'")) return undefined
    const port = /^port = (\d+)$/m.exec(text)?.[1]
    return port === undefined ? undefined : Number(port)
  } catch {
    return undefined
  }
}
