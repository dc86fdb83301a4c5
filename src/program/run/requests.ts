/** The bytes of REQUESTS, and what tells one input from another. */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { constants, createReadStream, open as openFile, openSync, type Stats, statSync } from "node:fs"
import { Socket } from "node:net"
import { resolve } from "node:path"
import { isatty, ReadStream } from "node:tty"
import { promisify } from "node:util"
import { BadUsage, codeOf, messageOf, RequestsNotRead } from "../errors.ts"
import { Lines, requestLimit } from "./lines.ts"

/** A regular file is told by its whole content. Of a stream only the beginning can be had before it is run. */
export type Identity =
  | { readonly kind: "file"; readonly bytes: number; readonly sha256: string }
  | { readonly kind: "stream"; readonly bytes: number; readonly sha256: string }

export interface Requests {
  /** As the user wrote it. */
  readonly path: string
  /** `undefined`: a stream, whose identity is in its first bytes. */
  readonly file: { readonly identity: Identity; readonly lines: number; readonly requests: number } | undefined
  /** The next chunk, `undefined` at the end. */
  readonly next: Effect.Effect<Buffer | undefined, RequestsNotRead>
}

/**
 * Opens a file, a named pipe, or standard input (`-`). A regular file is read once beforehand, for its identity and the
 * number of its requests; what is appended to it later is not part of the run.
 */
export const open = (path: string): Effect.Effect<Requests, BadUsage | RequestsNotRead> =>
  Effect.gen(function* () {
    if (path === "-") return { path, file: undefined, next: chunks("standard input", process.stdin) }
    const stat = yield* Effect.try({
      try: () => statSync(path),
      catch: (error) => new BadUsage({ reason: `Expected REQUESTS to be a readable file, or -: ${messageOf(error)}` })
    })
    if (stat.isDirectory()) {
      return yield* new BadUsage({ reason: `Expected REQUESTS to be a file, or -, got the directory ${path}` })
    }
    if (!stat.isFile()) return { path, file: undefined, next: chunks(path, stream(resolve(path), stat)) }
    const file = yield* Effect.catch(
      survey(path, stat.size),
      (error): Effect.Effect<never, BadUsage | RequestsNotRead> =>
        error.code === "EACCES" ? new BadUsage({ reason: error.message }) : Effect.fail(error)
    )
    return { path, file, next: chunks(path, readFile(path, stat.size)) }
  })

const readFile = (path: string, size: number): AsyncIterable<Buffer> =>
  // `end` is the last byte itself, so an empty file cannot be asked for.
  size === 0 ? nothing() : createReadStream(path, { end: size - 1, highWaterMark: 1 << 16 })

async function* nothing(): AsyncIterable<Buffer> {}

/**
 * What a pipe or a terminal gives, read by the event loop: a thread that waits for it would keep the process from ending,
 * even by `process.exit`.
 */
async function* stream(path: string, stat: Stats): AsyncIterable<Buffer> {
  const fd = stat.isFIFO() ? await openPipe(path) : openSync(path, "r")
  yield* stat.isFIFO()
    ? new Socket({ fd, readable: true, writable: false })
    : isatty(fd)
      ? new ReadStream(fd)
      : createReadStream(path, { fd })
}

/** Waits for a writer, in a thread. If the process ends before there is one, it is that itself. */
const openPipe = async (path: string): Promise<number> => {
  const write = () => openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  process.on("exit", write)
  try {
    return await promisify(openFile)(path, "r")
  } finally {
    process.off("exit", write)
  }
}

const survey = Effect.fnUntraced(function* (path: string, size: number) {
  const next = chunks(path, readFile(path, size))
  const hash = createHash("sha256")
  const lines = new Lines(requestLimit)
  let bytes = 0
  let requests = 0
  for (let chunk = yield* next; chunk !== undefined; chunk = yield* next) {
    hash.update(chunk)
    bytes += chunk.length
    for (const _ of lines.push(chunk)) requests++
  }
  requests += lines.end().length
  return { identity: { kind: "file" as const, bytes, sha256: hash.digest("hex") }, lines: lines.count, requests }
})

const chunks = (path: string, source: AsyncIterable<Buffer | string>): Requests["next"] => {
  const iterator = source[Symbol.asyncIterator]()
  return Effect.tryPromise({
    try: async () => {
      const { done, value } = await iterator.next()
      return done === true ? undefined : (value as Buffer)
    },
    catch: (error) => new RequestsNotRead({ path, reason: messageOf(error), code: codeOf(error) })
  })
}

/** How much of a stream its identity covers at most. */
const prefixLimit = 1 << 16

/**
 * The identity of a stream, taken of what has come so far, up to 64 KiB: a slow stream is run as it comes. It is due to
 * be written again whenever it covers twice as much.
 */
export class StreamIdentity {
  private readonly hash = createHash("sha256")
  private bytes = 0
  private written = 0

  /** Answers what to write before anything of this chunk may have an outcome. */
  update(chunk: Buffer): Identity | undefined {
    if (this.bytes < prefixLimit) {
      const part = chunk.subarray(0, prefixLimit - this.bytes)
      this.hash.update(part)
      this.bytes += part.length
    }
    const due = this.bytes > 0 && (this.bytes >= this.written * 2 || this.bytes === prefixLimit)
    if (!due || this.bytes === this.written) return undefined
    this.written = this.bytes
    return { kind: "stream", bytes: this.bytes, sha256: this.hash.copy().digest("hex") }
  }
}

/** Reads as much of a stream as the recorded identity covers. Answers those chunks, or `undefined` if they differ. */
export const matchPrefix = Effect.fnUntraced(function* (next: Requests["next"], recorded: Identity) {
  const read: Array<Buffer> = []
  let bytes = 0
  while (bytes < recorded.bytes) {
    const chunk = yield* next
    if (chunk === undefined) return undefined
    read.push(chunk)
    bytes += chunk.length
  }
  const prefix = Buffer.concat(read).subarray(0, recorded.bytes)
  return createHash("sha256").update(prefix).digest("hex") === recorded.sha256 ? read : undefined
})
