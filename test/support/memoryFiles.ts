/** A file system in memory, whose disk can be full, or give no answer. What it does is done at once. */
import { Effect, FileSystem, Option, PlatformError, Stream } from "effect"

export class MemoryFiles {
  readonly contents = new Map<string, Uint8Array>()
  /** What becomes of each write from now on: written, written in part and failed, or not answered. */
  disk: "well" | "full" | "hangs" = "well"
  /** What somebody else does between a look at a file and its new name. */
  beforeRename = (): void => {}

  text(path: string): string {
    return new TextDecoder().decode(this.contents.get(path) ?? new Uint8Array())
  }

  lines(path: string): ReadonlyArray<string> {
    return this.text(path).split("\n").slice(0, -1)
  }

  set(path: string, text: string): void {
    this.contents.set(path, new TextEncoder().encode(text))
  }

  readonly service = FileSystem.makeNoop({
    exists: (path) => Effect.sync(() => this.contents.has(path)),
    rename: (from, to) =>
      Effect.suspend(() => {
        this.beforeRename()
        const bytes = this.contents.get(from)
        if (bytes === undefined) return Effect.fail(failed("NotFound", "rename", from))
        this.contents.set(to, bytes)
        this.contents.delete(from)
        return Effect.void
      }),
    stream: (path) =>
      Stream.suspend(() => {
        const bytes = this.contents.get(path)
        if (bytes === undefined) return Stream.fail(failed("NotFound", "stream", path))
        // In two pieces: a line, or a letter, may be in both.
        const half = bytes.length >> 1
        return Stream.fromIterable([bytes.subarray(0, half), bytes.subarray(half)])
      }),
    open: (path, { flag = "r" } = {}) =>
      Effect.suspend(() => {
        if (path.includes("nowhere/")) return Effect.fail(failed("NotFound", "open", path))
        if (flag === "a" && !this.contents.has(path)) this.contents.set(path, new Uint8Array())
        return Effect.succeed(this.file(path))
      })
  })

  private file(path: string): FileSystem.File {
    let at = 0
    const bytes = () => this.contents.get(path)!
    const file: Partial<FileSystem.File> = {
      stat: Effect.sync(() => ({ type: "File", size: bytes().length, mtime: Option.none() }) as never),
      seek: (offset) =>
        Effect.sync(() => {
          at = Number(offset)
          return offset
        }),
      read: (buffer) =>
        Effect.sync(() => {
          const read = bytes().subarray(at, at + buffer.length)
          buffer.set(read)
          at += read.length
          return read.length
        }),
      writeAll: (added) =>
        Effect.suspend(() => {
          if (this.disk === "hangs") return Effect.never
          const written = this.disk === "full" ? added.subarray(0, added.length >> 1) : added
          this.contents.set(path, new Uint8Array([...bytes(), ...written]))
          return this.disk === "full" ? Effect.fail(failed("Unknown", "writeAll", path)) : Effect.void
        })
    }
    return file as FileSystem.File
  }
}

const failed = (_tag: "NotFound" | "Unknown", method: string, path: string) =>
  PlatformError.systemError({ _tag, module: "FileSystem", method, pathOrDescriptor: path })
