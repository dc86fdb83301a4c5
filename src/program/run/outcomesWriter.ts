/** Appends to the file of outcomes in whole lines, and notices what others do to it. */
import { Effect, Latch } from "effect"
import { fstatSync, ftruncateSync, promises, writeSync } from "node:fs"
import { codeOf, messageOf, OutcomesNotWritten } from "../errors.ts"

export interface OutcomesWriter {
  /** Hands a line over, with its line feed. `onWritten` is told whether it is in the file, as a whole. */
  readonly append: (line: Buffer, onWritten: (written: boolean) => void) => void
  /** Writes what is handed over, until a write fails. Then no further line is written. */
  readonly writer: Effect.Effect<never, OutcomesNotWritten>
  /** Fails if the file was removed, replaced, or changed by others. The writer looks now and then as well. */
  readonly check: Effect.Effect<void, OutcomesNotWritten>
  /** Writes what was handed over in one synchronous step, for a process that ends right after. */
  readonly finish: () => void
}

interface Pending {
  readonly bytes: Buffer
  readonly onWritten: (written: boolean) => void
}

/** How often the writer looks whether the file is still what it was. */
const checkMillis = 1000

/** Goes on at the end of the file, which is at `length`. */
export const make = (path: string, file: promises.FileHandle, length: number): OutcomesWriter => {
  const handedOver = Latch.makeUnsafe(false)
  let pending: Array<Pending> = []
  /** What is being written now. */
  let batch: ReadonlyArray<Pending> = []
  let failure: unknown
  /** The length of the file in whole lines. */
  let whole = length
  let checkedAt = performance.now()

  /** Tells the lines of the batch how far the file has come, and after a failure the others that they will not get there. */
  const settle = (written: number) => {
    let end = 0
    const lines = batch.map(({ bytes, onWritten }) => {
      end += bytes.length
      if (end <= written) whole += bytes.length
      return { isWritten: end <= written, onWritten }
    })
    batch = []
    if (failure !== undefined) {
      for (const { onWritten } of pending) lines.push({ isWritten: false, onWritten })
      pending = []
    }
    // Last, since whoever waits goes on at once.
    for (const { isWritten, onWritten } of lines) onWritten(isWritten)
  }

  const write = async (): Promise<void> => {
    batch = pending
    pending = []
    const bytes = Buffer.concat(batch.map((line) => line.bytes))
    let written = 0
    try {
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
    } catch (error) {
      failure = error
      settle(written)
      // A line of which only a part has found room is no outcome.
      await file.truncate(whole).catch(() => undefined)
      return Promise.reject(error)
    }
    settle(written)
    if (performance.now() - checkedAt > checkMillis) await check()
  }

  const check = async (): Promise<void> => {
    if (failure !== undefined) return Promise.reject(failure)
    if (batch.length > 0) return
    const change = await changeOf(path, file, whole)
    checkedAt = performance.now()
    if (change === undefined) return
    failure = change
    settle(0)
    return Promise.reject(change)
  }

  /** The thread that writes the batch goes on for as long as this one waits. */
  const finish = () => {
    if (failure !== undefined) return
    const { fd } = file
    const length = whole + batch.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const sleeper = new Int32Array(new SharedArrayBuffer(4))
    try {
      for (let waits = 0; fstatSync(fd).size < length && waits < 400; waits++) Atomics.wait(sleeper, 0, 0, 5)
      settle(fstatSync(fd).size - whole)
      if (whole === length) {
        batch = pending
        pending = []
        const bytes = Buffer.concat(batch.map((line) => line.bytes))
        let written = 0
        while (written < bytes.length) written += writeSync(fd, bytes, written)
        settle(written)
      }
      ftruncateSync(fd, whole)
    } catch {
      // What is torn is cut off by `--resume`.
    }
  }

  const attempt = (action: () => Promise<void>) =>
    Effect.tryPromise({ try: action, catch: (error) => new OutcomesNotWritten({ path, reason: messageOf(error) }) })

  return {
    append: (bytes, onWritten) => {
      if (failure !== undefined) return onWritten(false)
      pending.push({ bytes, onWritten })
      handedOver.openUnsafe()
    },
    writer: Effect.forever(
      Effect.gen(function* () {
        yield* handedOver.await
        handedOver.closeUnsafe()
        yield* attempt(write)
      })
    ),
    check: attempt(check),
    finish
  }
}

/** What others have done to the file. */
const changeOf = async (path: string, file: promises.FileHandle, length: number): Promise<string | undefined> => {
  const held = await file.stat({ bigint: true })
  const there = await promises.stat(path, { bigint: true }).catch((error: unknown) => codeOf(error) ?? messageOf(error))
  if (there === "ENOENT") return "it was removed while the run wrote to it"
  if (typeof there === "string") return `it cannot be looked at any more: ${there}`
  // Some file systems make up their inodes.
  const isSame = there.ino === held.ino && there.dev === held.dev
  const looksSame = there.size === held.size && there.mtimeNs === held.mtimeNs
  if (!isSame && !looksSame) return "it was replaced while the run wrote to it"
  if (held.size === BigInt(length)) return undefined
  return `something else has changed it: it has ${held.size} bytes where ${length} were written`
}
