/**
 * The time that a client has to send a request is its own. While the server does not read a connection, because what was asked
 * on it before waits for answers, none of it passes: once it is read again the client has all of it anew.
 */
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"

const reading = Symbol("what a connection sends, and since when it is read")

interface Reading {
  /** Requests whose head has come. */
  begun: number
  latest: IncomingMessage | undefined
  /** Since when it is read again, in the milliseconds of `performance.now`: 0 if it always was, `Infinity` while it is not. */
  since: number
}

type Connection = Socket & { [reading]?: Reading }

export const watch = (connection: Connection): void => {
  const read: Reading = { begun: 0, latest: undefined, since: 0 }
  connection[reading] = read
  connection.on("pause", () => {
    read.since = Infinity
  })
  // A new one begins with it; and it is told late, when it may have been paused again.
  connection.on("resume", () => {
    if (read.since > 0 && !connection.isPaused()) read.since = performance.now()
  })
}

/** The head of a request has come. */
export const begin = (request: IncomingMessage): void => {
  const read = (request.socket as Connection)[reading]
  if (read === undefined) return
  read.begun++
  read.latest = request
}

/**
 * Node tells once of a request that it took too long: calls `tooSlow` now if it did, later if it does then, and never if it comes
 * in time.
 */
export const judge = (connection: Connection, millis: number, tooSlow: () => void): void => {
  const read = connection[reading]
  if (read === undefined) return tooSlow()
  const late = numberOf(read)
  const look = (): void => {
    if (connection.destroyed || numberOf(read) > late) return
    if (read.since === Infinity) return void connection.once("resume", look)
    const left = read.since === 0 ? 0 : read.since + millis - performance.now()
    if (left <= 0) return tooSlow()
    const timer = setTimeout(look, Math.ceil(left))
    timer.unref()
    connection.once("close", () => clearTimeout(timer))
  }
  look()
}

/** Of the request that is on its way, or would be the next. */
const numberOf = ({ begun, latest }: Reading): number => (latest === undefined || latest.complete ? begun + 1 : begun)
