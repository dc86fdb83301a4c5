/** Work that does not end when it should, as it is run on threads. */
import { Effect } from "effect"
import { Rpc } from "effect/rpc"
import { spawnSync } from "node:child_process"
import { threadId } from "node:worker_threads"
import { compute } from "./marks.ts"
import { group } from "./workGroup.ts"

export { group }

let cleanUps = 0

export const layer = group.toLayer({
  Who: () => Effect.sync(() => ({ id: `${process.pid}/${threadId}`, cleanUps })),
  Spin: ({ millis }) => Effect.sync(() => spin(millis)),
  Sleep: ({ cleanUpMillis, millis }) =>
    Effect.onInterrupt(Effect.sleep(millis), () =>
      Effect.andThen(
        cleanUpMillis === Infinity ? Effect.never : Effect.sleep(cleanUpMillis),
        Effect.sync(() => cleanUps++)
      )
    ),
  Block: () => Effect.sync(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)),
  Match: () => Effect.sync(() => /^(a+)+$/.test(`${"a".repeat(60)}b`)),
  Native: ({ file }) =>
    Effect.sync(
      () =>
        void spawnSync("sh", ["-c", ': > "$0.begun"; while [ ! -e "$0" ]; do sleep 0.05; done', file], {
          stdio: "ignore"
        })
    ),
  Deaf: ({ millis }) => Rpc.uninterruptible(Effect.sleep(millis)),
  Mark: ({ lane, millis, shared }) => Effect.sync(() => compute(shared as SharedArrayBuffer, lane, millis))
})

const spin = (millis: number): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}
