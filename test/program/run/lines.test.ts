/** Every kind of line, and its one outcome. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { expect, it } from "vitest"
import { echo, numbers, outcomes, start, startRun, temporary } from "../fixtures/program.ts"

const files = temporary()

it("gives each line its outcome, and numbers blank lines without running them", async () => {
  const out = files.path("outcomes.jsonl")
  const requests = files.path("requests.jsonl")
  const line = (value: unknown) => `${JSON.stringify(value)}\n`
  const sleep = { type: "Sleep", data: { millis: 60_000 } }
  writeFileSync(
    requests,
    Buffer.concat([
      Buffer.from("\uFEFF"),
      Buffer.from(line({ ...echo("a"), id: "first" })), // 1
      Buffer.from(" \t\r\n"), // 2
      Buffer.from("{no json\n"), // 3
      Buffer.from("[1]\n"), // 4
      Buffer.from(line({ data: {} })), // 5
      Buffer.from([0xff, 0xfe, 0x0a]), // 6
      Buffer.from(line({ type: "Unknown", data: {} })), // 7
      Buffer.from(line({ type: "Echo", data: { message: 1 } })), // 8
      Buffer.from(line({ type: "Sleep", data: { millis: 60_000 }, timeout: "20 millis", maxRetries: 1 })), // 9
      Buffer.from(line({ type: "Sleep", data: { millis: 60_000 }, timeout: 20 })), // 10
      Buffer.from(line({ ...echo(), timeout: "soon" })), // 11
      Buffer.from(line({ ...echo(), timeout: true })), // 12
      Buffer.from(line({ ...echo(), maxRetries: 0.5 })), // 13
      Buffer.from(line({ type: "Fail", data: { reason: "r" }, maxRetries: 2, id: 7 })), // 14
      Buffer.from(line({ type: "Die", data: { reason: "r" } })), // 15
      Buffer.from(line(echo("x".repeat(1 << 20)))), // 16: over 1 MiB
      Buffer.from(`${JSON.stringify(echo("y".repeat(1_000_000)))}\r\n`), // 17
      Buffer.from("\n"), // 18
      Buffer.from(line({ type: "__proto__" })), // 19
      Buffer.from(line({ ...sleep, timeout: "20ms" })), // 20
      Buffer.from(line({ ...echo(), timeout: "none" })), // 21
      Buffer.from(line({ ...echo(), timeout: 0 })), // 22
      Buffer.from(line({ ...echo(), timeuot: 1, retries: 2 })), // 23
      Buffer.from('{"type":"Echo","data":{"message":"\u00e9\u{1f600}"}}') // 24, no line feed
    ] as ReadonlyArray<Uint8Array>)
  )
  const program = startRun(requests, "--outcomes", out)
  expect(await program.code()).toBe(1)
  const ends = outcomes(out).map(({ end, line }) => [line, end])
  expect(ends).toEqual([
    [1, "succeeded"],
    [3, "malformed"],
    [4, "malformed"],
    [5, "malformed"],
    [6, "malformed"],
    [7, "rejected"],
    [8, "rejected"],
    [9, "timedOut"],
    [10, "timedOut"],
    [11, "rejected"],
    [12, "malformed"],
    [13, "rejected"],
    [14, "failed"],
    [15, "failed"],
    [16, "malformed"],
    [17, "succeeded"],
    [19, "rejected"],
    [20, "timedOut"],
    [21, "succeeded"],
    [22, "rejected"],
    [23, "malformed"],
    [24, "succeeded"]
  ])
  const of = (line: number) => outcomes(out).find((outcome) => outcome.line === line)
  expect(of(1)).toMatchObject({ id: "first", type: "Echo", attempts: 1, result: "a" })
  expect(of(9)).toMatchObject({ attempts: 2, error: { _tag: "RequestTimeout" } })
  expect(of(14)).toMatchObject({ id: "7", attempts: 3, error: "r" })
  expect(of(15)).toMatchObject({ attempts: 1, error: { _tag: "Defect", message: "r" } })
  expect(of(11)?.error?.message).toBe(
    'Expected `timeout` to be a duration above zero (a number of milliseconds, or a text such as 500ms, 1.5s, 10m, 2h, 1d or "2 seconds"), or "none", got "soon"'
  )
  expect(of(13)?.error?.message).toBe("Expected `maxRetries` to be a whole number, at least 0, got 0.5")
  expect(of(23)?.error?.message).toBe(
    'expected no unknown keys, got "timeuot", "retries"; a line takes type, data, id, key, priority, timeout, maxRetries, delay, startAt, primaryKey, duplicate, debounce, debounceAtMost, group'
  )
  expect(of(24)).toMatchObject({ result: "é😀" })
  expect(program.summary).toMatchObject({ lines: 22, blank: 2, failures: 18, left: 0, retries: 3 })
})

it("lets lines join, replace and be refused as duplicates, and says of each what is wrong with it", async () => {
  const requests = files.path("requests.jsonl")
  const out = files.path("outcomes.jsonl")
  const one = { type: "Sleep", data: { millis: 300 }, primaryKey: "k" }
  const later = { ...echo("later"), primaryKey: 7, duplicate: "replace" }
  writeFileSync(
    requests,
    [
      one, // 1
      { ...one, duplicate: "join" }, // 2
      { ...one, duplicate: "reject", group: "g" }, // 3
      { ...later, debounce: "10 minutes" }, // 4
      { ...later, debounce: 1, debounceAtMost: "1s" }, // 5
      { ...later, duplicate: "merge" }, // 6
      { ...later, primaryKey: "" }, // 7
      { ...later, primaryKey: ["k"] }, // 8
      { ...later, debounce: 0 }, // 9
      { ...later, debounce: "1s", debounceAtMost: 1 }, // 10
      { ...echo(), group: "g".repeat(257) }, // 11
      { ...echo(), debounce: true }, // 12
      { ...echo(), debounce: 1 }, // 13
      { ...echo(), duplicate: 1 } // 14
    ]
      .map((one) => `${JSON.stringify(one)}\n`)
      .join("")
  )
  const program = startRun(requests, "--outcomes", out, "--max-workers", "2")
  expect(await program.code()).toBe(1)
  const told = outcomes(out).toSorted((a, b) => a.line - b.line)
  expect(told.map(({ end, error }) => [end, (error as { _tag?: string } | undefined)?._tag])).toEqual([
    ["succeeded", undefined],
    ["succeeded", undefined],
    ["rejected", "DuplicateRequest"],
    ["cancelled", "RequestReplaced"],
    ["succeeded", undefined],
    ["rejected", "InvalidRequestOption"],
    ["rejected", "InvalidRequestOption"],
    ["malformed", "MalformedLine"],
    ["rejected", "InvalidRequestOption"],
    ["rejected", "InvalidRequestOption"],
    ["rejected", "InvalidRequestOption"],
    ["malformed", "MalformedLine"],
    ["rejected", "InvalidRequestOption"],
    ["malformed", "MalformedLine"]
  ])
  const messages = told.map(({ error }) => (error as { message?: string } | undefined)?.message)
  expect(messages[5]).toBe('Expected `duplicate` to be allow or join or reject or replace or latest, got "merge"')
  expect(messages[7]).toBe('expected "primaryKey" to be a text or a number, got ["k"]')
  expect(messages[9]).toContain("`debounceAtMost`")
  expect(messages[13]).toBe('expected "duplicate" to be a text, got 1')
})

it("runs an empty input, and one of blank lines", async () => {
  for (const text of ["", "\n\n \n"]) {
    const requests = files.path("requests.jsonl")
    writeFileSync(requests, text)
    const program = startRun(requests, "--outcomes", files.path("outcomes.jsonl"))
    expect(await program.code()).toBe(0)
    expect(program.summary).toMatchObject({ lines: 0, blank: text.length === 0 ? 0 : 3 })
  }
})

it("runs what comes through standard input as it comes, before its end", async () => {
  const out = files.path("outcomes.jsonl")
  const program = startRun("-", "--outcomes", out)
  program.child.stdin!.write(`${JSON.stringify(echo("1"))}\n{"type":"Echo",`)
  await program.until("a first outcome", () => ends(out) === 1)
  program.child.stdin!.write(`"data":{"message":"2"}}\n`)
  await program.until("a second outcome", () => ends(out) === 2)
  program.child.stdin!.end(JSON.stringify(echo("3")))
  expect(await program.code()).toBe(0)
  expect(outcomes(out).map(({ result }) => result)).toEqual(["1", "2", "3"])
})

it("tells a file that cannot be read apart: missing, dangling, a directory", async () => {
  const folder = files.path("folder")
  const dangling = files.path("dangling")
  mkdirSync(folder)
  symlinkSync(files.path("gone"), dangling)
  const out = files.path("outcomes.jsonl")
  const requests = files.lines(
    [files.path("gone"), dangling, folder, "/dev/null"].map((path) => ({ type: "Checksum", data: { path } }))
  )
  const examples = new URL("../../../examples/handlers.ts", import.meta.url).pathname
  expect(await start("run", requests, "--handlers", examples, "--outcomes", out).code()).toBe(1)
  const codes = outcomes(out).map(({ error }) => (error as unknown as { code: string }).code)
  expect(codes).toEqual(["ENOENT", "ENOENT", "EISDIR", "EINVAL"])
})

it("gives 20,000 lines one outcome each, with and without an end in sight", async () => {
  const requests = files.lines(numbers(1, 20_000).map((n) => echo(String(n))))
  const out = files.path("outcomes.jsonl")
  const program = startRun(requests, "--outcomes", out)
  expect(await program.code()).toBe(0)
  expect(outcomes(out).map(({ line, result }) => [line, result])).toEqual(numbers(1, 20_000).map((n) => [n, String(n)]))
})

const ends = (path: string): number => {
  try {
    return outcomes(path).length
  } catch {
    return 0
  }
}
