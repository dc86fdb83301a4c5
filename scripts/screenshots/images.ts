// Handlers on threads, for the picture of the page: some compute, some for too long, some crash. On a thread this file has the
// handlers, elsewhere it starts the threads.
import { Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { spawnSync } from "node:child_process"
import { isMainThread } from "node:worker_threads"
import * as Threads from "../../src/threads/Threads.ts"

export const group = RpcGroup.make(
  Rpc.make("Resize", { payload: { millis: Schema.Number } }),
  Rpc.make("Convert", { payload: { seconds: Schema.Number } }),
  Rpc.make("Decode")
)

const handlers = group.toLayer({
  Resize: ({ millis }) =>
    // It keeps its thread as what computes does, and leaves the cores to the start of others.
    Effect.sync(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)),
  Convert: ({ seconds }) => Effect.sync(() => void spawnSync("sleep", [String(seconds)])),
  Decode: () =>
    Effect.callback<never>(() => {
      setImmediate(() => {
        throw new RangeError("Offset is outside the bounds of the DataView")
      })
    })
})

export const layer = isMainThread
  ? Threads.layer(group, { module: new URL(import.meta.url), min: 3, max: 6, spare: 1, killAfter: 200 })
  : handlers
