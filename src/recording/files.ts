/** The files of a recording as they are written: at the end of the newest, and once that is full into a new one. */
import { Effect, Exit, FileSystem, type PlatformError, Scope } from "effect"
import { CannotRecord } from "./errors.ts"
import { beginning } from "./header.ts"

/** The files that there are at most, the oldest first. */
export const filesOf = (path: string): ReadonlyArray<string> => [`${path}.3`, `${path}.2`, `${path}.1`, path]

const encoder = new TextEncoder()
const newline = 10
const nothing = new Uint8Array(0)
/** Of a new file: who asked for what, and how often, is no matter of everybody. */
const ownersOnly = 0o600

interface Options {
  readonly path: string
  /** The most that all files together have. */
  readonly maxBytes: number
  /** The first line of a part. */
  readonly header: (part: number) => string
}

/** The file is opened for the first time now: what is wrong with it shows at once. What it has stays. */
export const open = (options: Options): Effect.Effect<Files, CannotRecord, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { path } = options
    const failed = (error: PlatformError.PlatformError) => new CannotRecord({ path, reason: error.message })
    const isCut = yield* Effect.catchTag(look(fs, path), "PlatformError", failed)
    const files = new Files(fs, options)
    yield* Effect.addFinalizer(() => files.close)
    yield* Effect.mapError(files.begin(isCut), failed)
    return files
  })

/** Whether it ends within a line. It is a recording, or not there, or empty. */
const look = (fs: FileSystem.FileSystem, path: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      if (!(yield* fs.exists(path))) return false
      const file = yield* fs.open(path, { flag: "r" })
      const { size, type } = yield* file.stat
      if (type !== "File") {
        return yield* new CannotRecord({ path, reason: `expected a file or nothing there, got a ${type}` })
      }
      if (Number(size) === 0) return false
      const start = new Uint8Array(beginning.length)
      const read = yield* file.read(start)
      const text = new TextDecoder().decode(start.subarray(0, read))
      if (text !== beginning) {
        const reason = `expected a recording or nothing there, got a file that begins with ${JSON.stringify(text)}`
        return yield* new CannotRecord({ path, reason })
      }
      yield* file.seek(BigInt(Number(size) - 1), "start")
      const last = new Uint8Array(1)
      yield* file.read(last)
      return last[0] !== newline
    })
  )

export class Files {
  private readonly fs: FileSystem.FileSystem
  private readonly options: Options
  private readonly all: ReadonlyArray<string>
  private scope: Scope.Closeable | undefined = undefined
  private file: FileSystem.File | undefined = undefined
  private size = 0
  private part = 0
  /** The file ends within a line, perhaps. */
  private isCut = false
  /** Somebody else has written to it, or has cut it, since it was opened. */
  isShared = false
  /** The header of this part has been written. */
  private isHeaded = false

  constructor(fs: FileSystem.FileSystem, options: Options) {
    this.fs = fs
    this.options = options
    this.all = filesOf(options.path)
  }

  /** Opens the newest file, and begins a part of the recording there. */
  begin(isCut: boolean): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.suspend(() => {
      this.isCut = isCut
      this.isHeaded = false
      this.part++
      return this.append(nothing)
    })
  }

  /** All of these lines, in one file. After a failure some of them may be there. */
  write(lines: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.suspend(() =>
      this.size + lines.length <= this.options.maxBytes / this.all.length
        ? this.append(lines)
        : Effect.andThen(this.turnOver, this.append(lines))
    )
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const { scope } = this
    this.scope = this.file = undefined
    return scope === undefined ? Effect.void : Effect.ignore(Scope.close(scope, Exit.void))
  })

  private readonly openNewest = Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    return this.fs.open(this.options.path, { flag: "a", mode: ownersOnly }).pipe(
      Scope.provide(scope),
      Effect.tap((file) =>
        Effect.map(file.stat, ({ size }) => {
          this.scope = scope
          this.file = file
          this.size = Number(size)
        })
      ),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
  })

  private readonly turnOver = Effect.suspend(() => {
    const [, ...all] = this.all
    /** Each takes the place of the one before it. Whoever else writes to the file may have moved it already. */
    const move = (path: string, n: number): Effect.Effect<void, PlatformError.PlatformError> =>
      this.fs
        .rename(path, this.all[n]!)
        .pipe(Effect.catch((error) => (error.reason._tag === "NotFound" ? Effect.void : Effect.fail(error))))
    return this.close.pipe(Effect.andThen(Effect.forEach(all, move)), Effect.andThen(this.begin(false)))
  })

  private append(lines: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.suspend(() => {
      const { file } = this
      if (file === undefined) return Effect.andThen(this.openNewest, this.append(lines))
      return Effect.flatMap(
        Effect.onError(file.stat, () => this.close),
        ({ size }) => {
          if (Number(size) !== this.size) {
            // Lines belong to the header before them.
            this.isShared = this.isCut = true
            this.isHeaded = false
            this.size = Number(size)
          }
          return this.appendTo(file, lines)
        }
      )
    })
  }

  private appendTo(file: FileSystem.File, lines: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.suspend(() => {
      const { isCut, isHeaded, options, part } = this
      const before = `${isCut ? "\n" : ""}${isHeaded ? "" : options.header(part)}`
      const bytes = before === "" ? lines : joined(encoder.encode(before), lines)
      return file.writeAll(bytes).pipe(
        Effect.tap(
          Effect.sync(() => {
            this.isCut = false
            this.isHeaded = true
            this.size += bytes.length
          })
        ),
        Effect.onError(() => {
          // A line that was cut is only looked over before a header.
          this.isCut = true
          this.isHeaded = false
          return this.close
        })
      )
    })
  }
}

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
