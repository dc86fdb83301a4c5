/** Handlers that end their thread, or fill it, in each way there is. */
import { Effect } from "effect"
import { pbkdf2Sync } from "node:crypto"
import { existsSync, writeFileSync } from "node:fs"
import { type Crash, group } from "./crashGroup.ts"

export { group }

const exists = (file: string) =>
  Effect.promise(async () => {
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5))
  })

const ways: Record<(typeof Crash)["payloadSchema"]["Type"]["how"], () => void> = {
  exit: () => process.exit(3),
  throwLater: () => {
    setTimeout(() => {
      throw new TypeError("thrown in a timer")
    })
  },
  reject: () => {
    void Promise.reject(new Error("rejected to nobody"))
  },
  rejectText: () => {
    void Promise.reject("a text")
  },
  ownListener: () => {
    process.on("uncaughtException", () => process.exit(9))
    setTimeout(() => {
      throw new TypeError("thrown in a timer")
    })
  },
  strings: () => {
    const kept: Array<string> = []
    for (let n = 0; ; n++) kept.push(`${n}`.repeat(100_000).split("").toReversed().join(""))
  },
  objects: () => {
    const kept: Array<object> = []
    for (let n = 0; ; n++) kept.push({ n, more: [n] })
  },
  // As much as the limit of a test needs, and no more: the threads of a process end together where V8 has none left.
  hoard: () => {
    const kept: Array<object> = []
    for (let n = 0; n < 3_000_000; n++) kept.push({ n, more: [n] })
    for (;;) kept.at(-1)
  },
  buffers: () => {
    const kept: Array<Buffer> = []
    while (kept.length < 20) kept.push(Buffer.alloc(10_000_000, 1))
    for (;;) kept[0]![0]!++
  },
  abort: () => process.abort(),
  segv: () => void process.kill(process.pid, "SIGSEGV")
}

export const layer = group.toLayer({
  Add: ({ a, b }) => Effect.succeed(a + b),
  Await: ({ file }) => Effect.as(exists(file), file),
  Crash: ({ how, once }) => {
    if (once !== undefined) {
      if (existsSync(once)) return Effect.void
      writeFileSync(once, "")
    }
    return Effect.andThen(Effect.sync(ways[how]), Effect.never)
  },
  CrashIdle: ({ file }) => {
    Effect.runFork(Effect.map(exists(file), () => process.exit(4)))
    return Effect.succeed(process.pid)
  },
  Native: ({ iterations, started }) =>
    Effect.sync(() => {
      writeFileSync(started, "")
      pbkdf2Sync("password", "salt", iterations, 64, "sha512")
    }),
  Spin: ({ started }) =>
    Effect.sync(() => {
      writeFileSync(started, String(process.pid))
      for (;;);
    })
})
