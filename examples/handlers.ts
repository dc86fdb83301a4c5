/** Handlers to try the program with: `worker-pool run requests.jsonl --handlers examples/handlers.ts`. */
import { Effect, Random, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { createHash } from "node:crypto"
import { constants } from "node:fs"
import { open } from "node:fs/promises"

/** The path is not a file that can be read. `code` is the system's, for example `ENOENT`. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {
  path: Schema.String,
  code: Schema.String,
  message: Schema.String
}) {}

export class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", { message: Schema.String }) {}

/** The SHA-256 of a file's content. */
export const Checksum = Rpc.make("Checksum", {
  payload: { path: Schema.String.annotate({ examples: ["package.json"] }) },
  success: Schema.Struct({ sha256: Schema.String, bytes: Schema.Int }),
  error: Unreadable
})

export const Echo = Rpc.make("Echo", {
  payload: { message: Schema.String.annotate({ examples: ["hello"] }) },
  success: Schema.String
})

export const Sleep = Rpc.make("Sleep", {
  payload: { millis: Schema.Finite.annotate({ examples: [200] }) }
})

/** Fails with the given probability, from 0 to 1. */
export const Flaky = Rpc.make("Flaky", {
  payload: { failureRate: Schema.Finite.annotate({ examples: [0.1] }) },
  success: Schema.String,
  error: Unlucky
})

export class group extends RpcGroup.make(Checksum, Echo, Sleep, Flaky) {}

export const layer = group.toLayer({
  Checksum: ({ path }) =>
    Effect.tryPromise({
      try: (signal) => checksum(path, signal),
      catch: (error) => {
        const { code = "UNKNOWN", message } = error as NodeJS.ErrnoException
        return new Unreadable({ path, code, message })
      }
    }),
  Echo: ({ message }) => Effect.succeed(message),
  Sleep: ({ millis }) => Effect.sleep(millis),
  Flaky: ({ failureRate }) =>
    Effect.flatMap(Random.next, (drawn) =>
      drawn < failureRate ? new Unlucky({ message: "no luck this time" }) : Effect.succeed("lucky")
    )
})

/** Reads chunk by chunk; the signal stops it between two. */
const checksum = async (path: string, signal: AbortSignal) => {
  // Without O_NONBLOCK, opening a named pipe would hold a thread until somebody writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile() && !stat.isDirectory()) {
      throw Object.assign(new Error(`EINVAL: not a regular file, open '${path}'`), { code: "EINVAL" })
    }
    const hash = createHash("sha256")
    const buffer = Buffer.allocUnsafe(Math.min(Math.max(stat.size, 1) + 1, 1 << 16))
    let bytes = 0
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await file.read(buffer)
      if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes }
      hash.update(buffer.subarray(0, bytesRead))
      bytes += bytesRead
    }
  } finally {
    await file.close()
  }
}
