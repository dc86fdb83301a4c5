/** Reads recordings, a piece at a time: however long they are, they take the same memory. */
import { Effect, FileSystem, Stream } from "effect"
import { BadRecording } from "./errors.ts"
import { filesOf } from "./files.ts"
import { type Entry, type Origin, Parser } from "./parse.ts"

/** A line of a recording is far shorter. */
const longestLine = 1024 ** 2

/**
 * The lines of these files, in their order, many at a time. Before each file come its older parts, `FILE.3` to `FILE.1`, where they are
 * there. Fails with the first line that none can be.
 */
export const read = (
  paths: ReadonlyArray<string>
): Stream.Stream<ReadonlyArray<Entry>, BadRecording, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const origin: Origin = { startedAtMillis: undefined }
      const all: Array<string> = []
      for (const path of paths) {
        for (const part of filesOf(path).slice(0, -1)) {
          if (!paths.includes(part) && (yield* Effect.orElseSucceed(fs.exists(part), () => false))) all.push(part)
        }
        all.push(path)
      }
      return Stream.fromIterable(all).pipe(Stream.flatMap((path) => readFile(fs, path, origin)))
    })
  )

const readFile = (
  fs: FileSystem.FileSystem,
  path: string,
  origin: Origin
): Stream.Stream<ReadonlyArray<Entry>, BadRecording> =>
  Stream.suspend(() => {
    const parser = new Parser(path, origin)
    const decoder = new TextDecoder()
    let rest = ""
    const parse = (lines: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Entry>, BadRecording> => {
      const entries: Array<Entry> = []
      for (const line of lines) {
        const entry = parser.next(line)
        if (entry instanceof BadRecording) return Effect.fail(entry)
        if (entry !== undefined) entries.push(entry)
      }
      return Effect.succeed(entries)
    }
    const pieces = fs.stream(path, { chunkSize: 256 * 1024 }).pipe(
      Stream.mapError(
        ({ message }) => new BadRecording({ path, line: 0, expected: "a file that can be read", actual: message })
      ),
      Stream.mapEffect((bytes) => {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
        rest = lines.pop()!
        return rest.length > longestLine ? parse([...lines, rest]) : parse(lines)
      })
    )
    const last = Effect.suspend(() => {
      rest += decoder.decode()
      return Effect.flatMap(parse(rest === "" ? [] : [rest]), (entries) => {
        const end = parser.end()
        if (end instanceof BadRecording) return Effect.fail(end)
        return Effect.succeed(end === undefined ? entries : [...entries, end])
      })
    })
    return Stream.concat(pieces, Stream.fromEffect(last))
  })
