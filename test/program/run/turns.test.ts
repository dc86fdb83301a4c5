/** Who runs next among the lines of a run: by priority, by key, and behind a limit. */
import { readFileSync, writeFileSync } from "node:fs"
import { expect, it } from "vitest"
import { outcomes, startRun, temporary } from "../fixtures/program.ts"

const files = temporary()

/** The order in which lines run that have all been read while one worker was busy. */
const orderOf = async (lines: ReadonlyArray<object>, ...flags: ReadonlyArray<string>) => {
  const [held, marks, out] = [files.path("held"), files.path("marks"), files.path("outcomes.jsonl")]
  const mark = (line: object, n: number) => ({ type: "Mark", data: { file: marks, text: String(n + 1) }, ...line })
  const requests = files.lines([{ type: "Hold", data: { file: held } }, ...lines.map(mark), "not a request"])
  const program = startRun(requests, "--outcomes", out, "--policy", "fixed:1", "--max-failures", "1", ...flags)
  await program.until("the last line", () => readFileOr(out).includes("malformed"))
  writeFileSync(held, "")
  expect(await program.code()).toBe(0)
  return { order: readFileSync(marks, "utf8").trim().split("\n"), ends: outcomes(out) }
}

const readFileOr = (path: string) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

it("the highest priority first, and its outcome as that of any", async () => {
  const { order } = await orderOf([{}, { priority: -1 }, { priority: 10 }, { priority: 1 }], "--aging", "none")
  expect(order).toEqual(["3", "4", "1", "2"])
}, 60_000)

it("each key in its turn, and the key is in its outcome", async () => {
  const { ends, order } = await orderOf([{ key: "a" }, { key: "a" }, { key: "a" }, { key: 7 }, {}])
  expect(order.slice(0, 3).toSorted()).toEqual(["1", "4", "5"])
  expect(ends.find(({ line }) => line === 5)).toMatchObject({ type: "Mark", key: "7", end: "succeeded" })
  expect(ends.filter((end) => "key" in end).length).toBe(4)
}, 60_000)

it("not before a limit lets it, and then the newest first", async () => {
  const { order } = await orderOf([{}, {}, {}], "--limit", "name=marks,tags=Mark,concurrency=1", "--order", "lifo")
  expect(order).toEqual(["3", "2", "1"])
}, 60_000)

it.each(["dropping", "sliding"])(
  "refuses and evicts no line for its key, though the queue is %s",
  async (strategy) => {
    const lines = Array.from({ length: 9 }, () => ({ key: "a" }))
    const { ends } = await orderOf(lines, "--strategy", strategy, "--capacity", "12")
    expect(ends.filter(({ end }) => end === "succeeded").length).toBe(10)
  },
  60_000
)

it("refuses a key or a priority that is none", async () => {
  const out = files.path("outcomes.jsonl")
  const echo = { type: "Echo", data: { message: "x" } }
  const lines = [{ key: true }, { priority: "1" }, { priority: 11 }, { priority: 1.5 }, { key: "k".repeat(257) }]
  const requests = files.lines([...lines.map((line) => ({ ...echo, ...line })), { ...echo, key: "__proto__" }])
  expect(await startRun(requests, "--outcomes", out, "--max-failures", "5").code()).toBe(0)
  expect(
    outcomes(out)
      .toSorted((a, b) => a.line - b.line)
      .map(({ end, error }) => [end, error?.message])
  ).toEqual([
    ["malformed", 'expected "key" to be a text or a number, got true'],
    ["malformed", 'expected "priority" to be a number, got "1"'],
    ["rejected", "Expected `priority` to be a whole number from -10 to 10, got 11"],
    ["rejected", "Expected `priority` to be a whole number from -10 to 10, got 1.5"],
    ["rejected", "Expected `key` to be at most 256 characters, got 257"],
    ["succeeded", undefined]
  ])
}, 60_000)
