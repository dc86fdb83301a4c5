/** The lock of a folder: one at a time, over real processes, and over those that were killed. */
import { Effect, Fiber } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import type { Folder } from "../../../src/durable/embedded/folder.ts"
import { locked } from "../../../src/durable/embedded/lock.ts"
import { identify, lifeOf } from "../../../src/durable/embedded/processIdentity.ts"
import { temporary } from "./fixtures/folders.ts"

const files = temporary()
const program = fileURLToPath(new URL("fixtures/locker.ts", import.meta.url))

const locker = (directory: string, times: string) =>
  spawn(process.execPath, ["--conditions=effect-worker-pool-source", program, directory, times])

const newFolder = () => {
  const directory = files.path()
  mkdirSync(directory)
  writeFileSync(join(directory, "count"), "0")
  return { directory, locks: directory } as Folder
}
const count = ({ directory }: Folder) => Number(readFileSync(join(directory, "count"), "utf8"))
const numbers = ({ locks }: Folder) => readdirSync(locks).filter((name) => name !== "count")

describe.concurrent("the lock of a folder", () => {
  it("is had by one at a time, of three processes, while others that have it are killed", async ({ expect }) => {
    const folder = newFolder()
    const workers = [1, 2, 3].map(() => locker(folder.directory, "20"))
    const ended = Promise.all(workers.map((worker) => once(worker, "exit")))
    for (const _ of [1, 2]) {
      const killed = locker(folder.directory, "hold")
      await once(killed.stdout, "data")
      killed.kill("SIGKILL")
      await once(killed, "exit")
    }
    expect((await ended).map(([code]) => code)).toEqual([0, 0, 0])
    expect(count(folder)).toBe(60)
    // The last one, let go; whoever was killed is forgotten.
    await Effect.runPromise(locked(folder, Effect.void))
    expect(numbers(folder).length).toBe(1)
    expect(readFileSync(join(folder.locks, numbers(folder)[0]!), "utf8")).toBe("")
  })

  it("is had by one at a time within a process, and let go when the one who has it fails or is interrupted", async ({
    expect
  }) => {
    const folder = newFolder()
    let inside = 0
    let most = 0
    const use = Effect.gen(function* () {
      most = Math.max(most, (inside += 1))
      yield* Effect.sleep(1)
      inside -= 1
    })
    await Effect.runPromise(
      Effect.all(
        Array.from({ length: 10 }, () => locked(folder, use)),
        { concurrency: "unbounded" }
      )
    )
    expect([most, inside]).toEqual([1, 0])
    expect(await Effect.runPromise(Effect.flip(locked(folder, Effect.fail("no"))))).toBe("no")
    const fiber = Effect.runFork(locked(folder, Effect.never))
    const waiting = Effect.runFork(locked(folder, Effect.void))
    await Effect.runPromise(Fiber.interrupt(waiting))
    await Effect.runPromise(Fiber.interrupt(fiber))
    await Effect.runPromise(locked(folder, Effect.void))
  })

  it("whoever waits for too long is told who has it", async ({ expect }) => {
    const folder = newFolder()
    const holder = locker(folder.directory, "hold")
    await once(holder.stdout, "data")
    const error = await Effect.runPromise(Effect.flip(locked(folder, Effect.void, 40)))
    expect(error).toMatchObject({ reason: "Busy", directory: folder.directory })
    expect(error.detail).toBe(`the process ${holder.pid} opens or closes it, and takes too long`)
    holder.kill("SIGKILL")
  })
})

describe("the identity of a process", () => {
  it("is not that of another with its number, nor of one that cannot be seen from here", ({ expect }) => {
    const mine = identify()
    expect(lifeOf(mine)).toBe("alive")
    const [pid, start, space, count] = mine.split("-")
    expect(lifeOf([pid, Number(start) - 1, space, count].join("-"))).toBe("gone")
    expect(lifeOf([2 ** 30, start, space, count].join("-"))).toBe("gone")
    expect(lifeOf([pid, start, "1", count].join("-"))).toBe("elsewhere")
    expect(lifeOf("lost+found")).toBe("gone")
  })
})
