/** A wire between a store and its server that a test can cut and hold. */
import { Effect, type Scope } from "effect"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

export interface Wire {
  /** The server's address by way of this wire. */
  readonly url: string
  /** Ends all connections, and takes no more until it is mended. */
  readonly cut: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
  /** Nothing goes through any more, and nobody is told: as if the server were stopped by a signal. */
  readonly hold: Effect.Effect<void>
  /** What the server is asked goes through, its answers do not. */
  readonly holdAnswers: Effect.Effect<void>
  readonly release: Effect.Effect<void>
}

export const make = (url: string): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => open(url)),
      ({ close }) => Effect.promise(close)
    ),
    ({ wire }) => wire
  )

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

const open = async (url: string) => {
  const target = addressOf(url)
  const pairs = new Set<Pair>()
  let isCut = false
  let held = { asks: false, answers: false }
  const apply = ({ client, server }: Pair) => {
    if (held.asks) client.pause()
    else client.resume()
    if (held.answers) server.pause()
    else server.resume()
  }
  const hold = (next: typeof held) =>
    Effect.sync(() => {
      held = next
      pairs.forEach(apply)
    })
  const listener = createServer((client) => {
    if (isCut) return void client.resetAndDestroy()
    const pair = { client, server: connect(target) }
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      pair.server.destroy()
    }
    for (const [from, to] of [
      [client, pair.server],
      [pair.server, client]
    ] as const) {
      from.on("data", (bytes) => to.write(bytes))
      from.on("close", end).on("error", end)
    }
    apply(pair)
  })
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const own = new URL(url.replace(/^postgres(ql)?:/, "http:"))
  own.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`
  own.search = ""
  const endAll = () => pairs.forEach(({ client, server }) => [client, server].map((socket) => socket.destroy()))
  const wire: Wire = {
    url: own.href.replace(/^http:/, "postgres:"),
    cut: Effect.sync(() => {
      isCut = true
      endAll()
    }),
    mend: Effect.sync(() => {
      isCut = false
    }),
    hold: hold({ asks: true, answers: true }),
    holdAnswers: hold({ asks: false, answers: true }),
    release: hold({ asks: false, answers: false })
  }
  const close = () =>
    new Promise<void>((resolve) => {
      endAll()
      listener.close(() => resolve())
    })
  return { wire, close }
}

const addressOf = (url: string): { path: string } | { host: string; port: number } => {
  const { hostname, port, searchParams } = new URL(url.replace(/^postgres(ql)?:/, "http:"))
  const folder = searchParams.get("host")
  return folder === null
    ? { host: hostname, port: Number(port || 5432) }
    : { path: `${folder}/.s.PGSQL.${port || 5432}` }
}
