/** What is wrong with a file is told with its line, what was expected and what came. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import * as Recording from "../../src/Recording.ts"
import { MemoryFiles } from "../support/memoryFiles.ts"

const header =
  '{"recording":"effect-worker-pool","version":1,"part":1,"startedAt":"2026-01-01T00:00:00.000Z","keys":"hashed","salt":"x","pool":{"name":"p","minWorkers":1,"maxWorkers":2,"strategy":"suspend","scalingIntervalMillis":1000}}'
const row = '[1000,"A","succeeded",[5,10]]'
const mark = (at: number) => `{"at":${at},"workers":1,"worked":${at},"pending":0,"lost":0}`

const readText = (...lines: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const files = new MemoryFiles()
    files.set("f", lines.join("\n"))
    return Effect.map(Stream.runCollect(Recording.read(["f"])), (all) => all.flat()).pipe(
      Effect.provideService(FileSystem.FileSystem, files.service)
    )
  })

const why = (...lines: ReadonlyArray<string>) => Effect.map(Effect.flip(readText(...lines)), ({ message }) => message)

describe("a file that is no recording", () => {
  const table: ReadonlyArray<readonly [name: string, lines: ReadonlyArray<string>, message: string]> = [
    ["is empty", [], "f: expected a recording, got an empty file"],
    ["is something else", ["time,type", "1,A"], 'f, line 1: expected the header of a recording, got "time,type"'],
    [
      "is of another version",
      [header.replace('"version":1', '"version":2')],
      "f, line 1: expected version 1 of the format, got version 2"
    ],
    [
      "has no date",
      [header.replace("2026-01-01T00:00:00.000Z", "soon")],
      'f, line 1: expected `startedAt` to be a date, got "soon"'
    ],
    [
      "has no settings",
      [header.replace('"name"', '"nome"')],
      "f, line 1: expected `pool` to be the settings of a pool"
    ],
    [
      "has a first tick that is no time",
      [header.replace('"scalingIntervalMillis"', '"firstTickMillis":"soon","scalingIntervalMillis"')],
      "f, line 1: expected `pool` to be the settings of a pool"
    ],
    ...[
      '"agingMillis":"soon"',
      '"keyCapacity":"some"',
      '"order":"any"',
      '"shedding":{"targetMillis":1}',
      '"besides":"limits"'
    ].map((field): [string, ReadonlyArray<string>, string] => [
      `has a pool with ${field}`,
      [header.replace('"scalingIntervalMillis"', `${field},"scalingIntervalMillis"`)],
      "f, line 1: expected `pool` to be the settings of a pool"
    ]),
    ["has a header that is cut and nothing else", [header.slice(0, 60)], "f, line 1: expected a whole header, got"],
    ["is cut within", [header, row.slice(0, 9), row], "f, line 2: expected a whole line of a recording, got"],
    ["has another value", [header, "7"], 'f, line 2: expected a request or a mark, got "7"'],
    [
      "has an instant before its start",
      [header, '[-1,"A","succeeded",[]]'],
      "f, line 2: expected the instant of a request to be whole microseconds, at least 0, got -1"
    ],
    ["has a time below zero", [header, '[1,"A","succeeded",[0,-5]]'], "f, line 2: expected the phases of a request"],
    [
      "has an end that is none",
      [header, '[1,"A","done",[0,5]]'],
      "f, line 2: expected the end of a request to be one of"
    ],
    ["has a type that is no text", [header, '[1,2,"failed",[0,5]]'], "f, line 2: expected the type of a request"],
    ["has a priority out of range", [header, '[1,"A","failed",[0,5],"",11]'], "f, line 2: expected the priority"],
    [
      "has attempts without an end",
      [header, '[1,"A","failed",[0,5,1,2]]'],
      'f, line 2: expected the ends of 1 earlier attempts, each f or t, got ""'
    ],
    [
      "has a clock that goes back",
      [header, mark(2000), row, mark(1999)],
      "f, line 4: expected an instant not before that of the mark before, 2000, got 1999: the clock went back"
    ],
    ["has a mark that says nothing", [header, '{"at":1}'], "f, line 2: expected `workers` of a mark"]
  ]
  for (const [name, lines, message] of table) {
    it.effect(name, () =>
      Effect.map(why(...lines), (actual) => assert.isTrue(actual.startsWith(message), `${actual}\n${message}`))
    )
  }

  it.effect("is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Stream.runDrain(Recording.read(["nope"])).pipe(
          Effect.provideService(FileSystem.FileSystem, new MemoryFiles().service)
        )
      )
      assert.match(error.message, /^nope: expected a file that can be read, got NotFound/)
    })
  )
})

describe("a recording", () => {
  it.effect("that is cut in its last line has all before it, and says so", () =>
    Effect.gen(function* () {
      for (let length = 1; length < row.length; length++) {
        const entries = yield* readText(header, row, row.slice(0, length))
        assert.deepStrictEqual(
          entries.map(({ _tag }) => _tag),
          ["Header", "Request", "Cut"]
        )
      }
    })
  )

  it.effect("goes on behind a line that was cut, where the next process begins; instants count from the first", () =>
    Effect.gen(function* () {
      const later = header.replace("00:00:00", "00:01:00").replace('"salt":"x"', '"salt":"y"')
      const entries = yield* readText(header, row, row.slice(0, 7), later, row)
      assert.deepStrictEqual(
        entries.map((entry) => (entry._tag === "Request" ? entry.atMillis : entry._tag)),
        ["Header", 1, "Header", 60_001]
      )
      assert.isTrue(entries[2]!._tag === "Header" && entries[2]!.afterCut)
    })
  )

  it.effect("keeps letters that stand in two pieces of the file", () =>
    Effect.gen(function* () {
      const type = "ü".repeat(400)
      const [, request] = yield* readText(header, row.replace("A", type))
      assert.isTrue(request!._tag === "Request" && request!.type === type)
    })
  )
})
