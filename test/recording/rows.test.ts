/** The lines of requests, in bytes: as `JSON.stringify` would have them, whatever is in them. */
import { assert, describe, it } from "@effect/vitest"
import { Lines } from "../../src/recording/lines.ts"
import { Block } from "../../src/recording/notes.ts"
import { recordedEnds } from "../../src/recording/recorded.ts"
import { addBlock } from "../../src/recording/rows.ts"

const textOf = (lines: Lines) => new TextDecoder().decode(lines.all)

const texts = ["run", "", "ü", 'a "quoted" one', "\ud800", "ü€𝄞", "x".repeat(64), "x".repeat(65), "€".repeat(3000)]

describe("lines in bytes", () => {
  it("have a number as it is written in a text", () => {
    const powers = Array.from({ length: 16 }, (_, n) => 10 ** n)
    const around = [...powers, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER].flatMap((n) => [n - 1, n, n + 1])
    const lines = new Lines()
    for (const n of [...around, 1_000_000_007, -1, -0, 1e21, Infinity, Number.NaN]) {
      lines.clear()
      lines.whole(n)
      assert.strictEqual(textOf(lines), String(n))
    }
  })

  it("have texts of any letters and any length, one behind the other", () => {
    const lines = new Lines()
    for (const text of texts) lines.text(text)
    assert.deepStrictEqual([...lines.all], [...new TextEncoder().encode(texts.join(""))])
  })

  it("do not keep what a long text has taken", () => {
    const lines = new Lines()
    lines.text("x".repeat(1_000_000))
    lines.clear()
    assert.isBelow(lines.all.buffer.byteLength, 100_000)
    lines.text("y")
    assert.strictEqual(textOf(lines), "y")
  })
})

describe("the line of a request", () => {
  it("is what `JSON.stringify` gives for it", () => {
    const block = new Block()
    const expected: Array<string> = []
    const startedAt = 1_000_000.25
    for (const end of recordedEnds.keys()) {
      for (const text of texts) {
        for (const priority of [0, -10]) {
          const n = block.count++
          const at = 7_000_000 * n
          block.at[n] = startedAt + at
          block.startedAt[n] = n % 3 === 0 ? Number.NaN : startedAt + at + 2
          block.endedAt[n] = startedAt + at + 3.5
          block.end[n] = end
          block.priority[n] = priority
          block.type[n] = text
          block.key[n] = text
          const rest = priority !== 0 ? [`of ${text}`, priority] : [`of ${text}`]
          const key = text === "" ? rest.with(0, "") : rest
          const phases = n % 3 === 0 ? [3500] : [2000, 1500]
          const row = [1000 * at, text, recordedEnds[end], phases]
          expected.push(JSON.stringify(text === "" && priority === 0 ? row : [...row, ...key]))
        }
      }
    }
    const lines = new Lines()
    addBlock(lines, block, startedAt, (key) => `of ${key}`)
    assert.deepStrictEqual(textOf(lines).split("\n"), [...expected, ""])
  })
})
